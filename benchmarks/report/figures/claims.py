"""The numbers behind the article's claims: vote agreement, ranks, training sets, sampling error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmarks.records import where
from benchmarks.report.figures.drawing import (
    Drawing,
    claim_drawing,
    claim_numbers,
    legend_below,
    panels,
    scores_in,
)
from benchmarks.report.names import Names, Variant
from benchmarks.report.results import Results
from benchmarks.report.style import BAND, COLUMN, PAGE, Look, look_of
from benchmarks.vocabulary import LEAST_RANK_CORRELATION, RANK_CORRELATION, VOTES

CERTAINTY, RANK_AGREEMENT = "claims-certainty", "claims-rank-agreement"
MISSING_DATA = "claims-missing-data"
"""Figures that claims name."""

SAMPLED_IMAGES = {
    "article-images": "Images 61 and 591",
    "high-disagreement": "Images with the highest disagreement",
}
"""The images by which samples are compared with the exact distribution."""

SAMPLED_MEASURES = {
    VOTES: "Share of votes for a class",
    "pairwise_disagreement": "Disagreement",
    "predictive_entropy": "Predictive entropy (nats)",
    "mutual_information": "Mutual information (nats)",
}
_SAMPLED_LOOKS = {
    VOTES: ("#0072B2", "o"),
    "pairwise_disagreement": ("#009E73", "v"),
    "predictive_entropy": ("#E69F00", "X"),
    "mutual_information": ("#CC79A7", "P"),
}

SPREAD_BY = {
    "std_by_network": ("Between networks", "deep_ensemble"),
    "std_by_passes": ("Between samples of 100 passes", "mc_dropout"),
}
"""The columns of ``claims/spread.csv`` that are drawn, their labels, and whose colour they have."""


SAMPLED = "mc_dropout"
"""The method that the article is about, whose colour its claims have."""


def certainty_figures(results: Results, _: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """Accuracy by how many votes agree, and how often so many do."""
    numbers = by_share(claim_numbers(results, CERTAINTY))
    if numbers.empty:
        return
    figure, axes = panels(2, columns=1, width=COLUMN, height=1.5, sharex=True)
    draw_certainty(axes[0], results.names, numbers)
    draw_images(axes[1], numbers)
    axes[1].set_xlabel("Share of 100 votes that agree")
    yield Drawing(CERTAINTY, figure, numbers)


def rank_agreement_figures(results: Results, _: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """Rank correlation of one network with dropout on and the ensemble, a point a network."""
    numbers = claim_numbers(results, RANK_AGREEMENT)
    if where(numbers, metric=RANK_CORRELATION).empty:
        return
    figure, (ax,) = panels(1, columns=1, width=COLUMN, height=1.7)
    draw_rank_agreement(ax, results.names, numbers)
    yield claim_drawing(RANK_AGREEMENT, figure, numbers)


def missing_data_figures(results: Results, _: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """Epistemic uncertainty by what the networks were trained on."""
    numbers = claim_numbers(results, MISSING_DATA).dropna(subset=["training_set"])
    if numbers.empty:
        return
    metrics = [m.name for m in results.names.nouns.metrics if m.name in set(numbers["metric"])]
    conditions = list(dict.fromkeys(numbers["condition"]))
    columns = len(conditions)
    figure, axes = panels(
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
    yield claim_drawing(MISSING_DATA, figure, numbers)


def monte_carlo_figures(results: Results, _: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """The error of a sample against its number of passes, by every measure."""
    errors = results.curve("claims-monte_carlo_error")
    if errors.empty:
        return
    numbers = errors_shown(errors)
    sets = [images for images in SAMPLED_IMAGES if images in set(numbers["images"])]
    figure, axes = panels(len(sets), columns=2, width=PAGE, height=2.3, sharey=True)
    for ax, images in zip(axes, sets, strict=True):
        draw_errors(ax, where(numbers, images=images))
        ax.set_title(SAMPLED_IMAGES[images])
    axes[0].set_ylabel("Error of a sample\n(root mean square)")
    legend_below(figure, axes)
    yield Drawing("claims-monte-carlo-error", figure, numbers)


def spread_figures(results: Results, _: Mapping[Variant, Look]) -> Iterator[Drawing]:
    """Standard deviation of a class's votes between networks, and between samples of passes."""
    spread = results.curve("claims-spread")
    if spread.empty:
        return
    images = sorted(set(spread["image"]))
    figure, axes = panels(len(images), columns=2, width=PAGE, height=1.9, sharey=True)
    for ax, image in zip(axes, images, strict=True):
        draw_spread(ax, results.names, where(spread, image=image))
        ax.set_title(f"Image {image}")
    axes[0].set_ylabel("Standard deviation\n(votes of 100)")
    legend_below(figure, axes)
    yield Drawing("claims-spread", figure, spread)


