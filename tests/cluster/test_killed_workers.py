"""Workers that are killed with SIGKILL: whatever they were doing, the run ends the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.io import MachineError
from tests.cluster.conftest import run_on_workers
from tests.runs import numbers

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
    assert (tmp_path / "out" / "measurements.csv").read_bytes() == (
        digits_run / "out" / "measurements.csv"
    ).read_bytes()
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
