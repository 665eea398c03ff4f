"""Workers or the command that are killed: whatever they were doing, the run ends the same."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.io import MachineError
from tests.cluster.conftest import run_on_workers
from tests.processes import Start
from tests.runs import DIGITS, command_words, compute, numbers, run_of

pytestmark = pytest.mark.slow

FAULTY = str(Path(__file__).with_name("faulty_worker.py"))
"""What workers load first, to fail as a test wishes."""


@pytest.fixture
def wishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of files by which workers that load `FAULTY` fail; see there."""
    folder = tmp_path / "wishes"
    folder.mkdir()
    monkeypatch.setenv("WISHES", str(folder))
    return folder


def test_run_whose_workers_are_killed_is_the_serial_one(
    digits_run: Path, tmp_path: Path, wishes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (wishes / "die in training").touch()
    (wishes / "die in prediction").touch()
    assert run_on_workers(tmp_path, preload=FAULTY) == []
    assert not any(wishes.iterdir())
    shown = capsys.readouterr().err
    assert numbers(tmp_path / "out") == numbers(digits_run / "out")
    assert len(re.findall(r"^cluster +2 workers; dashboard: http://\S+$", shown, re.M)) == 1
    assert re.search(r"^train +(\d+) of \1 networks, \d+ s$", shown, re.M)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [len(record["machines"][what]) for what in ("networks", "predictions")] == [1, 1]


@pytest.mark.long
def test_unit_that_kills_every_worker_is_one_line(tmp_path: Path, wishes: Path) -> None:
    (wishes / "always die in prediction").touch()
    with pytest.raises(MachineError, match=r"--cluster .*KilledWorker: .*what is finished"):
        run_on_workers(tmp_path, preload=FAULTY)
    assert list((tmp_path / "networks").glob("*.safetensors"))


METHOD = """
import torch
from methods import Prediction, Softmax

class Mine(Softmax):
    \"\"\"Random numbers, from the generator that is seeded for each call.\"\"\"

    name = "mine"

    def predict(self, images):
        return Prediction.of_logits(torch.randn(2, len(images), 10))
"""


@pytest.mark.long
def test_custom_method_gives_the_same_numbers_on_workers(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(METHOD)
    custom = (f"{tmp_path / 'mine.py'}:Mine",)
    configuration = replace(DIGITS, methods=("softmax",), custom_methods=custom)
    assert compute(run_of(configuration, tmp_path / "serial")) == []
    (tmp_path / "cluster").mkdir()
    assert run_on_workers(tmp_path / "cluster", configuration=configuration) == []
    assert numbers(tmp_path / "cluster" / "out") == numbers(tmp_path / "serial" / "out")


@pytest.mark.long
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_command_goes_on_after_its_end_and_leaves_nobody_at_work(
    by: signal.Signals, digits_run: Path, tmp_path: Path, start: Start
) -> None:
    (tmp_path / "cluster.yaml").write_text("backend: local\nworkers: 2\n")
    words = (*command_words(tmp_path), "--cluster", str(tmp_path / "cluster.yaml"))
    process, until = start(*words), time.monotonic() + 600
    while not list((tmp_path / "networks").glob("*.safetensors")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)
    is_killed = by == signal.SIGKILL
    process.kill() if is_killed else os.killpg(process.pid, by)
    # Waits for the workers as well, which hold the other end of the pipe.
    _, shown = process.communicate(timeout=300)
    assert "Traceback" not in shown
    assert shown.count("interrupted; the same command continues the run") == 1 - is_killed
    assert process.returncode == (-by if is_killed else 130)
    again = start(*words)
    _, shown = again.communicate(timeout=600)
    assert again.returncode == 0, shown
    assert numbers(tmp_path / "out") == numbers(digits_run / "out")
