"""Folders that do not belong together are refused in one line, and nothing is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.errors import UserError
from benchmarks.merge import part_folder
from benchmarks.merge.agreement import remarks
from benchmarks.merge.part_folder import PartFolder
from benchmarks.merge.uniting import unite
from benchmarks.run.configuration.presets import command_of
from benchmarks.run.folder.recorded import recorded_configuration
from benchmarks.run.parts.part import Part
from benchmarks.run.plan import Plan
from benchmarks.run.stages.training_log import log_of, write_log
from benchmarks.stored.arrays import read_arrays, write_arrays
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from methods.networks.log import EpochLog
from methods.networks.recipes import STANDARD
from methods.networks.training import TrainedNetwork, initial_network
from tests.merge.conftest import CHOSEN, Merge, Record, change_record
from tests.run.stages.support import custom_method


def refused(merge: Merge, out: Path, *parts: Path) -> str:
    """The one line of a refused merge, which leaves nothing behind."""
    before = set(out.parent.iterdir())
    status, error = merge(out, *parts)
    assert status == 2, error
    assert re.fullmatch(r"error: [^\n]+\n", error)
    assert set(out.parent.iterdir()) == before
    return error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda record: record["configuration"].update(epochs=2, seed=1),
            "has another configuration than part 1/4 in .*epochs 2, not 1; seed 1, not 0",
        ),
        (lambda record: record.update(version="0.0.9"), "was computed by version 0.0.9"),
        (lambda record: record.update(predictions=0), "has predictions of meaning 0, and this"),
        (lambda record: record["configuration"].pop("pool"), "was computed by version"),
        (
            lambda record: record["environment"]["libraries"].update(torch="1.0"),
            "has another environment than part 1/4 in .*torch '1.0', not ",
        ),
        (
            lambda record: record["environment"].update(engine="other"),
            "has another environment .*engine 'other', not ",
        ),
        (
            lambda record: record["data"]["clean"].update(fingerprint="0" * 64),
            "has other images of 'clean' than part 1/4",
        ),
        (
            lambda record: record["data"].update(clean={"unavailable": "no mirror responds"}),
            "part 3/4 in .* without the images of 'clean'.* run python run_all.py .*--part 3/4",
        ),
        (lambda record: record.update(part="2/4"), "part-2 and .*part-3 both hold part 2/4; name"),
        (lambda record: record.update(part="3/5"), "differently divided runs"),
        (lambda record: record.update(part="third"), "run.json is damaged: 'third' names no part"),
        (lambda record: record.pop("part"), "holds a whole run"),
        (lambda record: record.pop("configuration"), "run.json is no record of a run"),
        (lambda record: record.update(data=None), r"run.json is damaged \(data is no object\)"),
    ],
)
def test_part_of_something_else(
    change: Callable[[Record], object],
    message: str,
    parts: list[Path],
    merge: Merge,
    tmp_path: Path,
) -> None:
    change_record(parts[2], change)
    error = refused(merge, tmp_path / "merged", *parts)
    assert re.search(message, error)
    assert str(parts[2]) in error


def test_missing_parts_are_named(computed: list[Path], merge: Merge, tmp_path: Path) -> None:
    error = refused(merge, tmp_path / "merged", computed[1])
    assert "parts are missing: 1/4, 3/4, 4/4;" in error


@pytest.mark.parametrize(
    "name", ["empty", "nowhere", pytest.param("whole", marks=pytest.mark.slow)]
)
def test_folder_that_is_no_part(
    name: str,
    computed: list[Path],
    merge: Merge,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """The tests that need a whole run are slow, so nothing else here would make one."""
    (tmp_path / "empty").mkdir()
    folder = request.getfixturevalue("whole") if name == "whole" else tmp_path / name
    error = refused(merge, tmp_path / "merged", *computed, folder)
    assert f"{folder} " in error
    assert "name folders that run_all.py --part has written" in error


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_existing_out_is_left_alone(
    kind: str, computed: list[Path], merge: Merge, tmp_path: Path
) -> None:
    out = tmp_path / "merged"
    if kind == "file":
        out.write_text("mine")
    else:
        out.mkdir()
    assert f"{out} exists already" in refused(merge, out, *computed)
    assert out.is_dir() if kind == "folder" else out.read_text() == "mine"


def test_one_part_in_two_folders_is_refused(
    parts: list[Path], computed: list[Path], merge: Merge, tmp_path: Path
) -> None:
    error = refused(merge, tmp_path / "merged", *parts, computed[1])
    assert f"{parts[1]} and {computed[1]} both hold part 2/4; name one of them" in error


def test_networks_that_were_trained_differently_are_refused(tmp_path: Path) -> None:
    """Two parts train the same network where more parts than networks are wanted."""
    plan = Plan(replace(CHOSEN, methods=("softmax", "mc_dropout"), recipes=("standard",)))
    epoch = EpochLog(epoch=1, split="training", images=9, loss=1, accuracy=1, precision=1, recall=1)
    parts = []
    for number, loss in enumerate((0.5, 0.25), start=1):
        trained = TrainedNetwork(initial_network(STANDARD, 0), (replace(epoch, loss=loss),), 1.0)
        folder = tmp_path / f"part-{number}"
        write_log(log_of({("standard", 0): trained}), plan, folder / "training.csv")
        parts.append(PartFolder(folder, Part(number, 2), {}))
    with pytest.raises(UserError, match="have trained network 0 of 'standard' differently"):
        unite(plan, parts, tmp_path / "united")


@pytest.mark.parametrize(
    "name",
    ["measurements.csv", "training.csv", "**/rotated-045.npz", "**/calibration.npz"],
)
def test_part_that_is_not_complete(
    name: str, parts: list[Path], merge: Merge, tmp_path: Path
) -> None:
    path = next(parts[1].glob(name))
    path.unlink()
    error = refused(merge, tmp_path / "merged", *parts)
    expected = {
        "measurements.csv": "is not finished",
        "training.csv": "lacks the log of network ",
    }.get(name, f"lacks the prediction file {path.relative_to(parts[1])}")
    assert f"part 2/4 in {parts[1]} {expected}" in error
    assert f"run {command_of(CHOSEN)} --part 2/4 --out {parts[1]}" in error


@pytest.mark.parametrize("kept", [0, 20, 100, -150])
def test_damaged_log_is_named(kept: int, parts: list[Path], merge: Merge, tmp_path: Path) -> None:
    log = parts[1] / "training.csv"
    log.write_bytes(log.read_bytes()[:kept])
    error = refused(merge, tmp_path / "merged", *parts)
    assert f"{log} is damaged" in error or f"part 2/4 in {parts[1]} lacks the log of" in error


def test_damaged_prediction_file_is_named(parts: list[Path], merge: Merge, tmp_path: Path) -> None:
    path = next(parts[1].glob("predictions/**/clean.npz"))
    path.write_bytes(path.read_bytes()[:-100])
    error = refused(merge, tmp_path / "merged", *parts)
    assert f"error: part 2/4 in {parts[1]}: the prediction file {path} cannot be used" in error


def test_values_that_other_code_has_computed_are_refused(
    parts: list[Path], merge: Merge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the suite had a metric of the members, and one part were computed before it changed."""
    monkeypatch.setattr(part_folder, "sources", lambda _: {"mine": 2})
    for number, one in enumerate(parts):
        for path in one.glob("predictions/**/*.npz"):
            arrays = {**read_arrays(path), "source:mine": np.array(1 if number == 1 else 2)}
            write_arrays(arrays, path, sealed=True)
    error = refused(merge, tmp_path / "merged", *parts)
    assert f"part 2/4 in {parts[1]} has values of 'mine' that other code than this" in error
    assert f"or run {command_of(CHOSEN)} --part 2/4 --out {parts[1]}" in error


