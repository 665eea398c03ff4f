"""Custom methods that work with processes of their own, as they would in a script."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

import pytest

from benchmarks.run.custom_method import load_method
from methods.networks.pool import NetworkPool
from tests.processes import processes

METHOD = '''
import concurrent.futures
import multiprocessing

import torch

from methods import Prediction, UncertaintyMethod


def double(number):
    return 2 * number


def by_joblib():
    from joblib import Parallel, delayed

    return Parallel(2)(delayed(double)(number) for number in range(4))


def by_pool(kind):
    with multiprocessing.get_context(kind).Pool(2) as pool:
        return pool.map(double, range(4))


def by_executor():
    with concurrent.futures.ProcessPoolExecutor(2) as executor:
        return list(executor.map(double, range(4)))


class Mine(UncertaintyMethod):
    """Works with processes of its own."""

    name = "mine"

    def fit(self, images, labels):
        assert {call} == [0, 2, 4, 6]
        return self

    def predict(self, images):
        return Prediction.of(torch.full((2, len(images), 10), 0.1))
'''

CALLS = ["by_joblib()", "by_pool('fork')", "by_pool('spawn')", "by_executor()"]


def test_functions_can_be_imported_by_the_name_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "method_with_a_pool.py"
    file.write_text(METHOD.format(call="by_pool('fork')"))
    method = load_method(f"{file}:Mine")
    method.build(NetworkPool()).fit(None, None)  # type: ignore[arg-type]
    assert method.__module__ == "method_with_a_pool"
    assert sys.path[-1] == str(tmp_path)  # which their processes get
    spec = importlib.util.find_spec("method_with_a_pool")
    assert spec is not None
    assert spec.origin == str(file)


@pytest.mark.parametrize("file", ["random.py", "torch.py", "my-method.py", "test.py"])
def test_file_does_not_hide_a_module_of_its_name(file: str, tmp_path: Path) -> None:
    import random

    (tmp_path / file).write_text(METHOD.format(call="[0, 2, 4, 6]"))
    method = load_method(f"{tmp_path / file}:Mine")
    assert method.__module__ == f"custom_method_{Path(file).stem}"
    assert sys.modules["random"] is random


@pytest.mark.long
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("call", CALLS)
def test_run_of_a_method_with_processes(call: str, jobs: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(METHOD.format(call=call))
    with processes() as start:
        process = start(
            *("--task", "digits", "--methods", "", "--method", f"{tmp_path / 'mine.py'}:Mine"),
            *("--conditions", "clean", "--images", "20", "--replicates", "2", "--jobs", jobs),
            *("--out", str(tmp_path / "out"), "--networks", str(tmp_path / "networks")),
            *("--only", "predict"),
        )
        _, shown = process.communicate(timeout=200)
        assert process.returncode == 0, shown
        assert "Traceback" not in shown


@pytest.mark.long
def test_interrupted_pool_is_one_line(tmp_path: Path) -> None:
    slow = METHOD.replace(
        "return 2 * number", "print('at work', flush=True); import time; time.sleep(600)"
    )
    (tmp_path / "mine.py").write_text(slow.format(call="by_pool('fork')"))
    with processes() as start:
        process = start(
            *("--task", "digits", "--methods", "", "--method", f"{tmp_path / 'mine.py'}:Mine"),
            *("--conditions", "clean", "--images", "20", "--replicates", "2", "--jobs", "2"),
            *("--out", str(tmp_path / "out"), "--networks", str(tmp_path / "networks")),
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        os.killpg(process.pid, signal.SIGINT)
        # Waits for all processes, which hold the other end of the pipe.
        _, shown = process.communicate(timeout=60)
        assert shown.splitlines()[-1].startswith("interrupted; ")
        assert "Traceback" not in shown
