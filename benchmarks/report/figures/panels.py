"""What is drawn in a panel of each figure, in a few lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.nouns import Contestant, Names
from benchmarks.report.editorial import (
    CEILING,
    DETECTION,
    ENSEMBLE,
    LEAST_AGREEMENT,
    OTHER_NETWORK,
    PAIRS,
    SAMPLED,
    WHERE_C_DISAGREES,
)
from benchmarks.report.figures import numbers
from benchmarks.report.figures.engine import (
    Panel,
    View,
    beside,
    circles,
    contestant_in,
    image,
    lines,
    logarithmic,
    patch,
    points,
    steps,
)
from benchmarks.report.figures.files import tell
from benchmarks.report.figures.point_names import PointName, beside_points
from benchmarks.report.number_format import three_decimals
from benchmarks.report.results import Quantity, ShownPixels
from benchmarks.report.style import DASHES, PAGE, SHADE, SMALLEST, look_of, looks
from benchmarks.report.timings import ENGINES
from benchmarks.schema import where
from benchmarks.vocabulary import CLEAN, TEST_IMAGES

GREY: Any = {"color": "0.6", "linewidth": 0.8}
"""Of lines to compare with."""

GUESSING = "Guessing (equal probabilities)"

COUNTS = (1, 10, 100, 1000, 10_000)
"""The ticks of numbers of images."""


def class_axis(ax: Axes, view: View, axis: str) -> None:
    """An axis of classes, of which some of many are named, long names upright."""
    classes = view.names.task.classes
    shown = range(0, len(classes), -(-len(classes) // 10))
    style: Any = {"fontsize": SMALLEST}
    if axis == "x" and max(map(len, classes), default=0) > 2:
        style["rotation"] = "vertical"
    getattr(ax, f"set_{axis}ticks")(shown, [classes[number] for number in shown], **style)
    getattr(ax, f"set_{axis}lim")(-0.8, len(classes) - 0.2)


def _in_corner(ax: Axes, text: str) -> None:
    ax.text(0.03, 0.97, text, transform=ax.transAxes, va="top", fontsize=SMALLEST)


def _by_score(view: View) -> str:
    """By what images are ranked, below an axis."""
    return f"(by {view.results.primary_score_label(view.looks)})"


# Metrics over severities.


DIFFERENCE: Any = {"y": "difference", "interval": ()}
"""The column of lines that are differences to the baseline."""


def over_severities(ax: Axes, panel: Panel) -> None:
    """The baseline over severities, and what guessing scores where it lies among its values.

    Of a metric that it lacks there is nothing, and the other methods are below as they are.
    """
    baseline = numbers.baseline_alone(panel)
    if baseline.rows.empty:
        ax.axis("off")
        return
    lines(ax, baseline, x="severity", x_name=lambda row: _condition(panel, row))
    low, high = min(0.0, ax.dataLim.y0), ax.dataLim.y1
    ax.set_ylim(low, (low + 1.05 * (high - low)) if high > low else low + 1)
    guessing = panel.view.names.metric(panel.key["metric"]).guessing
    if low <= guessing <= high:
        ax.axhline(guessing, **GREY, linestyle=DASHES, zorder=1, label=GUESSING)
    _over_severities(ax, panel, baseline)
    ax.set_ylabel(_name_and_unit(panel))


def _name_and_unit(panel: Panel) -> str:
    return panel.view.names.printed(panel.key["metric"]).axis_label.replace(" (", "\n(")


def differences_over_severities(ax: Axes, panel: Panel) -> None:
    """The other methods less the baseline."""
    others, has_baseline = numbers.other_methods(panel), len(numbers.baseline_alone(panel).rows)
    columns = DIFFERENCE if has_baseline else {}
    lines(ax, others, x="severity", **columns, x_name=lambda row: _condition(panel, row))
    ax.axhline(0, **GREY, zorder=1)
    _over_severities(ax, panel, others)
    ax.set_ylabel(_less_baseline(panel) if has_baseline else _name_and_unit(panel))


def _over_severities(ax: Axes, panel: Panel, drawn: Panel) -> None:
    """The axis of severities, shaded where labels are not well defined; infinite values named."""
    view, severities = panel.view, sorted(panel.view.severities.values())
    margin = 0.025 * (severities[-1] - severities[0])
    first, last = severities[0] - margin, severities[-1] + margin
    if shading(view, panel.rows):
        shifts = view.results.severities[view.group]
        valid = [shift.severity for shift in shifts if shift.labels == "valid"]
        ax.axvspan(max(valid, default=0.0), last, color=SHADE, linewidth=0, zorder=0)
    infinite = [look.label for look, line, _ in drawn.series() if np.isinf(line["value"]).any()]
    if infinite:
        _in_corner(ax, "\n".join(("not drawn where infinite:", *infinite)))
    ax.set_xlim(first, last)
    ax.set_xticks(severities[:: -(-len(severities) // 5)])  # as many as fit
    unit = view.results.severities[view.group][0].unit or "severity"
    ax.set_xlabel(f"{view.group.capitalize()} ({unit})")


def _condition(panel: Panel, row: Mapping[Any, Any]) -> str:
    return panel.view.results.label_of(row["condition"])


def _less_baseline(panel: Panel) -> str:
    return f"Difference to\n{panel.view.looks[numbers.baseline(panel.view)].label}"


def shading(view: View, rows: pd.DataFrame) -> list[Artist]:
    """What the legend says of the shaded range, where there is one."""
    shown = set(rows["condition"])
    reasons = [
        shift.reason
        for shift in view.results.severities[view.group]
        if shift.labels == "ill-defined" and shift.name in shown
    ]
    return [patch(f"Labels ill-defined ({reasons[0]})", SHADE)] if reasons else []


# Calibration.


def accuracy_of_bins(ax: Axes, panel: Panel) -> None:
    """Accuracy against confidence; calibration would put lines on the diagonal."""
    ax.plot([0, 1], [0, 1], **GREY, zorder=1, label="Perfect calibration")
    interval = ("accuracy_lower", "accuracy_upper")
    lines(ax, panel, x="confidence", y="accuracy", interval=interval, as_bars=True)
    ax.set(xlim=(0, 1.02), ylim=(0, 1.03), ylabel=f"Accuracy\n(bins of ≥ {numbers.FEWEST} images)")


def images_of_bins(ax: Axes, panel: Panel) -> None:
    """How many images each bin holds."""
    for look, rows, _ in panel.series():
        style = {name: look.line[name] for name in ("color", "linestyle", "linewidth")}
        steps(ax, rows, rows["count"], 0.8, **style)
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
    lines(ax, panel, x="flagged_clean", y="flagged", marked=False, least=LEAST_FLAGGED)
    areas = numbers.values(panel.view, [DETECTION], [panel.key["condition"]])["value"]
    if len(areas):
        ends = dict.fromkeys(f"{end:.3f}" for end in (areas.min(), areas.max()))
        _in_corner(ax, f"AUROC {'–'.join(ends)}")
    logarithmic(ax, "x", [0.001, 0.01, 0.1, 1])
    ax.set(xlim=(LEAST_FLAGGED, 1), ylim=(0, 1.02), ylabel="OOD images flagged")
    reference = panel.view.names.condition(panel.key["condition"]).reference
    label = panel.view.results.label_of(reference)
    ax.set_xlabel(f"{label} images flagged\n{_by_score(panel.view)}")


def error_of_the_rest(ax: Axes, panel: Panel) -> None:
    """The error of the images that are left, against those that the baseline abstains on."""
    lines(ax, numbers.baseline_alone(panel), x="abstained", y="error", x_name=_share)
    _shares_axis(ax, panel)
    ax.set_ylim(bottom=0)
    ax.set_ylabel("Error of\nthe rest (%)")


def error_less_baseline(ax: Axes, panel: Panel) -> None:
    """That of the others less it."""
    lines(ax, numbers.other_methods(panel), x="abstained", **DIFFERENCE, x_name=_share)
    ax.axhline(0, **GREY, zorder=1)
    _shares_axis(ax, panel)
    ax.set(xlabel="Images abstained on (%)", ylabel=_less_baseline(panel))


def _share(row: Mapping[Any, Any]) -> str:
    return f"{row['abstained']:g} %"


def _shares_axis(ax: Axes, panel: Panel) -> None:
    """The first percents are drawn wider, by the square root, since they matter most."""
    shares = sorted(set(panel.rows["abstained"]))
    # Of the left edge a layout may see less than zero, by rounding.
    ax.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    ax.set_xlim(0, shares[-1])
    ax.set_xticks(shares, [f"{share:g}" for share in shares])


# Quality against cost.

NOTE = 0.1, 0.09
"""How far apart numbers of members stand at least, as shares of a panel's width and height."""


