"""Every number after the stage `predict` is what it was when it was last frozen."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.golden.compared import differences, kept
from tests.golden.runs import COLUMNS, expected, measured


@pytest.fixture(scope="module", params=["mnist", pytest.param("digits", marks=pytest.mark.slow)])
def run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, pd.DataFrame]]:
    """The name of a golden run, and its tables by today's code."""
    return request.param, measured(request.param, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("table", COLUMNS)
def test_numbers_are_as_frozen(run: tuple[str, dict[str, pd.DataFrame]], table: str) -> None:
    name, tables = run
    assert differences(table, kept(table, expected(name, table)), tables[table]) == ""


def test_a_change_of_a_number_a_lost_and_a_new_row_are_noticed(tmp_path: Path) -> None:
    golden = expected("mnist", "measurements")
    number = golden["value"].ne("").idxmax()
    value = float(golden.loc[number, "value"])
    for factor, differs in ((1 + 1e-11, False), (1 + 1e-8, True)):
        changed = golden.copy()
        changed.loc[number, "value"] = repr(value * factor)
        assert bool(differences("measurements", golden, changed)) is differs
    assert "1 rows are missing" in differences("measurements", golden, golden[1:])
    assert "1 rows are new" in differences("measurements", golden[1:], golden)
