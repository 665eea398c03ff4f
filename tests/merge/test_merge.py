"""Parts that were computed apart end as one run does."""

from __future__ import annotations

import json
import shutil
import signal
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from benchmarks.merge import merging
from benchmarks.records import read_table
from benchmarks.run.configuration.presets import command_of
from benchmarks.run.parts.part import Part
from benchmarks.run.plan import Plan
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Workspace
from tests.merge.conftest import CHOSEN, PARTS, Merge, change_record, run_part
from tests.processes import processes

pytestmark = pytest.mark.slow

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
        assert record["command"] == f"{command_of(CHOSEN)} --part {number}/{PARTS}"
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


def test_command_of_the_run_goes_on_with_the_merged_one_and_trains_nothing(
    merged: Path, whole: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(merged, tmp_path / "out")
    workspace = Workspace(out, tmp_path / "networks", None, jobs=1)
    assert run_stages(Plan(CHOSEN), workspace) == []
    assert not (tmp_path / "networks").exists()
    assert files(out) == files(whole)
    assert (out / "claims.json").exists()
    before, after = (json.loads((folder / "run.json").read_text()) for folder in (merged, out))
    for name in ("parts", "environment", "integrity"):
        assert after[name] == before[name], name


def test_merged_run_trains_the_networks_of_what_it_lacks(
    merged: Path, whole: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(merged, tmp_path / "out")
    next(out.glob("predictions/plain/softmax/replicate-01/clean.npz")).unlink()
    workspace = Workspace(out, tmp_path / "networks", None, jobs=1)
    assert run_stages(Plan(CHOSEN), workspace) == []
    assert len(list((tmp_path / "networks").glob("*.safetensors"))) == 1
    assert files(out) == files(whole)
    before, after = (json.loads((folder / "run.json").read_text()) for folder in (merged, out))
    networks = before["integrity"]["networks"]
    assert all(one in after["integrity"]["networks"] for one in networks)


def test_set_that_no_part_had_is_left_out_although_it_can_be_had_here(
    parts: list[Path], merged: Path, merge: Merge, tmp_path: Path
) -> None:
    gone, why = "ood-uniform_noise", {"unavailable": "no mirror responds"}
    for one in parts:
        change_record(one, lambda record: record["data"].update({gone: why}))
        for path in one.glob(f"predictions/**/{gone}.npz"):
            path.unlink()
    out = tmp_path / "merged"
    assert merge(out, *parts) == (0, "")
    found, whole = (read_table(folder / "measurements.csv") for folder in (out, merged))
    assert set(whole["condition"]) - set(found["condition"]) == {gone}
    assert set(found["status"]) == set(whole["status"])
    assert json.loads((out / "run.json").read_text())["data"][gone] == why
    with np.load(out / "images.npz") as images:
        assert gone not in images["condition"]


def test_set_that_cannot_be_had_here_is_merged_but_not_shown(
    computed: list[Path], merged: Path, merge: Merge, tmp_path: Path, no_noise: None
) -> None:
    out = tmp_path / "merged"
    status, error = merge(out, *computed)
    assert (status, error) == (
        0,
        "warning: images.npz lacks those of 'ood-uniform_noise': no mirror responds\n",
    )
    assert (out / "measurements.csv").read_bytes() == (merged / "measurements.csv").read_bytes()
    data = json.loads((out / "run.json").read_text())["data"]
    assert data == json.loads((merged / "run.json").read_text())["data"]


def test_folder_that_is_named_twice_counts_once(
    computed: list[Path], merged: Path, merge: Merge, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    again.symlink_to(computed[1], target_is_directory=True)
    assert merge(tmp_path / "merged", computed[1], again, *computed) == (0, "")
    assert files(tmp_path / "merged") == files(merged)
    found, expected = (
        json.loads((folder / "run.json").read_text()) for folder in (tmp_path / "merged", merged)
    )
    assert found["parts"] == expected["parts"]
    assert found["seconds"]["train"] == expected["seconds"]["train"]


def test_part_killed_while_writing_and_merge_killed_end_with_the_same_bytes(
    computed: list[Path], whole: Path, merge: Merge, tmp_path: Path
) -> None:
    folder, out = tmp_path / "part-1", tmp_path / "merged"
    first, *others = computed
    _, *options = command_of(CHOSEN).split()[1:]
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
        assert not half[0].exists()
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
        assert len(list(tmp_path.glob(".merged.merging-*"))) == 1
        ended = start(*merging_folders, module="benchmarks.merge.command", first=HALF_A_MERGE)
        assert ended.stdout is not None
        assert ended.stdout.readline() == "measuring\n", ended.communicate()
        (running,) = tmp_path.glob(".merged.merging-*")
        assert merge(out, folder, *others) == (0, "")
        assert running.exists()
        ended.terminate()
        assert ended.communicate()[1].splitlines()[-1].startswith("interrupted; the same command")
        assert ended.returncode == 128 + signal.SIGTERM
    assert files(out) == files(whole)
    assert list(tmp_path.glob(".merged.merging-*")) == []


def test_method_that_failed_in_a_part_failed_in_the_run(
    parts: list[Path], merge: Merge, tmp_path: Path
) -> None:
    unit = next(parts[3].glob("predictions/*/*/replicate-*"))
    name = "-".join(unit.parts[-3:])
    shutil.rmtree(unit)
    (parts[3] / "errors").mkdir()
    (parts[3] / "errors" / f"{name}.txt").write_text("ValueError: no\n\nTraceback\n")
    command = f"{command_of(CHOSEN)} --part 4/4 --out {parts[3]}"
    assert merge(tmp_path / "merged", *parts) == (
        1,
        f"failed: {'/'.join(unit.parts[-3:])}: ValueError: no\n"
        f"to try these again, run {command}, and merge anew\n",
    )
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


def test_folder_that_appears_meanwhile_is_left_alone(
    computed: list[Path], merge: Merge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "merged"

    def appear(*_: object) -> None:
        out.mkdir()
        (out / "mine").touch()

    monkeypatch.setattr(merging, "write_report", appear)
    status, error = merge(out, *computed)
    assert (status, error) == (
        2,
        f"error: {out} has appeared while the parts were merged; name a new folder for the merged "
        "run\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]
    assert [path.name for path in out.iterdir()] == ["mine"]