def cost(ax: Axes, panel: Panel) -> None:
    """A line a method over its sizes, each with its number of members where there is space."""
    rows, names = panel.rows, panel.view.names
    (low, high), (bottom, top) = _time_axis(ax, panel), around(rows["value"])
    ax.set_ylim(bottom, top)
    for look, line, _ in panel.series():
        size = pd.to_numeric(line["members"], errors="coerce")
        line = line.assign(size=size).sort_values("size", ascending=False)
        record = names.method(line["method"].iloc[0])
        label = names.label(contestant_in(line.iloc[0].to_dict()))
        points(ax, line, line["p50_ms"], replace(look, label=f"_{label}"))
        # In the panel of another engine there may be more sizes.
        if where(panel.every, method=record.name)["members"].nunique() > 1:
            label = f"{record.label}, {record.size} {record.symbol} beside each point"
            _write_sizes(ax, line, look.color, math.log(high / low), top - bottom)
        ax.plot(line["p50_ms"], line["value"], **look.line | {"label": label})
    images = fill(panel.view.results.label_of(panel.key["condition"]), 28)
    ax.set_title(f"{_measure(panel)}\n{images}")


def quality(ax: Axes, panel: Panel) -> None:
    """A point a method with its name, and ensembles of all sizes as a curve from the network on.

    A method that was not timed is a line. Bold names are in the best set.
    """
    view, rows = panel.view, panel.rows
    _, right = _time_axis(ax, panel)
    ax.set_ylim(*around(rows["value"], 0.1))
    labels: list[PointName] = []

    def name(contestant: Contestant, text: str, x: float, y: float, color: str) -> None:
        quantity = Quantity(panel.key["condition"], panel.key["metric"])
        is_best = view.results.is_best(contestant, quantity)
        labels.append(PointName(x, y, text, color, is_best))

    untimed = rows[rows["p50_ms"].isna()]
    for row in untimed.to_dict("records"):
        contestant, color = contestant_in(row), look_of(view.names, row["method"]).color
        label = view.names.label(contestant)
        tell(ax.axhline(row["value"], color=color, linestyle=":"), label)
        name(contestant, f"{label} (not timed)", right, row["value"], color)
    rows = rows.dropna(subset="p50_ms")
    names = list(map(contestant_in, rows.to_dict("records")))
    is_alone = np.array([view.results.is_network_alone(each) for each in names])
    is_ensemble, usual = rows["method"] == ENSEMBLE, view.results.usual(names)
    is_usual = np.array([contestant in usual for contestant in names])
    curve = rows[(is_ensemble | is_alone) & is_usual].sort_values("p50_ms")
    ensemble = look_of(view.names, ENSEMBLE)
    if is_ensemble.any():
        style: Any = {"color": ensemble.color, "alpha": 0.35, "linewidth": 2.5, "zorder": 1}
        ax.plot(curve["p50_ms"], curve["value"], **style)
    for level in rows.loc[is_alone, "value"]:
        ax.axhline(level, **GREY, linestyle=DASHES, zorder=0)
    for contestant, ms, value in zip(names, rows["p50_ms"], rows["value"], strict=True):
        named = contestant in view.looks
        look = view.looks.get(contestant) or replace(ensemble, filled=False)
        text = view.names.label(contestant) if named else contestant.members
        (line,) = ax.plot([ms], [value], **look.line | {"linestyle": "none", "label": "_"})
        tell(line, view.names.label(contestant))
        name(contestant, text, ms, value, look.color)
    beside_points(ax, labels)
    ax.set_ylabel(f"{_measure(panel)}\n{view.results.label_of(panel.key['condition'])}")


