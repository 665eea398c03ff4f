"""The record of a run: what it holds, and which runs may be resumed."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from benchmarks.io import UserError
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
    assert list(record) == [
        *("version", "predictions", "configuration", "command", "replicates"),
        *("commit", "environment", "data", "seconds", "machines"),
    ]
    assert record["version"] == version("uncertainty-bench")
    assert record["configuration"] == QUICK.identity
    assert record["command"] == command_of(QUICK)
    assert record["replicates"] == {
        "softmax/budget-1": 5,
        **{f"mc_dropout-{passes}/budget-1": 5 for passes in (50, 100)},
        **{f"mc_dropout_article-{passes}/budget-1": 5 for passes in (50, 100)},
        **{f"deep_ensemble-{size}/budget-{size}": 5 for size in (1, 2, 5, 10)},
        "deep_ensemble-20/budget-20": 2,
        "deep_ensemble-50/budget-50": 1,
    }
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


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 1}, "seed"),
        ({"seed": 1, "members": (3,)}, "members, seed"),
        ({"conditions": ("rotated-015",)}, "conditions"),
        ({"preset": "full"}, "preset"),
        ({"device": "cuda", "engine": "torch"}, "device, engine"),
    ],
)
def test_folder_of_another_configuration_is_refused(
    changes: dict[str, object], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_record, "environment", lambda engine: {"engine": engine.name})
    RunRecord.begin(*run_in(tmp_path))
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(UserError) as refused:
        RunRecord.begin(*run_in(tmp_path, replace(QUICK, **changes)))
    message = str(refused.value)
    assert str(tmp_path) in message
    assert f"(other {named})" in message
    assert "--out" in message
    assert "--overwrite" in message
    assert "\n" not in message
    assert (tmp_path / "run.json").read_bytes() == before


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
