"""What is drawn in a panel of each figure, in a few lines, and what is said of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from benchmarks.nouns import Variant
from benchmarks.report.editorial import (
    DETECTION,
    ENTROPY_PARTS,
    RIGHT,
    SHIFT_TITLE,
    TOTAL_ENTROPY,
    TRAINING_MEASURES,
)
from benchmarks.report.figures import numbers
from benchmarks.report.figures.engine import Panel, View
from benchmarks.report.figures.finding import title as best
from benchmarks.report.figures.ways import (
    bars,
    beside,
    circles,
    image,
    lines,
    logarithmic,
    patch,
    points,
    steps,
)
from benchmarks.report.results import Quantity
from benchmarks.report.style import DASHES, SHADE, SMALLEST, Look
from benchmarks.report.tables.table import NO_VALUE
from benchmarks.report.timings import main_setup
from benchmarks.schema import where

# How panels are called, and what is said of all.


def condition(view: View, key: Mapping[str, Any]) -> str:
    """The label of a panel's condition."""
    return view.results.label_of(key["condition"])


def method(view: View, key: Mapping[str, Any]) -> str:
    """The label of a panel's method."""
    return view.looks[Variant(key["method"], key["members"])].label


def best_by(metric: str, column: str = "condition") -> Callable[[View, pd.DataFrame], str]:
    """Which method leads by a metric, under the first condition shown."""
    return lambda view, rows: best(view.results, Quantity(rows[column].iloc[0], metric))


def by_score(view: View) -> str:
    """By what images are ranked, below an axis."""
    return f"(by {view.results.primary_score_label(view.looks)})"


# Metrics over severities.


def best_over_severities(view: View, rows: pd.DataFrame) -> str:
    """Which method leads by the mean over the group."""
    metric = SHIFT_TITLE if SHIFT_TITLE in set(rows["metric"]) else rows["metric"].iloc[0]
    for mean in view.results.group_means:
        if view.names.condition(mean).group == view.group:
            return best(view.results, Quantity(mean, metric))
    return ""


def over_severities(ax: Axes, panel: Panel) -> None:
    """A line a method over severities, shaded where labels are not well defined."""
    view, rows = panel.view, panel.rows
    severities = sorted(numbers.severities_of_conditions(view).values())
    margin = 0.025 * (severities[-1] - severities[0])
    first, last = severities[0] - margin, severities[-1] + margin
    if shading(view, rows):
        conditions = view.results.severities[view.group]
        valid = [shift.severity for shift in conditions if shift.labels == "valid"]
        ax.axvspan(max(valid, default=0.0), last, color=SHADE, linewidth=0, zorder=0)
    lines(ax, panel, x="severity", x_name=lambda row: view.results.label_of(row["condition"]))
    named = [look.label for look, line, _ in panel.series() if np.isinf(line["value"]).any()]
    if named:
        text = "\n".join(("not drawn where infinite:", *named))
        ax.text(0.03, 0.97, text, transform=ax.transAxes, va="top", fontsize=SMALLEST)
    low, high = min(0.0, ax.dataLim.y0), ax.dataLim.y1
    ax.set_ylim(low, (low + 1.05 * (high - low)) if high > low else low + 1)
    ax.set_xlim(first, last)
    severity_axis(ax, view)
    ax.set_ylabel(view.names.printed(panel.key["metric"]).axis_label)