def _measure(panel: Panel) -> str:
    return panel.view.names.printed(panel.key["metric"]).axis_title


def _time_axis(ax: Axes, panel: Panel) -> tuple[float, float]:
    """A logarithmic axis of milliseconds, and its ends, which leave space for names."""
    times = panel.every["p50_ms"]
    low, high = times.min() / 1.8, times.max() * 1.4
    bases = (1, 2, 5) if high / low < 100 else (1,)
    logarithmic(ax, "x", [base * 10.0**power for power in range(-3, 6) for base in bases])
    ax.set_xlim(low, high)
    ax.set_xlabel(f"Milliseconds, one image ({ENGINES[panel.rows['engine'].iloc[0]]})")
    return low, high


def _write_sizes(ax: Axes, line: pd.DataFrame, color: str, width: float, height: float) -> None:
    """The number of members beside each point, where it is not too near to that of the next.

    Args:
        line: the points of a method, the largest first.
        width, height: of the panel, in logarithms of milliseconds and in values.
    """
    written = math.inf, math.inf
    for members, ms, value in line[["members", "p50_ms", "value"]].itertuples(index=False):
        place = math.log(ms) / width, value / height
        if any(abs(a - b) >= least for a, b, least in zip(place, written, NOTE, strict=True)):
            style: Any = {"textcoords": "offset points", "fontsize": SMALLEST, "color": color}
            ax.annotate(str(members), (ms, value), (2.5, 2.5), **style)
            written = place


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


