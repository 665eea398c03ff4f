"""Predictive entropy, split into expected entropy and mutual information."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from benchmarks.report.figures.drawing import Drawing, legend_below, panels, rows_of
from benchmarks.report.names import Variant, condition_label, rotated
from benchmarks.report.results import Results
from benchmarks.report.style import PAGE, Look

PARTS = ("expected_entropy", "mutual_information")
COLUMNS = ["method", "members", "condition", *PARTS]


def entropy_figures(results: Results, looks: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """A panel a method, a bar a condition."""
    numbers = parts(results)
    variants = [v for v in results.largest if not rows_of(numbers, v).empty]
    if not variants:
        return
    figure, axes = panels(
        len(variants), columns=1, width=PAGE, height=1.15, sharex=True, sharey=True
    )
    for ax, variant in zip(axes, variants, strict=True):
        draw(ax, rows_of(numbers, variant), looks[variant])
    axes[len(axes) // 2].set_ylabel("Entropy (nats)")
    legend_below(figure, [], extra=_legend())
    yield Drawing("entropy-split", figure, numbers)


def parts(results: Results) -> pd.DataFrame:
    """Expected entropy and mutual information of each condition; the latter may be undefined."""
    conditions = [rotated(angle) for angle in (0, *results.angles)] + list(results.foreign)
    rows = []
    for variant in results.largest:
        for condition in conditions:
            found = [results.find(variant, condition, part) for part in PARTS]
            expected, information = (row["value"] if row else float("nan") for row in found)
            if pd.notna(expected):
                rows.append((*variant, condition, expected, information))
    return pd.DataFrame(rows, columns=COLUMNS)


def draw(ax: Axes, numbers: pd.DataFrame, look: Look) -> Axes:
    """One method: the mutual information stands on the expected entropy."""
    expected, information = numbers["expected_entropy"], numbers["mutual_information"]
    labels = [condition_label(condition) for condition in numbers["condition"]]
    places = range(len(labels))
    ax.bar(places, expected, width=0.7, color=look.color)
    ax.bar(
        places,
        information.fillna(0),
        width=0.7,
        bottom=expected,
        color="white",
        edgecolor=look.color,
        hatch="//////",
        linewidth=0.6,
    )
    alone = "" if information.notna().any() else " (one member: nothing to split)"
    ax.set_title(f"{look.label}{alone}", loc="left", pad=2)
    ax.set_xticks(places, labels, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_xlim(-0.6, len(labels) - 0.4)
    ax.grid(visible=False, axis="x")
    return ax


def _legend() -> list[Patch]:
    return [
        Patch(facecolor="0.35", label="Expected entropy (aleatoric)"),
        Patch(
            facecolor="white",
            edgecolor="0.35",
            hatch="//////",
            label="Mutual information (epistemic)",
        ),
    ]