def severity_axis(ax: Axes, view: View) -> None:
    """Ticks at evenly spaced severities, as many as fit, and what they are with their unit."""
    severities = sorted(numbers.severities_of_conditions(view).values())
    ax.set_xticks(severities[:: -(-len(severities) // 5)])
    unit = view.results.severities[view.group][0].unit or "severity"
    ax.set_xlabel(f"{view.group.capitalize()} ({unit})")


def shading(view: View, rows: pd.DataFrame) -> list[Artist]:
    """What the legend says of the shaded range, where there is one."""
    shown = set(rows["condition"])
    reasons = [
        shift.reason
        for shift in view.results.severities[view.group]
        if shift.labels == "ill-defined" and shift.name in shown
    ]
    return [patch(f"Labels ill-defined ({reasons[0]})", SHADE)] if reasons else []


def votes_over_severities(ax: Axes, panel: Panel) -> None:
    """A circle for each class that a method votes for at each severity."""
    rows, look = panel.rows, panel.looks[Variant(panel.key["method"], panel.key["members"])]
    circles(ax, rows["severity"], rows["class"], rows["vote_share"], look)
    class_axis(ax, panel.view, "y")
    ax.set_ylabel("Class voted for")
    ax.tick_params(labelbottom=False)


def images_over_severities(ax: Axes, panel: Panel) -> None:
    """The image at each severity, on the axis below."""
    shown = panel.rows[["condition", "severity", "index"]].drop_duplicates()
    severities = sorted(shown["severity"])
    step = min(np.diff(severities))
    for name, severity, index in shown.itertuples(index=False):
        image(
            ax, panel.view.results.images.get((name, int(index))), severity, 180 / len(severities)
        )
    ax.set(xlim=(severities[0] - step / 2, severities[-1] + step / 2), ylim=(0, 1), yticks=[])
    severity_axis(ax, panel.view)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def class_axis(ax: Axes, view: View, axis: str) -> None:
    """An axis of classes, of which some of many are named, long names upright."""
    classes = view.names.task.classes
    shown = range(0, len(classes), -(-len(classes) // 10))
    style: Any = {"fontsize": SMALLEST}
    if axis == "x" and max(map(len, classes), default=0) > 2:
        style["rotation"] = "vertical"
    getattr(ax, f"set_{axis}ticks")(shown, [classes[number] for number in shown], **style)
    getattr(ax, f"set_{axis}lim")(-0.8, len(classes) - 0.2)


# Calibration.


def accuracy_of_bins(ax: Axes, panel: Panel) -> None:
    """Accuracy against confidence; calibration would put lines on the diagonal."""
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, zorder=1, label="Perfect calibration")
    interval = ("accuracy_lower", "accuracy_upper")
    lines(ax, panel, x="confidence", y="accuracy", interval=interval, bars=True)
    ax.set(xlim=(0, 1.02), ylim=(0, 1.03), ylabel=f"Accuracy\n(bins of ≥ {numbers.FEWEST} images)")


def images_of_bins(ax: Axes, panel: Panel) -> None:
    """How many images each bin holds."""
    for look, rows, _ in panel.series():
        style = {name: look.line[name] for name in ("color", "linestyle", "linewidth")}
        steps(ax, rows, rows["count"], 0.8, **style)
    ax.axhline(numbers.FEWEST, color="0.6", linewidth=0.6, zorder=1)
    logarithmic(ax, "y", [1, 10, 100, 1000, 10_000])
    ax.set(xlabel="Confidence", ylabel="Images")


def coverage_of_sets(ax: Axes, panel: Panel) -> None:
    """At each condition a point a method, with its interval, and the nominal coverage as a line."""
    metric = panel.view.names.metric(panel.key["metric"])
    conditions = list(dict.fromkeys(panel.rows["condition"]))
    for position, (look, rows, _) in enumerate(panel.series()):
        offset = beside(position, len(panel.looks))
        points(ax, rows, rows["condition"].map(conditions.index) + offset, look)
    ax.axhline(metric.nominal, color="black", linewidth=0.8, linestyle=":", label="Nominal")
    labels = [panel.view.results.label_of(name).replace(" ", "\n", 1) for name in conditions]
    ax.set_xticks(range(len(conditions)), labels)
    ax.set(xlim=(-0.5, len(conditions) - 0.5), ylim=(0, 1.03), ylabel="Coverage")


def entropy_of_conditions(ax: Axes, panel: Panel) -> None:
    """The mutual information stands on the expected entropy, under each condition."""
    rows, look = panel.rows, panel.looks[Variant(panel.key["method"], panel.key["members"])]
    at = range(len(rows))
    aleatoric, epistemic = (rows[part] for part in ENTROPY_PARTS)
    bars(ax, at, aleatoric, look.color)
    bars(ax, at, epistemic.fillna(0), look.color, on=aleatoric)
    middle = rows[TOTAL_ENTROPY]
    half = (rows["upper"] - rows["lower"]) / 2
    ax.errorbar(at, middle, half, fmt="none", ecolor="0.6", elinewidth=0.8, capsize=1.5)
    labels = map(panel.view.results.label_of, rows["condition"])
    ax.set_xticks(at, labels, rotation=40, ha="right", rotation_mode="anchor")
    ax.set(xlim=(-0.6, len(rows) - 0.4), ylabel="Entropy\n(nats)")
    alone = "" if epistemic.notna().any() else " (one member: nothing to split)"
    ax.set_title(f"{look.label}{alone}", loc="left", pad=2)


def entropy_legend(view: View, rows: pd.DataFrame) -> list[Artist]:
    """The two parts of a bar, and its interval."""
    return [
        patch("Expected entropy (aleatoric)", "0.35"),
        patch("Mutual information (epistemic)", "0.35", hatched=True),
        Line2D([], [], color="0.6", linewidth=0.8, label="95 % interval of their sum"),
    ]


# Detection and selective prediction.

LEAST_FLAGGED, LEAST_SHARE = 0.001, 0.0005
"""Where logarithmic axes of clean images flagged, and of shares of images, begin."""


def roc(ax: Axes, panel: Panel) -> None:
    """The curve of each method, chance, and the least and most area under a curve."""
    chance = np.geomspace(LEAST_FLAGGED, 1)
    ax.plot(chance, chance, color="0.6", linewidth=0.8, linestyle=DASHES, zorder=1, label="Chance")
    lines(ax, panel, x="flagged_clean", y="flagged", marked=False, least=LEAST_FLAGGED)
    areas = numbers.values(panel.view, [DETECTION], [panel.key["condition"]])["value"]
    if len(areas):
        ends = dict.fromkeys(f"{end:.3f}" for end in (areas.min(), areas.max()))
        text = f"AUROC {'–'.join(ends)}"
        ax.text(0.03, 0.97, text, transform=ax.transAxes, va="top", fontsize=SMALLEST)
    logarithmic(ax, "x", [0.001, 0.01, 0.1, 1])
    ax.set(xlim=(LEAST_FLAGGED, 1), ylim=(0, 1.02), ylabel="OOD images flagged")
    reference = panel.view.names.condition(panel.key["condition"]).reference
    label = f"{panel.view.results.label_of(reference)} images flagged"
    ax.set_xlabel(f"{label}\n{by_score(panel.view)}")


def histogram(ax: Axes, panel: Panel) -> None:
    """The scores of the reference in grey, those of out-of-distribution images as a line."""
    look = panel.looks[Variant(panel.key["method"], panel.key["members"])]
    is_ood = panel.rows["condition"] == panel.key["against"]
    floor = LEAST_SHARE / 10
    for rows, style in (
        (panel.rows[~is_ood], {"color": "0.75", "fill": True}),
        (panel.rows[is_ood], {"color": look.color, "linewidth": 1.2}),
    ):
        if not rows.empty:
            rows = rows[rows["lower"] <= rows.loc[rows["count"] > 0, "lower"].max()]
            steps(ax, rows, rows["count"] / rows["count"].sum(), floor, **style)
    logarithmic(ax, "y", [0.001, 0.01, 0.1, 1])
    ax.set_ylim(LEAST_SHARE, 1)
    ax.margins(x=0)
    ax.set_ylabel(look.label.replace(", ", ",\n"))
    label = panel.view.results.primary_score_label(panel.view.looks)
    ax.set_xlabel(f"{label[:1].upper()}{label[1:]}")


def histogram_legend(view: View, rows: pd.DataFrame) -> list[Artist]:
    """What is grey, and what a line."""
    references = dict.fromkeys(rows.loc[rows["condition"] != rows["against"], "condition"])
    labels = ", ".join(map(view.results.label_of, references))
    ood = patch("Out-of-distribution images", "0.2")
    ood.set(fill=False)
    return [patch(f"{labels} images", "0.75"), ood]


def risk(ax: Axes, panel: Panel) -> None:
    """The error rate of the most certain images, from some of them to all."""
    lines(ax, panel, x="coverage", y="risk", marked=False)
    ax.set_xlim(0, 1)
    ax.set_ylim(bottom=0)
    ax.set(xlabel=f"Coverage\n{by_score(panel.view)}", ylabel="Error rate")


def error_of_the_rest(ax: Axes, panel: Panel) -> None:
    """The error of the images that are left, against those that methods abstain on.

    The first percents are drawn wider, by the square root, since they matter most.
    """
    lines(ax, panel, x="abstained", y="error", x_name=lambda row: f"{row['abstained']:g} %")
    shares = sorted(set(panel.rows["abstained"]))
    # Of the left edge a layout may see less than zero, by rounding.
    ax.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    ax.set_xlim(0, shares[-1])
    ax.set_xticks(shares, [f"{share:g}" for share in shares])
    ax.set_ylim(bottom=0)
    ax.set(xlabel="Images abstained on (%)", ylabel="Error of the rest (%)")


# Worth and cost.

OPEN_ENDS = 2.2
"""How far beyond the smallest and the largest size open ends are drawn, as a factor."""

SIZES = (1, 2, 5, 10, 20, 50, 100)


def worth(ax: Axes, panel: Panel) -> None:
    """A point with its interval a method; what is beyond the sizes is an arrow in the margin."""
    smallest, largest = ensemble_sizes(panel.every)
    ends = smallest / OPEN_ENDS, largest * OPEN_ENDS
    named = set(zip(panel.every["method"], panel.every["members"], strict=True))
    variants = [variant for variant in panel.view.sizes if tuple(variant) in named]
    for position, variant in enumerate(variants):
        rows = where(panel.rows, **variant._asdict())
        if rows.empty:
            style: Any = {"color": "0.5", "fontsize": SMALLEST, "ha": "center", "va": "center"}
            ax.text(math.sqrt(math.prod(ends)), position, NO_VALUE, **style)
            continue
        look = panel.view.look(variant)
        bounds = ("worth", "worth_lower", "worth_upper")
        value, lower, upper = (networks(rows.iloc[0][name], ends) for name in bounds)
        ax.plot([lower, upper], [position] * 2, color=look.color, linewidth=1.4)
        for end, arrow in zip(ends, "<>", strict=True):
            if end in (lower, upper):
                ax.plot([end], [position], marker=arrow, color=look.color, markersize=2.5)
        marker = dict(zip(ends, "<>", strict=True)).get(value, "o")
        ax.plot([value], [position], marker=marker, color=look.color, markersize=4)
    inner = [size for size in SIZES if smallest <= size <= largest]
    logarithmic(ax, "x", [ends[0], *inner, ends[1]])
    ax.set_xticklabels(["less", *map(str, inner), "more"], fontsize="small")
    ax.set_xlim(ends[0] / 1.2, ends[1] * 1.2)
    ax.set_yticks(range(len(variants)), [panel.view.names.label(variant) for variant in variants])
    ax.set_ylim(len(variants) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")


def ensemble_sizes(rows: pd.DataFrame) -> tuple[int, int]:
    """The smallest and the largest ensemble, as open ends name them; else one and fifty."""
    texts = pd.concat([rows[name] for name in ("worth", "worth_lower", "worth_upper")])
    smallest = [int(text[1:]) for text in texts if text.startswith("<")]
    largest = [int(text[1:]) for text in texts if text.startswith(">")]
    return min(smallest, default=1), max(largest, default=50)


def networks(text: str, ends: tuple[float, float]) -> float:
    """Where a number of networks is drawn, of which some are beyond the ends."""
    if text.startswith(("<", ">")):
        return ends[text.startswith(">")]
    return float(text or math.nan)


def worth_title(view: View, rows: pd.DataFrame) -> str:
    """How many intervals lie above one network."""
    above = sum(networks(text, (0.0, math.inf)) > 1 for text in rows["worth_lower"])
    return f"{above} of {len(rows)} intervals of worth lie above one network"


def metric_and_condition(view: View, key: Mapping[str, Any]) -> str:
    """The heading of a panel that shows one metric under one condition."""
    return f"{view.names.printed(key['metric']).title}\n{condition(view, key)}"


FRONT = "Pareto front: no other point is both faster and better"

NOTE = 0.1, 0.09
"""How far apart numbers of members stand at least, as shares of a panel's width and height."""


def cost(ax: Axes, panel: Panel) -> None:
    """A line a method over its sizes, each with its number of members where there is space."""
    rows, names = panel.rows, panel.view.names
    low, high = rows["p50_ms"].min() / 1.3, rows["p50_ms"].max() * 1.3
    bottom, top = around(rows["value"])
    front = rows[rows["pareto"]].sort_values("p50_ms")
    style: Any = {"color": "0.8", "linewidth": 5, "marker": "o", "markersize": 9, "zorder": 1}
    ax.plot(front["p50_ms"], front["value"], **style, label=FRONT)
    for look, line, thin in panel.series():
        size = pd.to_numeric(line["members"], errors="coerce")
        line = line.assign(size=size).sort_values("size", ascending=False)
        record = names.method(line["method"].iloc[0])
        label = names.label(Variant(record.name, line["members"].iloc[0]))
        points(ax, line, line["p50_ms"], replace(look, label=f"_{label}"))
        if len(line) > 1:
            label = f"{record.label}, {record.size} {record.symbol} beside each point"
            write_sizes(ax, line, look.color, math.log(high / low), top - bottom)
        ax.plot(line["p50_ms"], line["value"], **look.line | {"label": label})
        if len(thin):
            ax.plot(thin["p50_ms"], thin["value"].clip(bottom, top), **look.point, marker=".")
    bases = (1, 2, 5) if high / low < 40 else (1,)
    logarithmic(ax, "x", [base * 10.0**power for power in range(-3, 6) for base in bases])
    ax.set(xlim=(low, high), ylim=(bottom, top))
    count = panel.key["batch_size"]
    ax.set_xlabel(f"Milliseconds, {'one image' if count == 1 else f'{count:,} images'}")
    printed = names.printed(panel.key["metric"])
    ax.set_ylabel(f"{printed.axis_title}\n{condition(panel.view, panel.key)}")


def write_sizes(ax: Axes, line: pd.DataFrame, color: str, width: float, height: float) -> None:
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


def cost_title(view: View, rows: pd.DataFrame) -> str:
    """Where methods were timed."""
    setup = main_setup(view.results.latency)
    return f"Quality against median latency on {setup.label}" if setup else ""


def around(values: pd.Series[float]) -> tuple[float, float]:
    """The ends of an axis, from the values that are finite.

    Not from intervals: small sizes scatter so much that theirs would dwarf all differences.

    >>> around(pd.Series([0.1, 0.2, float("inf")]))
    (0.07, 0.23)
    """
    finite = values[np.isfinite(values)]
    if finite.empty:
        return 0.0, 1.0
    lowest, highest = float(finite.min()), float(finite.max())
    margin = 0.3 * (highest - lowest) or 0.1 * abs(highest) or 0.1
    return lowest - margin, highest + margin


# Images and training.


def votes_of_methods(ax: Axes, panel: Panel) -> None:
    """Below an image a row a method, a circle for each class it votes for, a line at the label."""
    first, series = panel.rows.iloc[0], list(panel.series())
    pixels = panel.view.results.images.get((first["condition"], int(first["index"])))
    image(ax, pixels, 0.5, 42, above=12 + 10 * image_and_label(panel.view, panel.key).count("\n"))
    for position, (look, rows, _) in enumerate(series):
        at = pd.Series(position, rows.index)
        circles(ax, rows["class"], at, rows["vote_share"], look)
    ax.axvline(first["label"], color="0.6", linewidth=0.8, zorder=1)
    class_axis(ax, panel.view, "x")
    ax.set_ylim(len(series) - 0.4, -0.6)
    ax.set_yticks(range(len(series)), [look.label for look, _, _ in series])


def image_and_votes_height(view: View, rows: pd.DataFrame) -> float:
    """Of a panel of `votes_of_methods`, in inches: long names of classes stand upright below it."""
    longest = max(map(len, view.names.task.classes), default=1)
    lines = max(
        image_and_label(view, {"condition": condition, "label": label}).count("\n")
        for condition, label in set(zip(rows["condition"], rows["label"], strict=True))
    )
    return 0.95 + 0.17 * (len(view.variants) + lines) + (0.08 * longest if longest > 2 else 0)


def image_and_label(view: View, key: Mapping[str, Any]) -> str:
    """The condition of an image, and its label."""
    label = f"label {view.names.class_name(key['label'])}"
    shown = view.results.label_of(key["condition"])
    return (", " if len(shown + label) <= 16 else ",\n").join((shown, label))


SPLITS: Mapping[str, Any] = {
    "training": ("Training", "0.15", "o", "-"),
    "validation": ("Test", "0.55", "s", (0.0, (4.0, 1.5))),
}
"""Names, greys (colours are the methods'), markers and dashes; as in the article, networks are
validated on the test images."""


def looks_of_splits(view: View) -> dict[Any, Look]:
    """By split and whether dropout is on, which is hollow."""
    images = view.results.training.drop_duplicates("split").set_index("split")["images"]
    looks: dict[Any, Look] = {}
    for split, (name, color, marker, dash) in SPLITS.items():
        label = f"{name} ({images.get(split, 0):,} images)"
        looks[split, False] = Look(label, color, marker, dash)
        looks[split, True] = Look(f"{label}, dropout on", color, marker, dash, filled=False)
    return looks


def by_epoch(ax: Axes, panel: Panel) -> None:
    """The mean of the networks by epoch, and their range; crosses are what the source reports."""
    view, name = panel.view, panel.key["panel"]
    lines(ax, panel, x="epoch", y="mean", interval=("least", "most"))
    for recipe in view.names.recipes:
        reported = [recipe.reported_training, recipe.reported_validation]
        if view.results.recipes == (recipe.name,) and name == RIGHT and not math.isnan(reported[0]):
            style: Any = {"marker": "x", "s": 18, "zorder": 3, "color": ["0.15", "0.55"]}
            ax.scatter([recipe.epochs] * 2, reported, **style, label="As its source reports")
    ax.set(title=TRAINING_MEASURES[name], xlabel="Epoch")
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
