"""Workers that are killed with SIGKILL: whatever they were doing, the run ends the same."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from benchmarks.errors import MachineError
from tests.cluster.conftest import run_on_workers, written

FAULTY = Path(__file__).with_name("faulty_worker.py")


def wish(folder: Path, *names: str) -> str:
    """Have workers fail so, each once; their preload script."""
    (folder / "wishes").mkdir(exist_ok=True)
    for name in names:
        (folder / "wishes" / name).touch()
    return str(shutil.copy(FAULTY, folder))


def test_run_whose_workers_are_killed_is_the_serial_one(
    serial: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = wish(tmp_path, "die in training", "die in prediction")
    assert run_on_workers(tmp_path, preload=script) == []
    assert not any((tmp_path / "wishes").iterdir())
    shown = capsys.readouterr().err
    assert (tmp_path / "out" / "measurements.csv").read_bytes() == (
        serial / "measurements.csv"
    ).read_bytes()
    assert written(tmp_path / "out") == written(serial)
    assert len(re.findall(r"^cluster +2 workers; dashboard: http://\S+$", shown, re.M)) == 1
    for stage in ("train", "predict"):
        lost = re.findall(rf"^{stage} .*, \d running, (\d) lost$", shown, re.M)
        assert lost[-1] == "1", shown
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [len(record["machines"][what]) for what in ("networks", "predictions")] == [1, 1]


@pytest.mark.long
@pytest.mark.parametrize("collects", [False, True])
def test_run_on_workers_is_the_serial_one(serial: Path, tmp_path: Path, collects: bool) -> None:
    assert run_on_workers(tmp_path, collects=collects) == []
    assert written(tmp_path / "out") == written(serial)
    assert len(list((tmp_path / "networks").glob("*.safetensors"))) == 2


@pytest.mark.long
def test_unit_that_kills_every_worker_is_one_line(tmp_path: Path) -> None:
    script = wish(tmp_path, "always die in prediction")
    with pytest.raises(MachineError, match=r"4 workers ended one after the other .* what is"):
        run_on_workers(tmp_path, preload=script)
    assert list((tmp_path / "networks").glob("*.safetensors"))
