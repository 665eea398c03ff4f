"""What is drawn in a panel of each figure, in a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.optimize import isotonic_regression

from benchmarks.nouns import Contestant, Names
from benchmarks.report.editorial import DETECTION, ENSEMBLE
from benchmarks.report.figures import numbers
from benchmarks.report.figures.engine import (
    Panel,
    View,
    contestant_in,
    image,
    lines,
    logarithmic,
)
from benchmarks.report.number_format import three_decimals
from benchmarks.report.results import Quantity, ShownPixels
from benchmarks.report.style import DASHES, PAGE, SHADE, SMALLEST, look_of, looks
from benchmarks.report.tables.front import label_of
from benchmarks.report.timings import ENGINES
from benchmarks.schema import where
from benchmarks.vocabulary import TEST_IMAGES

GREY: Any = {"color": "0.6", "linewidth": 0.8}
"""Of lines to compare with."""

GUESSING = "Guessing (equal probabilities)"

COUNTS = (1, 10, 100, 1000, 10_000)
"""The ticks of numbers of images."""


def class_axis(ax: Axes, view: View) -> None:
    """An axis of the classes voted for, of which some of many are named, long names upright."""
    classes = view.names.task.classes
    shown = range(0, len(classes), -(-len(classes) // 10))
    rotation = "vertical" if max(map(len, classes), default=0) > 2 else "horizontal"
    ax.set_xticks(shown, [classes[number] for number in shown], rotation=rotation)
    ax.set(xlim=(-0.8, len(classes) - 0.2), xlabel="Class voted for")


def _write_in_corner(ax: Axes, text: str) -> None:
    ax.text(0.03, 0.97, text, transform=ax.transAxes, va="top", fontsize=SMALLEST)


# Metrics over severities.


def over_severities(ax: Axes, panel: Panel) -> None:
    """The baseline over severities, and what guessing scores where it lies among its values.

    Of a metric that it lacks there is nothing, and the other methods are below as they are.
    """
    baseline = [panel.view.baseline]
    if not [*panel.series(baseline)]:
        ax.axis("off")
        return
    lines(ax, panel, baseline, x="severity")
    low, high = min(0.0, ax.dataLim.y0), ax.dataLim.y1
    ax.set_ylim(low, (low + 1.05 * (high - low)) if high > low else low + 1)
    guessing = panel.view.names.metric(panel.key["metric"]).guessing
    if low <= guessing <= high:
        ax.axhline(guessing, **GREY, linestyle=DASHES, zorder=1, label=GUESSING)
    _severity_axis(ax, panel, baseline)
    ax.set_ylabel(panel.measure.replace(" (", "\n("))


def differences_over_severities(ax: Axes, panel: Panel) -> None:
    """The other methods less the baseline."""
    if [*panel.series([panel.view.baseline])]:
        differences(ax, panel, x="severity")
    else:
        lines(ax, panel, x="severity")
        ax.set_ylabel(panel.measure)
    _severity_axis(ax, panel, panel.view.others)


def differences(ax: Axes, panel: Panel, x: str) -> None:
    """How much the values of the other methods differ from those of the baseline."""
    lines(ax, panel, panel.view.others, x=x, y="difference", interval=None)
    ax.axhline(0, **GREY, zorder=1)
    ax.set_ylabel(f"Difference to\n{panel.view.looks[panel.view.baseline].label}")


def _severity_axis(ax: Axes, panel: Panel, contestants: Sequence[Contestant]) -> None:
    """The axis of severities, shaded where labels are not well defined; infinite values named."""
    view, severities = panel.view, sorted(panel.view.severities.values())
    margin = 0.025 * (severities[-1] - severities[0])
    first, last = severities[0] - margin, severities[-1] + margin
    shifts = view.results.severities[view.group]
    shown = set(panel.rows["condition"])
    undefined = [s for s in shifts if s.labels == "ill-defined" and s.name in shown]
    if undefined:
        begin = max((shift.severity for shift in shifts if shift.labels == "valid"), default=0.0)
        why = f"Labels ill-defined ({undefined[0].reason})"
        ax.axvspan(begin, last, color=SHADE, linewidth=0, zorder=0, label=why)
    every = panel.series(contestants)
    infinite = [look.label for look, rows in every if np.isinf(rows["value"]).any()]
    if infinite:
        _write_in_corner(ax, "\n".join(("not drawn where infinite:", *infinite)))
    ax.set_xlim(first, last)
    ax.set_xticks(severities[:: -(-len(severities) // 5)])  # as many as fit
    ax.set_xlabel(f"{view.group.capitalize()} ({shifts[0].unit or 'severity'})")


# Calibration.


def accuracy_of_bins(ax: Axes, panel: Panel) -> None:
    """Accuracy against confidence; calibration would put lines on the diagonal."""
    ax.plot([0, 1], [0, 1], **GREY, zorder=1, label="Perfect calibration")
    interval = ("accuracy_lower", "accuracy_upper")
    lines(ax, panel, x="confidence", y="accuracy", interval=interval, as_bars=True)
    ax.set(xlim=(0, 1.02), ylim=(0, 1.03), ylabel=f"Accuracy\n(bins of ≥ {numbers.FEWEST} images)")
    ax.set_title(panel.condition)


def images_of_bins(ax: Axes, panel: Panel) -> None:
    """How many images each bin holds."""
    for look, bins in panel.series():
        edges, style = [*bins["lower"], bins["upper"].iloc[-1]], look.line
        outline = {name: style[name] for name in ("color", "linestyle", "linewidth")}
        ax.stairs(bins["count"].clip(lower=0.8), edges, baseline=0.8, **outline)
    ax.axhline(numbers.FEWEST, color="0.6", linewidth=0.6, zorder=1)
    logarithmic(ax, "y", COUNTS)
    ax.set(xlabel="Confidence", ylabel="Images")


# Detection and selective prediction.

LEAST_FLAGGED = 0.001
"""Where the logarithmic axis of clean images flagged begins."""


def roc(ax: Axes, panel: Panel) -> None:
    """The curve of each method, chance, and the least and most area under a curve."""
    chance = np.geomspace(LEAST_FLAGGED, 1)
    ax.plot(chance, chance, **GREY, linestyle=DASHES, zorder=1, label="Chance")
    logarithmic(ax, "x", [0.001, 0.01, 0.1, 1])
    lines(ax, panel, x="flagged_clean", y="flagged", markevery=0.25, markersize=3.0)
    areas = numbers.values(panel.view, [DETECTION], [panel.key["condition"]])["value"]
    if len(areas):
        ends = dict.fromkeys(f"{end:.3f}" for end in (areas.min(), areas.max()))
        _write_in_corner(ax, f"AUROC {'–'.join(ends)}")
    ax.set(xlim=(LEAST_FLAGGED, 1), ylim=(0, 1.02), ylabel="OOD images flagged")
    results = panel.view.results
    reference = results.label_of(panel.view.names.condition(panel.key["condition"]).reference)
    score = results.primary_score_label(panel.view.contestants)
    ax.set(title=panel.condition, xlabel=f"{reference} images flagged\n(by {score})")


def error_of_the_rest(ax: Axes, panel: Panel) -> None:
    """The error of the images that are left, against those that the baseline abstains on."""
    lines(ax, panel, [panel.view.baseline], x="abstained", y="error")
    _abstained_axis(ax, panel)
    ax.set(title=panel.condition, ylabel="Error of\nthe rest (%)")
    ax.set_ylim(bottom=0)


def error_less_baseline(ax: Axes, panel: Panel) -> None:
    """That of the others less it."""
    differences(ax, panel, x="abstained")
    _abstained_axis(ax, panel)


def _abstained_axis(ax: Axes, panel: Panel) -> None:
    """The first percents are drawn wider, by the square root, since they matter most."""
    shares = sorted(set(panel.rows["abstained"]))
    # Of the left edge a layout may see less than zero, by rounding.
    ax.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    ax.set(xlim=(0, shares[-1]), xlabel="Images abstained on (%)")
    ax.set_xticks(shares, [f"{share:g}" for share in shares])


# Quality against cost.


def cost(ax: Axes, panel: Panel) -> None:
    """A line a method over its sizes, with the numbers of members of its first and last point."""
    rows, view = panel.rows, panel.view
    _time_axis(ax, panel)
    ax.set_ylim(*around(rows["value"]))
    for contestant, look in view.looks.items():
        size = pd.to_numeric(rows["members"], errors="coerce")
        line = rows.assign(size=size)[rows["method"] == contestant.method].sort_values("size")
        label = view.names.method(contestant.method).label
        ax.plot(line["p50_ms"], line["value"], **look.line | {"label": label})
        ax.vlines(line["p50_ms"], line["lower"], line["upper"], color=look.color, linewidth=0.6)
        for place in {0, len(line) - 1} if len(line) > 1 else ():
            members, ms, value = line[["members", "p50_ms", "value"]].iloc[place]
            style: Any = {"textcoords": "offset points", "fontsize": SMALLEST, "color": look.color}
            ax.annotate(members, (ms, value), (3, 3), **style)
    ax.set_title(f"{panel.measure}\n{fill(panel.condition, 28)}")


def quality(ax: Axes, panel: Panel) -> None:
    """A point a contestant with its name, and ensembles of all sizes as a curve.

    Names of the least budget stand left of the points, others right. Bold ones are in the best set.
    """
    results, rows = panel.view.results, panel.rows.to_dict("records")
    quantity, least = Quantity(panel.key["condition"], panel.key["metric"]), results.budgets[0]
    budgets = sorted({row["budget"] for row in rows})
    logarithmic(ax, "x", [budget for budget in BUDGETS if budget <= budgets[-1]])
    left, right = budgets[0] / NAMES_LEFT, budgets[-1] * NAMES_RIGHT
    ax.set(xlim=(left, right), ylim=around(panel.rows["value"], 0.1))
    low, high = ax.get_ylim()
    curve: dict[float, float] = {}
    named: dict[bool, list[tuple[Contestant, float]]] = {True: [], False: []}
    for row in rows:
        contestant, value, budget = contestant_in(row), row["value"], row["budget"]
        look = look_of(panel.view.names, contestant.method, filled=contestant in panel.view.looks)
        ax.plot([budget], [value], **look.line | {"label": "_"})
        is_alone = results.is_network_alone(contestant)
        if is_alone and budget == least:
            ax.hlines(value, budget, budgets[-1], **GREY, linestyle=DASHES, zorder=0)
        if (is_alone and budget == 1) or contestant.method == ENSEMBLE:
            curve |= {budget: value} if results.usual([contestant]) else {}
        if look.filled:
            named[budget == least].append((contestant, value))
    style: Any = {
        "color": look_of(panel.view.names, ENSEMBLE).color,
        "alpha": 0.35,
        "linewidth": 2.5,
    }
    ax.plot(*zip(*sorted(curve.items()), strict=True), zorder=1, **style)
    for is_left, own in named.items():
        places = apart([(value - low) / (high - low) for _, value in own], LINE_OF_NAMES)
        for (contestant, value), place in zip(own, places, strict=True):
            ax.annotate(
                label_of(results, contestant),
                (contestant.budget, value),
                (0.01 if is_left else 0.99, place),
                textcoords="axes fraction",
                ha="left" if is_left else "right",
                va="center",
                fontsize=SMALLEST,
                weight="bold" if results.is_best(contestant, quantity) else "normal",
                arrowprops={
                    "relpos": (float(is_left), 0.5),
                    "color": look_of(panel.view.names, contestant.method).color,
                    **TO_POINT,
                },
            )
    ax.set_xlabel("Training, in networks")
    ax.set_ylabel(f"{panel.measure}\n{fill(panel.condition, 16)}")


BUDGETS = (1, 2, 5, 10, 20, 50, 100)
"""The ticks of the training of contestants."""

NAMES_LEFT, NAMES_RIGHT = 250.0, 100.0
"""How much of a logarithmic axis of training is left for names."""

TO_POINT: Mapping[str, Any] = {
    "arrowstyle": "-",
    "linewidth": 0.5,
    "shrinkA": 2,
    "shrinkB": 3,
}
"""The line from a name to its point."""

LINE_OF_NAMES = 0.105
"""The height of a name, as a share of its panel."""


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Places between 0 and 1 that are a gap apart, as near as can be to those given.

    >>> apart([0.5, 0.125, 0.5], 0.25)
    [0.375, 0.125, 0.625]
    """
    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(places))
    free = isotonic_regression(np.asarray(places, np.float64)[order] - steps).x
    moved = np.zeros(len(places))
    moved[order] = np.clip(free, gap / 2, 1 - gap / 2 - steps[-1:]) + steps
    return [float(place) for place in moved]


