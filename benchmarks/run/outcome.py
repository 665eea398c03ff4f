"""What the terminal shows at the end of a run: the main numbers, the files, what was left out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.compared_sizes import compared_variants
from benchmarks.files import read_json
from benchmarks.records import read_table, where
from benchmarks.report.names import condition_label
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import (
    CURVES_FOLDER,
    FIGURES_FOLDER,
    INDEX_HTML,
    RUN_JSON,
    SUBSET,
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
    """Print the main numbers of `summary.csv`, if there is one, and name the files, the page first.

    Conditions that were left out, because their data are not available, are named in one more line.
    """
    out = workspace.out
    measured: frozenset[str] = frozenset()
    if (out / SUMMARY_CSV).exists():
        summary = read_table(out / SUMMARY_CSV)
        measured = frozenset(summary["condition"])
        Console().print(_table(summary))
    for path in sorted(out.glob("[!.]*.*"), key=lambda path: (path.name != INDEX_HTML, path)):
        print(f"wrote {path}")
    for path in (out / CURVES_FOLDER, out / TABLES_FOLDER, out / FIGURES_FOLDER):
        if path.is_dir():
            print(f"wrote {path}/ ({sum(1 for _ in path.iterdir())} files)")
    if left_out := _left_out(out, measured):
        print(f"left out, because their data are not available: {', '.join(left_out)}")


def _left_out(out: Path, measured: frozenset[str]) -> list[str]:
    """The labels of unavailable conditions, unless earlier predictions of them were measured."""
    data = read_json(out / RUN_JSON).get("data", {})
    names = [name for name, entry in data.items() if "unavailable" in entry]
    # A subset is of the data of its whole condition.
    whole = (name.removeprefix(SUBSET) for name in names if name not in measured)
    return list(dict.fromkeys(map(condition_label, whole)))


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
        values = (_value_text(rows, *column[1:]) for column in COLUMNS)
        table.add_row(recipe, f"{method} {members}", *values)
    return table


def _compared(summary: pd.DataFrame) -> pd.DataFrame:
    """Without the subset conditions, which no column shows, and sizes that are not compared."""
    whole = summary[~summary["condition"].str.startswith(SUBSET)]
    variants = list(zip(whole["method"], whole["members"], strict=True))
    compared = compared_variants(variants)
    return whole[[variant in compared for variant in variants]]


def _value_text(rows: pd.DataFrame, condition: str, metric: str, score: str) -> str:
    chosen = where(rows, condition=condition, metric=metric, score=score)
    if chosen.empty or pd.isna(chosen["value"].iloc[0]):
        return "—"
    return f"{chosen['value'].iloc[0]:.4f}"