def by_share(numbers: pd.DataFrame) -> pd.DataFrame:
    """For each bin of vote shares its images and accuracy: of all networks, least and most."""
    rows = []
    for (low, high), of_bin in numbers.groupby(["lower_edge", "upper_edge"]):
        counts = of_bin.pivot_table(index="network", columns="metric", values="value")
        images, correct = counts["images"], counts["correct"]
        accuracy = (correct / images)[images > 0]
        rows.append(
            {
                "lower": low,
                "upper": high,
                "images": images.mean(),
                "accuracy": correct.sum() / images.sum() if images.sum() else np.nan,
                "least": accuracy.min(),
                "most": accuracy.max(),
            }
        )
    return pd.DataFrame(rows)


def errors_shown(errors: pd.DataFrame) -> pd.DataFrame:
    """The measures that are drawn; the classes' votes as one."""
    squares = errors.assign(square=errors["rms_error"] ** 2)
    of_each = squares.groupby(["images", "measure", "passes"], as_index=False)
    shown = of_each.agg(square=("square", "mean"), samples=("samples", "first"))
    shown = shown[shown["measure"].isin(SAMPLED_MEASURES)]
    return shown.assign(rms_error=np.sqrt(shown["square"])).drop(columns="square")


def draw_certainty(ax: Axes, names: Names, numbers: pd.DataFrame) -> Axes:
    """Accuracy in each bin of the majority's share, and the networks' range."""
    middle = (numbers["lower"] + numbers["upper"]) / 2
    reach = [numbers["accuracy"] - numbers["least"], numbers["most"] - numbers["accuracy"]]
    look = look_of(names, SAMPLED)
    ax.errorbar(
        middle,
        numbers["accuracy"],
        yerr=np.clip(np.array(reach), 0, None),
        **{**look.line, "label": None},
        elinewidth=0.8,
    )
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle=(0, (4, 2)))
    ax.set(ylabel="Accuracy of\nthe majority", ylim=(0, 1.03), xlim=(0, 1))
    ax.set_title("All networks (bars: range over networks)")
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
    ax.set(ylabel="Images\nper network", yscale="log")
    return ax


def draw_rank_agreement(ax: Axes, names: Names, numbers: pd.DataFrame) -> Axes:
    """Rank correlations with the ensemble: a point a network, a stroke their mean."""
    color = look_of(names, SAMPLED).color
    correlations = where(numbers, metric=RANK_CORRELATION)
    scores = scores_in(correlations, names)
    for y, score in enumerate(scores):
        values = where(correlations, score=score)["value"]
        offset = (np.arange(len(values)) + 0.5) / len(values) - 0.5
        ax.scatter(values, y + 0.5 * offset, s=6, color=color, linewidth=0)
        ax.plot([values.mean()] * 2, [y - 0.35, y + 0.35], color="0", linewidth=1.2)
    for verdict, least in LEAST_RANK_CORRELATION.items():
        ax.axvline(least, color="0.6", linewidth=0.8, linestyle=(0, (4, 2)))
        ax.text(least, 1.02, verdict, transform=ax.get_xaxis_transform(), fontsize="x-small")
    ax.set_yticks(range(len(scores)), [names.score(score).label for score in scores])
    ax.set(xlim=(0, 1), ylim=(-0.6, len(scores) - 0.4))
    ax.set_xlabel("Rank correlation with the ensemble\n(point: a network; line: mean)")
    ax.grid(visible=False, axis="y")
    return ax


def draw_training_sets(ax: Axes, names: Names, numbers: pd.DataFrame) -> Axes:
    """One measure on one set of images against the training set; a faint point a network."""
    trained_on = list(dict.fromkeys(numbers["training_set"]))
    for method in dict.fromkeys(numbers["method"]):
        of_method = where(numbers, method=method)
        x = of_method["training_set"].map(trained_on.index)
        look = look_of(names, method)
        means = of_method["value"].groupby(x).mean()
        ax.plot(means.index, means, **(look.line | {"label": names.method(method).label}))
        if len(of_method) > len(means):
            ax.scatter(x, of_method["value"], s=5, color=look.color, alpha=2 * BAND, linewidth=0)
    ax.set_xticks(range(len(trained_on)), [name.replace(", ", ",\n") for name in trained_on])
    return ax


def draw_errors(ax: Axes, numbers: pd.DataFrame) -> Axes:
    """A line a measure; all fall with the square root of T."""
    for measure, label in SAMPLED_MEASURES.items():
        line = where(numbers, measure=measure)
        color, marker = _SAMPLED_LOOKS[measure]
        ax.plot(line["passes"], line["rms_error"], color=color, marker=marker, label=label)
    ax.axvline(100, color="0.6", linewidth=0.8, linestyle=(0, (4, 2)))
    ax.set(xscale="log", yscale="log", xlabel="Passes T")
    ax.grid(visible=True, which="minor", axis="y", linewidth=0.3)
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