def _time_axis(ax: Axes, panel: Panel) -> None:
    """A logarithmic axis of milliseconds."""
    times = panel.every["p50_ms"]
    low, high = times.min() / 1.8, times.max() * 1.4
    bases = (1, 2, 5) if high / low < 100 else (1,)
    logarithmic(ax, "x", [base * 10.0**power for power in range(-3, 6) for base in bases])
    ax.set_xlim(low, high)
    ax.set_xlabel(f"Milliseconds, one image ({ENGINES[panel.rows['engine'].iloc[0]]})")


def around(values: pd.Series[float], margins: float = 0.3) -> tuple[float, float]:
    """The ends of an axis, from the values that are finite, with margins as shares of their range.

    Not from intervals: small sizes scatter so much that theirs would dwarf all differences.

    >>> around(pd.Series([0.1, 0.2, float("inf")]))
    (0.07, 0.23)
    """
    finite = values[np.isfinite(values)]
    if finite.empty:
        return 0.0, 1.0
    lowest, highest = float(finite.min()), float(finite.max())
    margin = margins * (highest - lowest) or 0.1 * abs(highest) or 0.1
    return lowest - margin, highest + margin


# Images.


def votes_of_methods(ax: Axes, panel: Panel) -> None:
    """Below an image a row a method, a circle for each class it votes for, a line at the label."""
    first, view = panel.rows.iloc[0], panel.view
    image(ax, view.results.images.get((first["condition"], int(first["index"]))), 42, above=24)
    for y, look in enumerate(view.looks.values()):
        rows = where(panel.rows, **view.contestants[y].columns)
        areas = LARGEST * rows["vote_share"]
        ax.scatter(rows["class"], [y] * len(rows), s=areas, color=look.color, linewidth=0, zorder=2)
    ax.axvline(first["label"], **GREY, zorder=1)
    class_axis(ax, view)
    ax.set_ylim(len(view.looks) - 0.4, -0.6)
    ax.set_yticks(range(len(view.looks)), [look.label for look in view.looks.values()])
    ax.set_title(f"{panel.condition}\nlabel {view.names.class_name(int(first['label']))}")


