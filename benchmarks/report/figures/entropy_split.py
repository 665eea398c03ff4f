"""Predictive entropy with its interval, split into expected entropy and mutual information."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from benchmarks.nouns import Variant
from benchmarks.report.editorial import ENTROPY_PARTS, TOTAL_ENTROPY
from benchmarks.report.figures.drawing import (
    Canvas,
    Drawing,
    legend_below,
    page,
    panels,
    rows_of,
    title_above,
)
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.style import PAGE, Look

COLUMNS = ["method", "members", "condition", *ENTROPY_PARTS, TOTAL_ENTROPY, "lower", "upper"]

INTERVAL: Any = {"ecolor": "0.6", "elinewidth": 0.8, "capsize": 1.5, "capthick": 0.8}


def entropy_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """A panel a method, a bar a condition."""
    numbers = parts(results)
    variants = [v for v in results.largest if not rows_of(numbers, v).empty]
    if not variants:
        return
    figure, axes = panels(
        canvas, len(variants), columns=1, width=PAGE, height=1.15, sharex=True, sharey=True
    )
    for ax, variant in zip(axes, variants, strict=True):
        draw(ax, results, rows_of(numbers, variant), looks[variant])
    axes[len(axes) // 2].set_ylabel("Entropy (nats)")
    legend_below(figure, [], extra=_legend())
    title_above(figure, finding(results, numbers))
    yield Drawing("entropy-split", figure, numbers)


def parts(results: Results) -> pd.DataFrame:
    """The parts of each condition's entropy, of which mutual information may be undefined."""
    conditions = [one.name for one in results.conditions]
    rows = []
    for variant in results.largest:
        for condition in conditions:
            part_rows = [results.find(variant, Quantity(condition, part)) for part in ENTROPY_PARTS]
            expected, information = (row["value"] if row else float("nan") for row in part_rows)
            whole = results.find(variant, Quantity(condition, TOTAL_ENTROPY))
            if whole and pd.notna(expected):
                total = (whole["value"], whole["lower"], whole["upper"])
                rows.append((*variant, condition, expected, information, *total))
    return pd.DataFrame(rows, columns=COLUMNS)


def finding(results: Results, numbers: pd.DataFrame) -> str:
    """Where mutual information is the largest part; empty where no method has any."""
    shares = numbers["mutual_information"] / numbers[TOTAL_ENTROPY]
    if shares.isna().all():
        return ""
    row = numbers.iloc[int(np.nanargmax(shares))]
    label = results.names.label(Variant(row["method"], row["members"]))
    where = f"{label}; {results.label_of(row['condition'])}"
    return f"Mutual information is at most {100 * shares.max():.0f} % of the entropy ({where})"


def draw(ax: Axes, results: Results, numbers: pd.DataFrame, look: Look) -> Axes:
    """One method: the mutual information stands on the expected entropy."""
    expected, information = numbers["expected_entropy"], numbers["mutual_information"]
    labels = [results.label_of(condition) for condition in numbers["condition"]]
    bars = range(len(labels))
    ax.bar(bars, expected, width=0.7, color=look.color)
    ax.bar(
        bars,
        information.fillna(0),
        width=0.7,
        bottom=expected,
        color="white",
        edgecolor=look.color,
        hatch="//////",
        linewidth=0.6,
    )
    ax.errorbar(
        bars,
        numbers[TOTAL_ENTROPY],
        yerr=(numbers["upper"] - numbers["lower"]) / 2,
        fmt="none",
        **INTERVAL,
    )
    alone = "" if information.notna().any() else " (one member: nothing to split)"
    ax.set_title(f"{look.label}{alone}", loc="left", pad=2)
    ax.set_xticks(bars, labels, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_xlim(-0.6, len(labels) - 0.4)
    ax.grid(visible=False, axis="x")
    return ax


def _legend() -> list[Artist]:
    return [
        Patch(facecolor="0.35", label="Expected entropy (aleatoric)"),
        Patch(
            facecolor="white",
            edgecolor="0.35",
            hatch="//////",
            label="Mutual information (epistemic)",
        ),
        Line2D([], [], color=INTERVAL["ecolor"], linewidth=0.8, label="95 % interval of their sum"),
    ]