# Images and training.


def votes_of_methods(ax: Axes, panel: Panel) -> None:
    """Below an image a row a method, a circle for each class it votes for, a line at the label."""
    first, series = panel.rows.iloc[0], list(panel.series())
    pixels = panel.view.results.images.get((first["condition"], int(first["index"])))
    image(ax, pixels, 0.5, 42, above=22)
    for position, (look, rows, _) in enumerate(series):
        at = pd.Series(position, rows.index)
        circles(ax, rows["class"], at, rows["vote_share"], look)
    ax.axvline(first["label"], **GREY, zorder=1)
    class_axis(ax, panel.view, "x")
    ax.set_ylim(len(series) - 0.4, -0.6)
    ax.set_yticks(range(len(series)), [look.label for look, _, _ in series])


def example(ax: Axes, panel: Panel) -> None:
    """An image of a condition, below its name."""
    name, index = panel.rows[["condition", "index"]].iloc[0]
    image(ax, panel.view.results.images.get((name, index)), 0.5, 36)
    ax.set_title(fill(panel.view.results.label_of(name), 12), fontsize=SMALLEST)
    ax.axis("off")


# The article's claims.


def votes_of_networks(ax: Axes, panel: Panel) -> None:
    """Below an image its votes: a point a network in their order, and bars for their mean."""
    rows, names = panel.rows, panel.view.names
    pixels = panel.view.results.images.get((TEST_IMAGES, panel.key["image"]))
    image(ax, pixels, 0.5, 60, above=12)
    passes, count = rows.groupby("network")["value"].sum().max(), rows["network"].nunique()
    means = rows.groupby("class")["value"].mean()
    ax.bar(means.index, means, width=0.8, color="0.85")
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
    style: Any = {"color": look_of(names, SAMPLED).color}
    ax.hlines(rows["accuracy"], lower, rows["upper"], linewidth=1.6, label="All networks", **style)
    range_style: Any = {"linewidth": 0.8, "label": "Range of the networks", **style}
    ax.vlines((lower + rows["upper"]) / 2, rows["least"], rows["most"], **range_style)
    ax.plot([0, 1], [0, 1], **GREY, linestyle=DASHES, label="Accuracy equal to the share")
    ax.set(ylim=(0, 1.03), xlim=(0, 1), ylabel="Accuracy of\nthe majority")


