"""Panels of the article's claims: votes for single images, and how they vary."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.nouns import Names, Variant
from benchmarks.report.editorial import (
    ENSEMBLE,
    SAMPLED,
    SAMPLED_MEASURES,
)
from benchmarks.report.figures.engine import Panel, View
from benchmarks.report.figures.panels import class_axis
from benchmarks.report.figures.ways import (
    bars,
    beside,
    image,
    lines,
    logarithmic,
    steps,
)
from benchmarks.report.number_format import three_decimals
from benchmarks.report.results import ShownPixels
from benchmarks.report.style import DASHES, PAGE, SMALLEST, Look, look_of, looks
from benchmarks.schema import where
from benchmarks.vocabulary import (
    CEILING,
    CLEAN,
    LEAST_OF_CEILING,
    PAIRS,
    TEST_IMAGES,
    VOTES,
    WHERE_C_DISAGREES,
)


def verdict(figure: str) -> Callable[[View, pd.DataFrame], str]:
    """The first claim that names a figure, with its verdict."""

    def of_view(view: View, rows: pd.DataFrame) -> str:
        for claim in (view.results.claims or {"claims": []})["claims"]:
            if claim["figure"] == figure:
                return f"“{claim['statement'].rstrip('.')}”: {claim['verdict']}"
        return ""

    return of_view


def votes_of_networks(ax: Axes, panel: Panel) -> None:
    """Below an image its votes: a point a network in their order, and bars for their mean."""
    rows, names = panel.rows, panel.view.names
    pixels = panel.view.results.images.get((TEST_IMAGES, panel.key["image"]))
    image(ax, pixels, 0.5, 60, above=12)
    passes, count = rows.groupby("network")["value"].sum().max(), rows["network"].nunique()
    means = rows.groupby("class")["value"].mean()
    bars(ax, means.index, means, "0.85", width=0.8)
    offset = 0.8 * ((rows["network"] + 0.5) / count - 0.5)
    color = look_of(names, rows["method"].iloc[0]).color
    ax.scatter(rows["class"] + offset, rows["value"], s=2.5, color=color, linewidth=0)
    class_axis(ax, panel.view, "x")
    ax.set_ylim(0, 1.03 * passes)
    ax.set(xlabel="Class voted for", ylabel=f"Votes of {passes:.0f} passes\n({count} networks)")


def accuracy_of_majorities(ax: Axes, panel: Panel) -> None:
    """Accuracy by how many votes agree, as wide as the bin, and the range of the networks.

    A majority has at least one vote of as many as there are classes, where the first bin begins.
    """
    rows, names = panel.rows, panel.view.names
    lower = rows["lower"].clip(lower=1 / max(len(names.task.classes), 1))
    middle = (lower + rows["upper"]) / 2
    style: Any = {"color": look_of(names, SAMPLED).color}
    accuracy, least, most = rows["accuracy"], rows["least"], rows["most"]
    ax.hlines(accuracy, lower, rows["upper"], linewidth=1.6, label="All networks", **style)
    ax.vlines(middle, least, most, linewidth=0.8, label="Range of the networks", **style)
    equal: Any = {"color": "0.6", "linewidth": 0.8, "linestyle": DASHES}
    ax.plot([0, 1], [0, 1], label="Accuracy equal to the share", **equal)
    ax.set(ylim=(0, 1.03), xlim=(0, 1), ylabel="Accuracy of\nthe majority")


def images_of_majorities(ax: Axes, panel: Panel) -> None:
    """How many images of a network fall into each bin."""
    rows = panel.rows
    steps(ax, rows, rows["images"], 0.8, fill=True, color="0.75")
    logarithmic(ax, "y", [1, 10, 100, 1000, 10_000])
    ax.set(xlabel="Share of the votes\nthat agree", ylabel="Images")


def rank_agreement(ax: Axes, panel: Panel) -> None:
    """A row a score and pair, a point a pair of predictions; dashed where a verdict begins."""
    rows, names = panel.rows, panel.view.names
    cases = [
        (score, pair)
        for score in dict.fromkeys(rows["score"])
        for pair in PAIRS
        if pair in set(rows["case"])
    ]
    for y, (score, pair) in enumerate(cases):
        values = where(rows, score=score, case=pair)["value"]
        color = look_of(names, ENSEMBLE if pair == CEILING else SAMPLED).color
        at = [y + beside(place, len(values)) for place in range(len(values))]
        ax.scatter(values, at, s=6, color=color, linewidth=0)
        ax.plot([values.mean()] * 2, [y - 0.35, y + 0.35], color="0", linewidth=1.2)
    ceiling = where(rows, score=cases[0][0], case=CEILING)["value"].max()
    for name, share in LEAST_OF_CEILING.items():
        least = share * (1.0 if math.isnan(ceiling) else ceiling)
        ax.axvline(least, color="0.6", linewidth=0.8, linestyle=DASHES)
        style: Any = {"transform": ax.get_xaxis_transform(), "fontsize": SMALLEST, "ha": "center"}
        ax.text(least, 1.01, name, va="bottom", **style)
    labels = [f"{names.score(score).label}:\n{pair}" for score, pair in cases]
    ax.set_yticks(range(len(cases)), labels)
    ax.set(xlim=(0, 1), ylim=(len(cases) - 0.4, -0.6), xlabel="Rank correlation (line: mean)")
    ax.set_title(IMAGES_RANKED.get(panel.key["condition"], panel.key["condition"]), pad=14)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")


IMAGES_RANKED = {CLEAN: "All images", WHERE_C_DISAGREES: "Images on which ensemble C disagrees"}
"""The titles of the images by which rankings are compared."""


def by_training_set(ax: Axes, panel: Panel) -> None:
    """A measure against what the networks were trained on: their mean, and a point a network."""
    rows, names = panel.rows, panel.view.names
    trained_on = list(dict.fromkeys(rows["case"]))
    for name in dict.fromkeys(rows["method"]):
        of_method = where(rows, method=name)
        at = of_method["case"].map(trained_on.index)
        look = replace(look_of(names, name), label=names.method(name).label)
        means = of_method["value"].groupby(at).mean()
        ax.plot(means.index, means, **look.line)
        if len(of_method) > len(means):
            ax.plot(at, of_method["value"], **look.point | {"marker": "."})
    ax.set_xticks(range(len(trained_on)), [text.replace(", ", ",\n") for text in trained_on])
    ax.update_datalim([(0, 0)])  # not a limit, which panels of a row would share at once
    shown = names.printed(panel.key["metric"])
    ax.set(xlabel="Training images", ylabel=shown.axis_label.replace(" (", "\n("))


def spread_of_votes(ax: Axes, panel: Panel) -> None:
    """Two bars a class: the standard deviation between networks, and between samples of one."""
    for offset, (name, (label, method)) in zip((-0.2, 0.2), SPREADS.items(), strict=True):
        color = look_of(panel.view.names, method).color
        at = panel.rows["class"] + offset
        bars(ax, at, 100 * panel.rows[name], color, width=0.38, label=label)
    class_axis(ax, panel.view, "x")
    ax.set(xlabel="Class voted for", ylabel="Standard deviation\n(votes of 100)")


SPREADS = {
    "std_by_network": ("Between networks", ENSEMBLE),
    "std_by_passes": ("Between samples of 100 passes", SAMPLED),
}
"""The columns that are drawn, their labels, and whose colour they have."""


def number_of_image(view: View, key: Mapping[str, Any]) -> str:
    """The heading of one of the test images."""
    return f"Image {key['image']}"


def sampling_error(ax: Axes, panel: Panel) -> None:
    """A line a measure, and dashed the line of slope 1/√T through its last point."""
    lines(ax, panel, x="size", y="rms_error")
    for look, rows, _ in panel.series():
        sizes, errors = rows["size"].to_numpy(), rows["rms_error"].to_numpy()
        ideal = errors[-1] * np.sqrt(sizes[-1] / sizes)
        ax.plot(sizes, ideal, color=look.color, linewidth=0.7, linestyle=DASHES)
    ax.plot([], [], color="0.4", linewidth=0.7, linestyle=DASHES, label="Slope of 1/√T")
    logarithmic(ax, "x", sorted(set(panel.rows["size"])))
    logarithmic(ax, "y", [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
    ax.set(xlabel="Passes T", ylabel="Error of an image's value\n(root mean square)")


def looks_of_measures(view: View) -> dict[Any, Look]:
    """Of the measures of an image whose sampling error is drawn."""
    return {
        (measure,): Look(
            "Share of votes for a class" if measure == VOTES else view.names.printed(measure).name,
            color,
            marker,
            "-",
        )
        for measure, (color, marker) in SAMPLED_MEASURES.items()
    }


def count_plots(
    title: str,
    names: Names,
    pixels: ShownPixels,
    counts: Mapping[Variant, Sequence[int]],
    measures: Mapping[Variant, Mapping[str, float]],
) -> Figure:
    """A user's image, and for each method its votes by class with its scores below."""
    figure = Figure(figsize=(PAGE, 2.1), layout="constrained")
    first, *others = figure.subplots(1, 1 + len(counts), width_ratios=[0.8, *[1.0] * len(counts)])
    image(first, pixels, 0.5, 80)
    first.set_title(title)
    first.axis("off")
    known = looks(names, list(counts))
    for ax, (variant, votes) in zip(others, counts.items(), strict=True):
        bars(ax, range(len(votes)), pd.Series(votes), known[variant].color, width=0.8)
        written = [str(count or "") for count in votes]
        ax.bar_label(ax.containers[0], written, fontsize=SMALLEST, padding=1)
        scores = [
            f"{score.label}: {three_decimals(measures[variant][score.name])}"
            for score in names.scores
            if score.in_figures and score.name in measures[variant]
        ]
        ax.set(xticks=range(len(votes)), ylim=(0, 1.12 * sum(votes)), title=known[variant].label)
        ax.set_xlabel("\n".join(["Class voted for", *scores]))
        ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    others[0].set_ylabel("Votes")
    return figure
