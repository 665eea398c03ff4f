"""Damaged tables of a run: a table, or one line; never anything else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.errors import UserError
from benchmarks.files import content_of
from benchmarks.inference.comparison.rows import Comparison
from benchmarks.latency.rows import read_rows
from benchmarks.nouns import FILES, Nouns
from benchmarks.records import Measurement, as_table, read_table, write_table
from benchmarks.report.results import Results
from tests.hostile.mutation import LENGTHS, damaged, fuzz, outcome

ARTICLE = Path(__file__).parents[2] / "results" / "article"

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


@pytest.mark.parametrize("times", LENGTHS)
def test_damaged_nouns_are_read_or_refused(times: int, tmp_path: Path) -> None:
    for name in FILES:
        shutil.copy(ARTICLE / name, tmp_path)
    contents = {name: (ARTICLE / name).read_bytes() for name in FILES}

    def holds(content: bytes) -> None:
        for name in ("methods.csv", "conditions.csv", "metrics.csv"):
            (tmp_path / name).write_bytes(content)
            outcome(lambda: Nouns.read(tmp_path), UserError)
            (tmp_path / name).write_bytes(contents[name])

    fuzz(holds, 60 * times, content=damaged(list(contents.values())))


READ = ("summary.csv", "worth.csv", "run.json", "claims.json", "images.npz", "latency.csv")


@pytest.mark.parametrize("times", LENGTHS)
@pytest.mark.parametrize("name", READ)
def test_damaged_results_are_read_or_refused(name: str, times: int, tmp_path: Path) -> None:
    for path in ARTICLE.glob("*.csv*"):
        lines = content_of(path).decode().splitlines(keepends=True)
        (tmp_path / path.name.removesuffix(".gz")).write_text("".join(lines[:40]), encoding="utf-8")
    for path in ARTICLE.glob("*.json"):
        shutil.copy(path, tmp_path)
    pixels = np.zeros((2, 28, 28), np.uint8)
    np.savez(tmp_path / "images.npz", condition=["clean"] * 2, index=[0, 1], pixels=pixels)
    contents = [(tmp_path / name).read_bytes(), (tmp_path / "tasks.csv").read_bytes()]

    def holds(content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        outcome(lambda: Results.load(tmp_path), UserError)

    fuzz(holds, 15 * times, content=damaged(contents))
