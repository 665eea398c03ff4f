"""The numbers behind the article's claims: vote agreement, ranks, training sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmarks.nouns import Names, Variant
from benchmarks.report.editorial import ENSEMBLE, SAMPLED
from benchmarks.report.figures.drawing import (
    Canvas,
    Drawing,
    claim_drawing,
    claim_numbers,
    legend_below,
    page,
    panels,
    title_above,
)
from benchmarks.report.numbers.findings import (
    certainty_finding,
    missing_data_finding,
    rank_finding,
    spread_finding,
)
from benchmarks.report.results import Results
from benchmarks.report.style import BAND, COLUMN, DASHES, PAGE, Look, look_of
from benchmarks.schema import where
from benchmarks.vocabulary import (
    CEILING,
    CLEAN,
    LEAST_OF_CEILING,
    PAIRS,
    RANK_CORRELATION,
    WHERE_C_DISAGREES,
)

CERTAINTY, RANK_AGREEMENT = "claims-certainty", "claims-rank-agreement"
MISSING_DATA = "claims-missing-data"
"""Figures that claims name."""

SPREAD_BY = {
    "std_by_network": ("Between networks", "deep_ensemble"),
    "std_by_passes": ("Between samples of 100 passes", "mc_dropout"),
}
"""The columns of ``claims/spread.csv`` that are drawn, their labels, and whose colour they have."""


IMAGES_RANKED = {CLEAN: "All images", WHERE_C_DISAGREES: "Images on which ensemble C disagrees"}
"""The titles of the images by which rankings are compared."""


def certainty_figures(
    results: Results, _: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """Under each condition, accuracy by how many votes agree, and how often so many do."""
    numbers = by_share(claim_numbers(results, CERTAINTY))
    if numbers.empty:
        return
    conditions = list(dict.fromkeys(numbers["condition"]))
    columns = len(conditions)
    figure, axes = panels(
        canvas,
        2 * columns,
        columns=columns,
        width=PAGE if columns > 1 else COLUMN,
        height=1.5,
        sharex=True,
        sharey="row",
    )
    for position, condition in enumerate(conditions):
        of_condition = where(numbers, condition=condition)
        draw_certainty(axes[position], results.names, of_condition)
        draw_images(axes[columns + position], of_condition)
        axes[position].set_title(results.label_of(condition))
        axes[columns + position].set_xlabel("Share of 100 votes\nthat agree")
    axes[0].set_ylabel("Accuracy of\nthe majority")
    axes[columns].set_ylabel("Images\nper network")
    legend_below(figure, axes[:1])
    title_above(figure, certainty_finding(results, numbers))
    yield Drawing(CERTAINTY, figure, numbers)


def rank_agreement_figures(
    results: Results, _: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """How alike images are ranked by MC-dropout and ensembles; a point a pair."""
    numbers = claim_numbers(results, RANK_AGREEMENT)
    correlations = where(numbers, metric=RANK_CORRELATION)
    if correlations.empty:
        return
    images = list(dict.fromkeys(correlations["condition"]))
    rows = correlations["case"].nunique() * correlations["score"].nunique()
    figure, axes = panels(
        canvas,
        len(images),
        columns=2,
        width=PAGE,
        height=0.9 + 0.22 * rows,
        sharex=True,
        sharey=True,
    )
    for ax, condition in zip(axes, images, strict=True):
        draw_rank_agreement(ax, results.names, where(correlations, condition=condition))
        ax.set_title(IMAGES_RANKED.get(condition, results.label_of(condition)), pad=14)
    title_above(figure, rank_finding(results, correlations))
    yield claim_drawing(RANK_AGREEMENT, figure, numbers)


def missing_data_figures(
    results: Results, _: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """Epistemic uncertainty by what the networks were trained on."""
    numbers = claim_numbers(results, MISSING_DATA)
    if numbers.empty:
        return
    metrics = [m.name for m in results.names.metrics if m.name in set(numbers["metric"])]
    conditions = list(dict.fromkeys(numbers["condition"]))
    columns = len(conditions)
    figure, axes = panels(
        canvas,
        len(metrics) * columns,
        columns=columns,
        width=COLUMN,
        height=1.6,
        sharex=True,
        sharey="row",
    )
    for ax, (metric, condition) in zip(axes, product(metrics, conditions), strict=True):
        draw_training_sets(ax, results.names, where(numbers, metric=metric, condition=condition))
    for ax, condition in zip(axes, conditions, strict=False):
        ax.set_title(results.label_of(condition))
    for ax, metric in zip(axes[::columns], metrics, strict=True):
        shown = results.names.printed(metric)
        ax.set_ylabel(f"{shown.name}\n({shown.unit})" if shown.unit else shown.name)
    for ax in axes:
        ax.set_ylim(bottom=0)  # once all is drawn: rows share their axis
    for ax in axes[-columns:]:
        ax.set_xlabel("Training images")
    legend_below(figure, axes)
    title_above(figure, missing_data_finding(results, numbers))
    yield claim_drawing(MISSING_DATA, figure, numbers)


def spread_figures(
    results: Results, _: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """Standard deviation of a class's votes between networks, and between samples of passes."""
    spread = results.curve("claims-spread")
    if spread.empty:
        return
    images = sorted(set(spread["image"]))
    figure, axes = panels(canvas, len(images), columns=2, width=PAGE, height=1.9, sharey=True)
    for ax, image in zip(axes, images, strict=True):
        draw_spread(ax, results.names, where(spread, image=image))
        ax.set_title(f"Image {image}")
    axes[0].set_ylabel("Standard deviation\n(votes of 100)")
    legend_below(figure, axes)
    title_above(figure, spread_finding(spread))
    yield Drawing("claims-spread", figure, spread)


