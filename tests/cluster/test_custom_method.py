"""A custom method is loaded on the workers, and another file of its name refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.cluster import requirements as module
from benchmarks.cluster.requirements import misfit, requirements
from benchmarks.run.configuration import Configuration
from benchmarks.run.stages import run_stages
from tests.cluster.conftest import DIGITS, run_on_workers, written
from tests.runs import run_of

METHOD = """
import torch

from methods import Prediction, UncertaintyMethod


class Mine(UncertaintyMethod):
    \"\"\"Random numbers, from the generator that is seeded for each call.\"\"\"

    name = "mine"

    def fit(self, images, labels):
        return self

    def predict(self, images):
        return Prediction.of_logits(torch.randn(2, len(images), 10))
"""


def with_mine(folder: Path) -> Configuration:
    file = folder / "mine.py"
    file.write_text(METHOD)
    return replace(DIGITS, methods=("softmax",), custom_methods=(f"{file}:Mine",))


@pytest.mark.long
def test_custom_method_is_loaded_on_workers(tmp_path: Path) -> None:
    configuration = with_mine(tmp_path)
    assert run_stages(*run_of(configuration, tmp_path / "serial")) == []
    (tmp_path / "cluster").mkdir()
    assert run_on_workers(tmp_path / "cluster", configuration=configuration) == []
    assert written(tmp_path / "cluster" / "out") == written(tmp_path / "serial" / "out")


def test_other_file_of_a_custom_method_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = with_mine(tmp_path).custom_methods
    required = requirements(tmp_path, tmp_path, methods, kernels=False)

    worker = SimpleNamespace(state=SimpleNamespace(nthreads=1))
    assert misfit(required, worker) == ""
    (tmp_path / "mine.py").write_text(METHOD + "\n")
    assert "mine.py such as that here; copy it there" in misfit(required, worker)
    worker.state.nthreads = 4
    assert "has 4 threads, by which bits differ" in misfit(required, worker)
    monkeypatch.setattr(module, "suite_version", lambda: "0.0.9")
    assert "has uncertainty-bench 0.0.9, and this is" in misfit(required, worker)