LARGEST = 55.0
"""Area in square points of the circle that stands for all votes."""


def example(ax: Axes, panel: Panel) -> None:
    """An image of a condition, below its name."""
    name, index = panel.rows[["condition", "index"]].iloc[0]
    image(ax, panel.view.results.images.get((name, index)), 36)
    ax.set_title(fill(panel.condition, 12), fontsize=SMALLEST)
    ax.axis("off")


def votes_of_networks(ax: Axes, panel: Panel) -> None:
    """Below an image its votes: a point a network in their order, and bars for their mean."""
    rows, number = panel.rows, panel.key["image"]
    image(ax, panel.view.results.images.get((TEST_IMAGES, number)), 60, above=14)
    passes, count = rows.groupby("network")["value"].sum().max(), rows["network"].nunique()
    means = rows.groupby("class")["value"].mean()
    ax.bar(means.index, means, width=0.8, color="0.85")
    offset = 0.8 * ((rows["network"] + 0.5) / count - 0.5)
    color = look_of(panel.view.names, rows["method"].iloc[0]).color
    ax.scatter(rows["class"] + offset, rows["value"], s=2.5, color=color, linewidth=0)
    class_axis(ax, panel.view)
    ylabel = f"Votes of {passes:.0f} passes\n({count} networks)"
    ax.set(ylim=(0, 1.03 * passes), ylabel=ylabel, title=f"Image {number}")