def test_other_images_than_the_parts_are_refused(
    computed: list[Path], merge: Merge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = tuple(
        replace(one, transform=torch.neg) if one.name == "rotated-045" else one
        for one in MNIST.conditions
    )
    monkeypatch.setitem(TASKS, "mnist", replace(TASKS["mnist"], conditions=edited))
    error = refused(merge, tmp_path / "merged", *computed)
    assert "images of 'rotated-045' here are others than those of the parts" in error
    assert "--overwrite" not in error


def test_other_processors_and_commits_are_remarked(parts: list[Path]) -> None:
    change_record(parts[1], lambda r: r["environment"].update(processor="Z80"))
    change_record(parts[1], lambda r: r.update(commit="other"))
    processors, commits = remarks([PartFolder.read(one) for one in parts])
    assert "Z80" in processors
    assert "other commits" in commits or "different commits" in commits
    assert list(remarks([PartFolder.read(parts[0])])) == []
    change_record(parts[0], lambda r: r.update(commit="other modified"))
    assert "by modified code" in next(remarks([PartFolder.read(parts[0])]))


def test_custom_methods_must_be_those_of_the_parts(tmp_path: Path) -> None:
    mine = custom_method(tmp_path / "here")
    chosen = replace(CHOSEN, custom_methods=(mine,))
    record = {"configuration": chosen.identity}
    moved = custom_method(tmp_path / "there")
    assert recorded_configuration(record, [moved]).identity == chosen.identity
    with pytest.raises(UserError, match=r"1 custom methods \(mine\.py:NearestMean\); name each"):
        recorded_configuration(record, [])
    other = custom_method(tmp_path / "other", ("range(3)", "range(4)"))
    with pytest.raises(UserError, match=r"other files of mine\.py:NearestMean"):
        recorded_configuration(record, [other])


@pytest.mark.parametrize("arguments", [(), ("merged",)])
def test_folders_must_be_named(arguments: tuple[str, ...], merge: Merge) -> None:
    status, error = merge(*arguments)
    assert status == 2
    assert re.fullmatch(r"error: Missing argument[^\n]+\n", error)
