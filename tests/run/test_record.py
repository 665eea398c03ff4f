"""The record of a run: what it holds, and which runs may be resumed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from benchmarks.io import UserError
from benchmarks.report.page import facts
from benchmarks.run import record as run_record
from benchmarks.run.configuration import Configuration, command_of
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.workspace import Workspace
from tests.runs import QUICK, Run


def run_in(folder: Path, configuration: Configuration = QUICK) -> Run:
    return Run(Plan(configuration), Workspace(folder, folder / "networks", None, jobs=1))


def content(folder: Path) -> dict[str, object]:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def test_record_has_identity_command_and_environment(tmp_path: Path) -> None:
    RunRecord.begin(*run_in(tmp_path / "new" / "folder"))
    record = content(tmp_path / "new" / "folder")
    assert record["version"] == version("uncertainty-bench")
    assert record["configuration"] == QUICK.identity
    assert record["command"] == command_of(QUICK)
    units = Counter(unit.name.rpartition("/")[0] for unit in Plan(QUICK).units())
    assert record["replicates"] == units
    assert (record["data"], record["seconds"]) == ({}, {})


def test_same_configuration_goes_on_with_data_and_seconds(tmp_path: Path) -> None:
    record = RunRecord.begin(*run_in(tmp_path))
    (tmp_path / "predictions").mkdir()
    record.note_data({"clean": {"fingerprint": "f"}})
    with record.timed("train"):
        pass
    again = RunRecord.begin(*run_in(tmp_path))
    assert again.data == {"clean": {"fingerprint": "f"}}
    assert content(tmp_path)["seconds"] == {"train": 0.0}


def test_folder_of_another_configuration_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_record, "environment", lambda engine: {"engine": engine.name})
    RunRecord.begin(*run_in(tmp_path))
    before = (tmp_path / "run.json").read_bytes()
    for changes in ({"seed": 1, "members": (3,)}, {"device": "cuda", "engine": "torch"}):
        other = ", ".join(sorted(changes, key=list(QUICK.identity).index))
        message = rf"{tmp_path}[^\n]*\(other {other}\)[^\n]*--out[^\n]*--overwrite[^\n]*\Z"
        with pytest.raises(UserError, match=message):
            RunRecord.begin(*run_in(tmp_path, replace(QUICK, **changes)))
    assert (tmp_path / "run.json").read_bytes() == before


def test_run_that_mixes_machines_says_so(tmp_path: Path) -> None:
    record = RunRecord.begin(*run_in(tmp_path))
    record.note_machines("networks", ["A", ""])
    record.note_machines("predictions", ["B"], anew=True)
    record.note_machines("predictions", ["A", "A"], anew=True)
    assert "Mixed machines" not in facts(tmp_path)
    record.note_machines("networks", ["B"])
    assert content(tmp_path)["machines"] == {"networks": ["A", "B"], "predictions": ["A"]}
    assert facts(tmp_path)["Mixed machines"].startswith("networks by A / B; predictions by A.")


def test_fingerprint_of_images_that_are_gone_later_is_kept(tmp_path: Path) -> None:
    record = RunRecord.begin(*run_in(tmp_path))
    record.note_data({"ood-kmnist": {"unavailable": "no"}, "clean": {"fingerprint": "f"}})
    record.note_data({"ood-kmnist": {"fingerprint": "e"}, "clean": {"unavailable": "no"}})
    expected = {
        "ood-kmnist": {"fingerprint": "e"},
        "clean": {"fingerprint": "f", "unavailable": "no"},
    }
    assert content(tmp_path)["data"] == expected
    assert record.unavailable == {"clean": "no"}
    record.note_data({name: {"fingerprint": one["fingerprint"]} for name, one in expected.items()})
    assert record.unavailable == {}


def test_images_must_stay_those_that_the_run_was_begun_with(tmp_path: Path) -> None:
    record = RunRecord.begin(*run_in(tmp_path))
    record.note_data({"clean": {"fingerprint": "f" * 64}, "ood-kmnist": {"unavailable": "no"}})
    later = {"clean": {"fingerprint": "f" * 64}, "ood-kmnist": {"fingerprint": "e" * 64}}
    record.note_data(later)
    with pytest.raises(UserError, match=r"the images of 'clean' differ .* --overwrite"):
        record.note_data(later | {"clean": {"fingerprint": "d" * 64}})
    assert content(tmp_path)["data"] == later


def test_published_results_are_begun_anew(tmp_path: Path) -> None:
    """A clone holds results without their predictions, perhaps of another processor's bits."""
    record = RunRecord.begin(*run_in(tmp_path))
    record.note_data({"clean": {"fingerprint": "f" * 64}})
    with record.timed("measure"):
        pass
    again = RunRecord.begin(*run_in(tmp_path))
    again.note_data({"clean": {"fingerprint": "e" * 64}})
    assert content(tmp_path)["seconds"] == {}
    with again.timed("train"):
        pass
    # Each stage of a run in Python begins it again.
    assert RunRecord.begin(*run_in(tmp_path)).data == {"clean": {"fingerprint": "e" * 64}}
    assert content(tmp_path)["seconds"] == {"train": 0.0}