# A user's own image.


def count_plots(
    title: str,
    names: Names,
    pixels: ShownPixels,
    counts: Mapping[Contestant, Sequence[int]],
    measures: Mapping[Contestant, Mapping[str, float]],
) -> Figure:
    """The image, and for each method its votes by class with its scores below."""
    figure = Figure(figsize=(PAGE, 2.1), layout="constrained")
    first, *others = figure.subplots(1, 1 + len(counts), width_ratios=[0.8, *[1.0] * len(counts)])
    image(first, pixels, 80)
    first.set_title(title)
    first.axis("off")
    known = looks(names, list(counts))
    for ax, (contestant, votes) in zip(others, counts.items(), strict=True):
        ax.bar(range(len(votes)), votes, width=0.8, color=known[contestant].color)
        written = [str(count or "") for count in votes]
        ax.bar_label(ax.containers[0], written, fontsize=SMALLEST, padding=1)
        scores = [
            f"{score.label}: {three_decimals(measures[contestant][score.name])}"
            for score in names.scores
            if score.in_figures and score.name in measures[contestant]
        ]
        ax.set(xticks=range(len(votes)), ylim=(0, 1.12 * sum(votes)), title=known[contestant].label)
        ax.set_xlabel("\n".join(["Class voted for", *scores]))
        ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    others[0].set_ylabel("Votes")
    return figure