def images_of_majorities(ax: Axes, panel: Panel) -> None:
    """How many images of a network fall into each bin."""
    steps(ax, panel.rows, panel.rows["images"], 0.8, fill=True, color="0.75")
    logarithmic(ax, "y", COUNTS)
    ax.set(xlabel="Share of the votes\nthat agree", ylabel="Images")


IMAGES_RANKED = {CLEAN: "All images", WHERE_C_DISAGREES: "Images on which ensemble C disagrees"}
"""The titles of the images by which rankings are compared."""


def rank_agreement(ax: Axes, panel: Panel) -> None:
    """A row a score and pair, a point a pair of predictions.

    Dashed, where a verdict begins, by the score that decides and without the noise of networks.
    """
    rows, names = panel.rows, panel.view.names
    scores, pairs = dict.fromkeys(rows["score"]), set(rows["case"])
    cases = [(score, pair) for score in scores for pair in PAIRS if pair in pairs]
    for y, (score, pair) in enumerate(cases):
        values = where(rows, score=score, case=pair)["value"]
        color = look_of(names, ENSEMBLE if pair == CEILING else SAMPLED).color
        at = [y + beside(place, len(values)) for place in range(len(values))]
        ax.scatter(values, at, s=6, color=color, linewidth=0)
        ax.plot([values.mean()] * 2, [y - 0.35, y + 0.35], color="0", linewidth=1.2)
    between_networks, between_ensembles = (
        where(rows, score=cases[0][0], case=pair)["value"].mean()
        for pair in (OTHER_NETWORK, CEILING)
    )
    deciding = sum(score == cases[0][0] for score, _ in cases)
    for (name, share), side in zip(LEAST_AGREEMENT.items(), ("right", "left"), strict=True):
        least = share * math.sqrt(max(0.0, between_networks * between_ensembles))
        ax.plot([least] * 2, [-0.6, deciding - 0.5], **GREY, linestyle=DASHES)
        style: Any = {"transform": ax.get_xaxis_transform(), "fontsize": SMALLEST, "ha": side}
        ax.text(least, 1.01, name, va="bottom", **style)
    labels = [f"{names.score(score).label}:\n{pair}" for score, pair in cases]
    ax.set_yticks(range(len(cases)), labels)
    ax.set(xlim=(0, 1), ylim=(len(cases) - 0.4, -0.6), xlabel="Rank correlation (line: mean)")
    ax.set_title(IMAGES_RANKED.get(panel.key["condition"], panel.key["condition"]), pad=14)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")


def by_training_set(ax: Axes, panel: Panel) -> None:
    """A measure against what the networks were trained on: their mean, and a point a network."""
    rows, names = panel.rows, panel.view.names
    trained_on = list(dict.fromkeys(rows["case"]))
    for name in dict.fromkeys(rows["method"]):
        line = where(rows, method=name)
        at = line["case"].map(trained_on.index)
        look = look_of(names, name, names.method(name).label)
        means = line["value"].groupby(at).mean()
        ax.plot(means.index, means, **look.line)
        if len(line) > len(means):
            ax.plot(at, line["value"], **look.dots)
    ax.set_xticks(range(len(trained_on)), [text.replace(", ", ",\n") for text in trained_on])
    ax.update_datalim([(0, 0)])  # not a limit, which panels of a row would share at once
    shown = names.printed(panel.key["metric"])
    ax.set(xlabel="Training images", ylabel=shown.axis_label.replace(" (", "\n("))


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
    image(first, pixels, 0.5, 80)
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
