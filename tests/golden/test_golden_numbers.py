"""Every number after the stage `predict` is what it was when it was last frozen."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.golden.compared import differences
from tests.golden.runs import COLUMNS, expected, measured

Run = tuple[str, bool, dict[str, pd.DataFrame]]
"""The name of a golden run, whether all rows are written, and its tables by today's code."""


@pytest.fixture(
    scope="module",
    params=[
        ("mnist", True),
        pytest.param(("mnist", False), marks=pytest.mark.slow),
        pytest.param(("digits", True), marks=pytest.mark.slow),
    ],
    ids=["mnist, all rows", "mnist", "digits, all rows"],
)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    name, all_rows = request.param
    return name, all_rows, measured(name, tmp_path_factory.mktemp(name), all_rows=all_rows)


@pytest.mark.parametrize("table", COLUMNS)
def test_numbers_are_as_frozen(run: Run, table: str) -> None:
    name, all_rows, tables = run
    # By default a run writes some of the rows; which, `tests/run/test_kept_rows.py` says.
    every = all_rows or table == "answer"
    assert differences(table, expected(name, table), tables[table], every=every) == ""


def test_a_change_of_a_number_a_lost_and_a_new_row_are_noticed(tmp_path: Path) -> None:
    golden = expected("mnist", "measurements")
    number = golden["value"].ne("").idxmax()
    value = float(golden.loc[number, "value"])
    for factor, differs in ((1 + 1e-11, False), (1 + 1e-8, True)):
        changed = golden.copy()
        changed.loc[number, "value"] = repr(value * factor)
        assert bool(differences("measurements", golden, changed)) is differs
    assert "1 rows are missing" in differences("measurements", golden, golden[1:])
    assert differences("measurements", golden, golden[1:], every=False) == ""
    assert "1 rows are new" in differences("measurements", golden[1:], golden)
    added = golden.assign(metric="a metric that came later")
    assert differences("measurements", golden, pd.concat([golden, added])) == ""
