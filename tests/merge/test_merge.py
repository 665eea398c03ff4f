"""Parts that were computed apart end as one run does."""

from __future__ import annotations

import json
import re
import shutil
import signal
from itertools import chain
from pathlib import Path

import pytest

from benchmarks.merge import merging
from benchmarks.merge.part_folder import PartFolder
from benchmarks.merge.uniting import unite
from benchmarks.records import read_table
from benchmarks.run.parts.part import Part
from benchmarks.run.plan import Plan
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Workspace
from tests.merge.conftest import CHOSEN, PARTS, Merge, run_part
from tests.processes import processes

TABLES = ("measurements.csv", "summary.csv", "comparisons.csv", "training.csv", "images.npz")

HALF_A_FILE = """
import time

import numpy

whole, written = numpy.savez_compressed, []


def savez_compressed(file, **arrays):
    written.append(file)
    if len(written) < 4:
        return whole(file, **arrays)
    file.write(b"PK half a file")
    file.flush()
    print("writing", flush=True)
    time.sleep(600)


numpy.savez_compressed = savez_compressed
"""
"""Stops in the middle of the fourth prediction file."""

HALF_A_MERGE = """
import time

from benchmarks.merge import merging


def measure_all(*_):
    print("measuring", flush=True)
    time.sleep(600)


merging.measure_all = measure_all
"""


def files(folder: Path) -> dict[str, bytes]:
    """The tables, predictions and curves in a folder, by their paths in it."""
    found = [folder / name for name in TABLES]
    found += chain(folder.glob("predictions/**/*"), folder.glob("curves/*"), folder.glob("*s.csv"))
    return {str(p.relative_to(folder)): p.read_bytes() for p in found if p.is_file()}


def test_parts_have_something_to_do_and_share_nothing_of_it(computed: list[Path]) -> None:
    written = [
        {path.relative_to(one) for path in one.glob("predictions/**/*.npz")} for one in computed
    ]
    assert all(written)
    assert sum(map(len, written)) == len(set.union(*written))


def test_part_has_its_record_and_the_measurements_of_its_share(
    computed: list[Path], whole: Path
) -> None:
    for number, one in enumerate(computed, start=1):
        record = json.loads((one / "run.json").read_text())
        assert record["part"] == f"{number}/{PARTS}"
        assert record["configuration"] == CHOSEN.identity
        assert record["command"] == f"{CHOSEN.command} --part {number}/{PARTS}"
        assert not (one / "summary.csv").exists()
        assert (one / "tasks.csv").read_bytes() == (whole / "tasks.csv").read_bytes()
    lines = [(one / "measurements.csv").read_text().splitlines()[1:] for one in computed]
    of_whole = (whole / "measurements.csv").read_text().splitlines()[1:]
    assert sorted(chain.from_iterable(lines)) == sorted(of_whole)


def test_merged_parts_have_the_bytes_of_one_run(merged: Path, whole: Path) -> None:
    expected, found = files(whole), files(merged)
    assert len(expected) > 40
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []
    assert [path.name for path in merged.parent.iterdir()] == ["out"]
    assert (merged / "index.html").exists()


def test_record_of_merged_parts_is_that_of_one_run_and_names_them(
    merged: Path, whole: Path
) -> None:
    record, expected = (json.loads((folder / "run.json").read_text()) for folder in (merged, whole))
    for name in ("version", "configuration", "command", "replicates", "data", "environment"):
        assert record[name] == expected[name], name
    assert "part" not in record
    assert [one["part"] for one in record["parts"]] == ["1/4", "2/4", "3/4", "4/4"]
    assert set(record["seconds"]) == {"train", "predict", "measure", "report"}
    assert set(record["integrity"]) == {"networks", "predictions"}
    assert record["replicates"]["standard/deep_ensemble-3"] == 2


def test_merged_run_goes_on_as_any_other(merged: Path, whole: Path, tmp_path: Path) -> None:
    out = shutil.copytree(merged, tmp_path / "out")
    workspace = Workspace(out, whole.with_name(f"{whole.name}-networks"), None, jobs=1)
    assert run_stages(Plan(CHOSEN), workspace) == []
    assert files(out) == files(whole)
    assert (out / "claims.json").exists()


def test_part_that_is_named_twice_counts_once(
    parts: list[Path], computed: list[Path], merged: Path, tmp_path: Path
) -> None:
    united = tmp_path / "united"
    unite(Plan(CHOSEN), [PartFolder.read(one) for one in (*computed, parts[1])], united)
    expected = files(merged)
    found = files(united)
    assert set(found) == {name for name in expected if re.match("predictions|training", name)}
    assert all(found[name] == expected[name] for name in found)


def test_part_killed_while_writing_and_merge_killed_end_with_the_same_bytes(
    computed: list[Path], whole: Path, merge: Merge, tmp_path: Path
) -> None:
    folder, out = tmp_path / "part-1", tmp_path / "merged"
    first, *others = computed
    _, *options = CHOSEN.command.split()[1:]
    with processes() as start:
        arguments = [*options, "--part", f"1/{PARTS}", "--device", "cpu", "--jobs", "1"]
        places = ["--out", str(folder), "--networks", str(tmp_path / "networks")]
        killed = start(*arguments, *places, first=HALF_A_FILE)
        assert killed.stdout is not None
        assert killed.stdout.readline() == "writing\n", killed.communicate()
        killed.kill()
        assert killed.wait() == -signal.SIGKILL
        assert len(list(folder.glob("predictions/**/[!.]*.npz"))) == 3
        half = list(folder.glob("predictions/**/.*"))
        assert len(half) == 1
        status, error = merge(out, folder, *others)
        assert (status, out.exists()) == (2, False)
        assert f"part 1/{PARTS} in {folder} is not finished; run python run_all.py" in error
        run_part(folder, Part(1, PARTS))
        assert half[0].exists()
        assert (folder / "measurements.csv").read_bytes() == (
            first / "measurements.csv"
        ).read_bytes()
        merging_folders = [str(out), str(folder), *map(str, others)]
        killed = start(*merging_folders, module="benchmarks.merge.command", first=HALF_A_MERGE)
        assert killed.stdout is not None
        assert killed.stdout.readline() == "measuring\n", killed.communicate()
        killed.kill()
        killed.wait()
    assert not out.exists()
    assert merge(out, folder, *others) == (0, "")
    assert files(out) == files(whole)
    assert not (tmp_path / ".merged.merging").exists()


def test_method_that_failed_in_a_part_failed_in_the_run(
    parts: list[Path], merge: Merge, tmp_path: Path
) -> None:
    unit = next(parts[3].glob("predictions/*/*/replicate-*"))
    name = "-".join(unit.parts[-3:])
    shutil.rmtree(unit)
    (parts[3] / "errors").mkdir()
    (parts[3] / "errors" / f"{name}.txt").write_text("ValueError: no\n\nTraceback\n")
    assert merge(tmp_path / "merged", *parts) == (0, "")
    table = read_table(tmp_path / "merged" / "measurements.csv")
    failed = table[table["status"] == "failed"]
    assert set(failed["reason"]) == {"ValueError: no"}
    assert set(failed["recipe"]) == {unit.parts[-3]}


def test_interrupted_merge_leaves_nothing(
    computed: list[Path], merge: Merge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(merging, "measure_all", interrupted)
    status, _ = merge(tmp_path / "merged", *computed)
    assert status == 130
    assert list(tmp_path.iterdir()) == []