def by_share(numbers: pd.DataFrame) -> pd.DataFrame:
    """For each condition and bin of vote shares its images, and the networks' accuracy."""
    rows = []
    numbers = numbers.assign(lower_edge=numbers["case"].astype("float64"))
    edges = np.unique(numbers["lower_edge"])
    for (condition, low), of_bin in numbers.groupby(["condition", "lower_edge"], sort=False):
        high = min(edges[edges > low], default=1.0)
        counts = of_bin.pivot_table(index="network", columns="metric", values="value")
        images, correct = counts["images"], counts["correct"]
        accuracy = (correct / images)[images > 0]
        rows.append(
            {
                "condition": condition,
                "lower": low,
                "upper": high,
                "images": images.mean(),
                "accuracy": correct.sum() / images.sum() if images.sum() else np.nan,
                "least": accuracy.min(),
                "most": accuracy.max(),
            }
        )
    return pd.DataFrame(rows)


def draw_certainty(ax: Axes, names: Names, numbers: pd.DataFrame) -> Axes:
    """Accuracy in each bin of the majority's share, as wide as the bin, and the networks' range.

    A majority has at least one vote of as many as there are classes, where the first bin begins.
    """
    least_share = 1 / max(len(names.task.classes), 1)
    lower, upper = numbers["lower"].clip(lower=least_share), numbers["upper"]
    color = look_of(names, SAMPLED).color
    middle, least, most = (lower + upper) / 2, numbers["least"], numbers["most"]
    ax.hlines(numbers["accuracy"], lower, upper, color=color, linewidth=1.6, label="All networks")
    ax.vlines(middle, least, most, color=color, linewidth=0.8, label="Range of the networks")
    equal = "Accuracy equal to the share"
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle=DASHES, label=equal)
    ax.set(ylim=(0, 1.03), xlim=(0, 1))
    return ax


def draw_images(ax: Axes, numbers: pd.DataFrame) -> Axes:
    """How many images of a network fall into each bin."""
    ax.bar(
        numbers["lower"],
        numbers["images"],
        width=numbers["upper"] - numbers["lower"],
        align="edge",
        color="0.75",
        edgecolor="white",
        linewidth=0.6,
    )
    ax.set(yscale="log")
    return ax


def draw_rank_agreement(ax: Axes, names: Names, correlations: pd.DataFrame) -> Axes:
    """Rank correlations on the same images: a row a score and pair, a point a pair of predictions.

    A dashed line where a verdict begins: a share of the ceiling by the first score.
    """
    scores = list(dict.fromkeys(correlations["score"]))
    pairs = [pair for pair in PAIRS if pair in set(correlations["case"])]
    labels: list[str] = []
    for score in scores:
        for pair in pairs:
            y = len(labels)
            values = where(correlations, score=score, case=pair)["value"]
            color = look_of(names, ENSEMBLE if pair == CEILING else SAMPLED).color
            offset = (np.arange(len(values)) + 0.5) / max(len(values), 1) - 0.5
            ax.scatter(values, y + 0.5 * offset, s=6, color=color, linewidth=0)
            ax.plot([values.mean()] * 2, [y - 0.35, y + 0.35], color="0", linewidth=1.2)
            labels.append(f"{names.score(score).label}:\n{pair}")
    ceiling = where(correlations, score=scores[0], case=CEILING)["value"].max()
    for verdict, share in LEAST_OF_CEILING.items():
        least = share * (1.0 if np.isnan(ceiling) else ceiling)
        ax.axvline(least, color="0.6", linewidth=0.8, linestyle=DASHES)
        ax.text(
            *(least, 1.01, verdict),
            transform=ax.get_xaxis_transform(),
            fontsize="x-small",
            va="bottom",
            ha="center",
        )
    ax.set_yticks(range(len(labels)), labels)
    ax.set(xlim=(0, 1), ylim=(len(labels) - 0.4, -0.6))
    ax.set_xlabel("Rank correlation\n(line: mean)")
    ax.grid(visible=False, axis="y")
    return ax


def draw_training_sets(ax: Axes, names: Names, numbers: pd.DataFrame) -> Axes:
    """One measure on one set of images against the training set; a faint point a network."""
    trained_on = list(dict.fromkeys(numbers["case"]))
    for method in dict.fromkeys(numbers["method"]):
        of_method = where(numbers, method=method)
        x = of_method["case"].map(trained_on.index)
        look = look_of(names, method)
        means = of_method["value"].groupby(x).mean()
        ax.plot(means.index, means, **(look.line | {"label": names.method(method).label}))
        if len(of_method) > len(means):
            ax.scatter(x, of_method["value"], s=5, color=look.color, alpha=2 * BAND, linewidth=0)
    ax.set_xticks(range(len(trained_on)), [name.replace(", ", ",\n") for name in trained_on])
    return ax


def draw_spread(ax: Axes, names: Names, spread: pd.DataFrame) -> Axes:
    """Two bars a class: the standard deviation between networks, and between samples of one."""
    for offset, (column, (label, method)) in zip((-0.2, 0.2), SPREAD_BY.items(), strict=True):
        ax.bar(
            spread["class"] + offset,
            100 * spread[column],
            width=0.38,
            color=look_of(names, method).color,
            linewidth=0,
            label=label,
        )
    ax.set(xticks=range(10), xlabel="Class voted for")
    ax.grid(visible=False, axis="x")
    return ax
