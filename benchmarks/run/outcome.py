"""What the terminal shows at the end of a run: the main numbers, and where the rest lies."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.compared_sizes import compared_variants
from benchmarks.records import read_table
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.conditions import SUBSET_CONDITIONS
from benchmarks.vocabulary import (
    CURVES_FOLDER,
    FIGURES_FOLDER,
    INDEX_HTML,
    SUMMARY_CSV,
    TABLES_FOLDER,
)

COLUMNS = (
    ("accuracy\nclean", "clean", "accuracy", ""),
    ("ECE\nclean", "clean", "ece", ""),
    ("accuracy\n45°", "rotated-045", "accuracy", ""),
    ("ECE\n45°", "rotated-045", "ece", ""),
    ("disagree\n45°", "rotated-045", "pairwise_disagreement", ""),
    ("AUROC\nFashion", "ood-fashion_mnist", "auroc", "predictive_entropy"),
)
"""Heading, condition, metric and score; narrow enough for 80 columns."""


def show_outcome(workspace: Workspace) -> None:
    """Print the main numbers of `summary.csv`, if there is one; name the files, the page first."""
    console = Console()
    out = workspace.out
    if (out / SUMMARY_CSV).exists():
        console.print(_table(read_table(out / SUMMARY_CSV)))
    for path in sorted(out.glob("[!.]*.*"), key=lambda path: (path.name != INDEX_HTML, path)):
        _tell(console, path)
    for path in (out / CURVES_FOLDER, out / TABLES_FOLDER, out / FIGURES_FOLDER):
        if path.is_dir():
            _tell(console, f"{path}/ ({sum(1 for _ in path.iterdir())} files)")


def _tell(console: Console, written: Path | str) -> None:
    console.print(f"wrote {written}", highlight=False, markup=False, soft_wrap=True)


def _table(summary: pd.DataFrame) -> Table:
    table = Table(
        title="Means over replicates",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    table.add_column("recipe", no_wrap=True)
    table.add_column("method", no_wrap=True)
    for heading, *_ in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for names, rows in _compared(summary).groupby(["recipe", "method", "members"], sort=False):
        recipe, method, members = map(str, names)
        cells = (_cell(rows, *column[1:]) for column in COLUMNS)
        table.add_row(recipe, f"{method} {members}", *cells)
    return table


def _compared(summary: pd.DataFrame) -> pd.DataFrame:
    """Without the small conditions, of which no column tells, and sizes that stand beside none."""
    large = summary[~summary["condition"].isin([condition.name for condition in SUBSET_CONDITIONS])]
    named = list(zip(large["method"], large["members"], strict=True))
    compared = compared_variants(named)
    return large[[variant in compared for variant in named]]


def _cell(rows: pd.DataFrame, condition: str, metric: str, score: str) -> str:
    chosen = rows[
        (rows["condition"] == condition) & (rows["metric"] == metric) & (rows["score"] == score)
    ]
    if chosen.empty or pd.isna(chosen["value"].iloc[0]):
        return "—"
    return f"{chosen['value'].iloc[0]:.4f}"
