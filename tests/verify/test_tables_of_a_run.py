"""The tables of a run, computed again from its predictions."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.run.folder.checksums import read_checksums
from benchmarks.verify import recomputing, recorded_run
from tests.verify.conftest import Verify

pytestmark = pytest.mark.slow


@pytest.fixture
def not_drawn(monkeypatch: pytest.MonkeyPatch, run: Path) -> None:
    """Neither the run nor what verifies it has drawn tables, which takes time."""
    monkeypatch.setattr(recomputing, "write_report", lambda *_: None)

    def without_drawn(record: dict[str, Any]) -> None:
        record["files"] = {n: s for n, s in record["files"].items() if "tables/" not in n}

    change_record(run, without_drawn)


def change_record(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads((folder / "run.json").read_text())
    change(record)
    (folder / "run.json").write_text(json.dumps(record))


def test_every_table_is_identical(finished: Path, verify: Verify, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    status, shown, told = verify(finished)
    drawn = {path.relative_to(finished).as_posix() for path in finished.glob("tables/*.csv")}
    assert (status, told) == (0, "")
    assert "tables/main-standard.csv" in drawn
    (line,) = shown.splitlines()
    verdict, count = line.split(": ")
    assert verdict == "identical"
    assert int(count) > len(drawn) + 5
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before
    (again,) = (tmp_path / "verified").glob("run-*/tables/summary.csv")
    assert again.read_bytes() == (finished / "summary.csv").read_bytes()


@pytest.mark.usefixtures("not_drawn")
def test_changed_number_is_named(run: Path, verify: Verify) -> None:
    summary = run / "summary.csv"
    header, row, *others = summary.read_text().splitlines()
    value = header.split(",").index("value")
    cells = row.split(",")
    cells[value] = "0.123456"
    summary.write_text("\n".join([header, ",".join(cells), *others]) + "\n")
    status, shown, _ = verify(run)
    assert status == 1
    assert "summary.csv: different: row 2, value: '0.123456', and again '" in shown
    assert "different: 1" in shown.splitlines()


@pytest.mark.usefixtures("not_drawn")
def test_predictions_may_be_elsewhere_and_are_not_to_be_others(
    run: Path, verify: Verify, tmp_path: Path
) -> None:
    (run / "predictions").rename(tmp_path / "copied")
    status, _, told = verify(run)
    assert status == 2
    assert "48 prediction files are missing in" in told
    assert verify(run, "--predictions", tmp_path / "copied")[0] == 0
    name = next(iter(read_checksums(run)))
    arrays = dict(np.load(tmp_path / "copied" / name))
    arrays["mean"] = arrays["mean"][::-1]
    np.savez(tmp_path / "copied" / name, **arrays)
    status, _, told = verify(run, "--predictions", tmp_path / "copied")
    assert status == 2
    assert f"1 prediction files are missing in {tmp_path / 'copied'}, or are not those" in told
    assert name in told


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum")
def test_checksums_are_those_of_another_program(finished: Path) -> None:
    command = ["sha256sum", "--check", "--quiet", "--strict", "predictions.sha256"]
    subprocess.run(command, cwd=finished, check=True)
    listed = {path.relative_to(finished / "predictions") for path in finished.rglob("*/*/*/*.npz")}
    assert set(map(Path, read_checksums(finished))) == listed


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"part": "1/4"}, "holds part 1/4 of a run; merge its parts first"),
        (
            {"version": "0.0.1", "configuration": {"preset": "quick"}},
            "was computed by version 0.0.1 of the suite",
        ),
        ({"predictions": 1}, "has predictions of meaning 1, and this code computes those of"),
    ],
)
def test_run_that_cannot_be_computed_again(
    run: Path, verify: Verify, change: dict[str, object], why: str
) -> None:
    change_record(run, lambda record: record.update(change))
    status, shown, told = verify(run)
    assert (status, shown) == (2, "")
    assert why in told


def test_run_of_another_version_that_computes_the_same(run: Path, verify: Verify) -> None:
    change_record(run, lambda record: record.update(version="0.0.1"))
    assert verify(run)[0] == 0


def test_folder_without_a_run(tmp_path: Path, verify: Verify) -> None:
    status, _, told = verify(tmp_path)
    assert status == 2
    assert "holds no run: there is no run.json; name a folder" in told


def test_changed_measurements_are_noticed_before_anything_is_computed(
    run: Path, verify: Verify
) -> None:
    measurements = run / "measurements.csv"
    measurements.write_text(measurements.read_text().replace("softmax", "softmin", 1))
    status, _, told = verify(run, "--sample", 3)
    assert status == 2
    assert "measurements.csv is not as the run wrote it" in told


def test_run_without_a_list_of_its_predictions(run: Path, verify: Verify) -> None:
    (run / "predictions.sha256").unlink()
    status, _, told = verify(run)
    assert status == 2
    assert "has no predictions.sha256: its predictions are not known" in told


@pytest.mark.usefixtures("not_drawn")
def test_nothing_else_is_written_over(run: Path, verify: Verify) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert verify(run, "--out", run)[0] == 0
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert {path: after[path] for path in before} == before
    (made,) = {path.relative_to(run).parts[0] for path in after.keys() - before.keys()}
    assert re.fullmatch("run-[0-9a-f]{8}", made)


@pytest.mark.usefixtures("not_drawn")
def test_each_run_and_each_code_has_a_folder_of_its_own(
    run: Path, verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verify(run)[0] == 0
    monkeypatch.setattr(recorded_run, "CODE", "another one")
    assert verify(run)[0] == 0
    change_record(run, lambda record: record["seconds"].update(train=1.0))
    assert verify(run)[0] == 0
    assert len(list((tmp_path / "verified").iterdir())) == 3


@pytest.mark.usefixtures("not_drawn")
def test_half_a_prediction_is_not_used(run: Path, verify: Verify, tmp_path: Path) -> None:
    assert verify(run)[0] == 0
    name = next(iter(read_checksums(run)))
    (linked,) = (tmp_path / "verified").glob(f"run-*/tables/predictions/{name}")
    linked.unlink()
    linked.write_bytes((run / "predictions" / name).read_bytes()[:100])
    assert verify(run)[0] == 0
    assert linked.samefile(run / "predictions" / name)


def test_sample_does_not_take_the_predictions_of_the_tables(
    finished: Path, verify: Verify, tmp_path: Path
) -> None:
    assert verify(finished)[0] == 0
    assert verify(finished, "--sample", 1)[0] == 0
    anew = [path.stat() for path in (tmp_path / "verified").glob("run-*/anew/**/*.npz")]
    assert anew
    assert all(one.st_nlink == 1 for one in anew)
