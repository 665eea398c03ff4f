"""Damaged tables of a run: a table, or one line; never anything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.errors import UserError
from benchmarks.inference.comparison.rows import Comparison
from benchmarks.latency.rows import read_rows
from benchmarks.records import Measurement, as_table, read_table, write_table
from tests.hostile.mutation import LENGTHS, damaged, fuzz, outcome

ROWS = [
    Measurement("standard", "mc_dropout", r, "10", c, "", "ece", 0.25 / (r + 1), 100, reason=why)
    for r in range(2)
    for c in ("clean", "ood-noise")
    for why in ("", 'said "no",\ntwice')
]


def tables(folder: Path) -> list[bytes]:
    """Of several kinds, as they are written."""
    row = dict.fromkeys(("recipe", "condition", "metric", "score", "method", "members"), "x")
    compared = Comparison(
        **row,  # type: ignore[arg-type]
        **{"family": "main", "split": "all", "other_recipe": "a"},
        **{"other_method": "y", "other_members": "1"},
        difference=-0.5,
        images=9,
    )
    contents = []
    for table in (as_table(ROWS), pd.DataFrame([vars(compared)])):
        write_table(table, folder / "table.csv")
        contents.append((folder / "table.csv").read_bytes())
    return contents


@pytest.mark.parametrize("times", LENGTHS)
@pytest.mark.parametrize("read", [read_table, read_rows])
def test_damaged_table_is_read_or_refused(
    read: Callable[[Path], pd.DataFrame], times: int, tmp_path: Path
) -> None:
    def holds(content: bytes) -> None:
        (tmp_path / "damaged.csv").write_bytes(content)
        outcome(lambda: read(tmp_path / "damaged.csv"), UserError)

    fuzz(holds, 100 * times, content=damaged(tables(tmp_path)))
