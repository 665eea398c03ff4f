"""Two tables of numbers, compared by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from benchmarks.verify.tables import DIFFERENT, IDENTICAL, ROUNDED, compared_tables

TABLE = "method,value\nsoftmax,0.25\nmc_dropout,0.5\n"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("run", "again"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "worth.csv").write_text(TABLE)
    return tmp_path / "run", tmp_path / "again"


@pytest.mark.parametrize(
    ("again", "verdict", "reason"),
    [
        (TABLE, IDENTICAL, ""),
        (TABLE.replace("0.25", "0.25000001"), ROUNDED, ""),
        (TABLE.replace("0.25", "0.2500"), ROUNDED, ""),
        (TABLE.replace("0.25", "0.251"), DIFFERENT, "row 2, value: '0.25', and again '0.251'"),
        (TABLE.replace("softmax", "Softmax"), DIFFERENT, "row 2, method: 'softmax', and again"),
        (TABLE.replace("0.5", ""), DIFFERENT, "row 3, value: '0.5', and again ''"),
        (TABLE.replace("0.5", "nan"), DIFFERENT, "row 3, value: '0.5', and again 'nan'"),
        (TABLE + "swag,1\n", DIFFERENT, "it has 3 rows, not 2"),
        (TABLE.replace("value", "values"), DIFFERENT, "its columns are method, values"),
    ],
)
def test_table_computed_again(
    folders: tuple[Path, Path], again: str, verdict: str, reason: str
) -> None:
    (folders[1] / "worth.csv").write_text(again)
    found = compared_tables("worth.csv", *folders)
    assert (found.name, found.verdict) == ("worth.csv", verdict)
    assert found.reason.startswith(reason)
    assert bool(found.reason) is (verdict == DIFFERENT)


def test_gzipped_table_and_other_ends_of_lines_are_the_same(folders: tuple[Path, Path]) -> None:
    run, again = folders
    (run / "worth.csv").unlink()
    (run / "worth.csv.gz").write_bytes(gzip.compress(TABLE.replace("\n", "\r\n").encode()))
    assert compared_tables("worth.csv", run, again).verdict == IDENTICAL


def test_missing_table_is_named(folders: tuple[Path, Path]) -> None:
    (folders[1] / "worth.csv").unlink()
    assert compared_tables("worth.csv", *folders)[1:] == (DIFFERENT, "it was not computed again")
    assert compared_tables("worth.csv", *folders[::-1])[1:] == (DIFFERENT, "it was not published")
