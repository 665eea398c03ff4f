"""Folders that do not belong together are refused in one line, and nothing is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.errors import UserError
from benchmarks.merge.agreement import configuration_of_parts, remarks
from benchmarks.merge.part_folder import PartFolder
from benchmarks.run.parts.part import Part
from tests.merge.conftest import CHOSEN, Merge
from tests.run.stages.support import custom_method

Record = dict[str, Any]


def change_record(folder: Path, change: Callable[[Record], object]) -> None:
    record = json.loads((folder / "run.json").read_text())
    change(record)
    (folder / "run.json").write_text(json.dumps(record))


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
        (lambda record: record.update(part="2/4"), "parts are missing: 3/4; .* all 4 parts"),
        (lambda record: record.update(part="3/5"), "differently divided runs"),
        (lambda record: record.update(part="third"), "'third' names no part"),
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
    assert "parts are missing" in message or str(parts[2]) in error or "'third'" in error


def test_missing_parts_are_named(computed: list[Path], merge: Merge, tmp_path: Path) -> None:
    error = refused(merge, tmp_path / "merged", computed[1])
    assert "parts are missing: 1/4, 3/4, 4/4;" in error


@pytest.mark.parametrize("name", ["empty", "nowhere", "whole"])
def test_folder_that_is_no_part(
    name: str, computed: list[Path], whole: Path, merge: Merge, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    folder = whole if name == "whole" else tmp_path / name
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


def test_other_content_of_one_prediction_file_is_refused(
    parts: list[Path], computed: list[Path], merge: Merge, tmp_path: Path
) -> None:
    path = next(parts[1].glob("predictions/**/clean.npz"))
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez_compressed(path, **arrays | {"expected_entropy": arrays["expected_entropy"] / 2})
    error = refused(merge, tmp_path / "merged", *parts, computed[1])
    assert f"another content of {path.relative_to(parts[1])}" in error


def test_networks_that_were_trained_differently_are_refused(
    parts: list[Path], computed: list[Path], merge: Merge, tmp_path: Path
) -> None:
    log = parts[1] / "training.csv"
    change_record(parts[1], lambda record: record["files"].update({"training.csv": ""}))
    log.write_text(re.sub(r"0\.\d+", "0.5", log.read_text()))
    error = refused(merge, tmp_path / "merged", *parts, computed[1])
    assert re.search(r"have trained network \d of '(standard|plain)' differently", error)


@pytest.mark.parametrize("name", ["measurements.csv", "predictions"])
def test_part_that_is_not_complete(
    name: str, parts: list[Path], merge: Merge, tmp_path: Path
) -> None:
    path = parts[1] / name
    if path.is_dir():
        path = next(path.glob("**/rotated-045.npz"))
    path.unlink()
    error = refused(merge, tmp_path / "merged", *parts)
    lacks = "is not finished" if name == "measurements.csv" else f"{path.relative_to(parts[1])}"
    assert lacks in error
    assert f"run {CHOSEN.command} --part 2/4 --out {parts[1]}" in error


def test_damaged_prediction_file_is_named(parts: list[Path], merge: Merge, tmp_path: Path) -> None:
    path = next(parts[1].glob("predictions/**/clean.npz"))
    path.write_bytes(path.read_bytes()[:-100])
    status, error = merge(tmp_path / "merged", *parts)
    assert status == 2
    line = error.splitlines()[-1]
    assert line.startswith(f"error: the prediction file PART/{path.relative_to(parts[1])} cannot")
    assert not (tmp_path / "merged").exists()
    assert not (tmp_path / ".merged.merging").exists()


def test_other_processors_and_commits_are_remarked(parts: list[Path]) -> None:
    change_record(parts[1], lambda r: r["environment"].update(processor="Z80"))
    change_record(parts[1], lambda r: r.update(commit="other"))
    processors, commits = remarks([PartFolder.read(one) for one in parts])
    assert "Z80" in processors
    assert "other commits" in commits or "different commits" in commits
    assert list(remarks([PartFolder.read(parts[0])])) == []


def test_custom_methods_must_be_those_of_the_parts(tmp_path: Path) -> None:
    mine = custom_method(tmp_path / "here")
    chosen = replace(CHOSEN, custom_methods=(mine,))
    part = PartFolder(tmp_path, Part(1, 1), {"configuration": chosen.identity})
    moved = custom_method(tmp_path / "there")
    assert configuration_of_parts([part], [moved]).identity == chosen.identity
    with pytest.raises(UserError, match=r"1 custom methods \(mine\.py:NearestMean\); name each"):
        configuration_of_parts([part], [])
    other = custom_method(tmp_path / "other", ("range(3)", "range(4)"))
    with pytest.raises(UserError, match=r"other files of mine\.py:NearestMean"):
        configuration_of_parts([part], [other])


@pytest.mark.parametrize("arguments", [(), ("merged",)])
def test_folders_must_be_named(arguments: tuple[str, ...], merge: Merge) -> None:
    status, error = merge(*arguments)
    assert status == 2
    assert re.fullmatch(r"error: Missing argument[^\n]+\n", error)
