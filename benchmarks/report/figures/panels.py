"""What is drawn in a panel of each figure, in a few lines, and what is said of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
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
from benchmarks.report.figures import numbers as of
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
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.style import DASHES, SHADE, SMALLEST, Look
from benchmarks.report.tables.table import NO_VALUE
from benchmarks.report.texts import listed
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
    means = [
        one for one in view.results.group_means if view.names.condition(one).group == view.group
    ]
    metrics = set(rows["metric"])
    metric = SHIFT_TITLE if SHIFT_TITLE in metrics else rows["metric"].iloc[0]
    return best(view.results, Quantity(means[0], metric)) if means else ""


def over_severities(ax: Axes, panel: Panel) -> None:
    """A line a method over severities, shaded where labels are not well defined."""
    severities, valid_to = severities_of(panel.view)
    margin = 0.025 * (severities[-1] - severities[0])
    first, last = severities[0] - margin, severities[-1] + margin
    if shading(panel.view, panel.rows):
        ax.axvspan(valid_to, last, color=SHADE, linewidth=0, zorder=0)
    lines(ax, panel, x="severity", x_name=lambda row: panel.view.results.label_of(row["condition"]))
    infinite = panel.rows[np.isinf(panel.rows["value"])]
    named = [
        look.label for look, rows, _ in panel.series() if rows.index.isin(infinite.index).any()
    ]
    if named:
        text = "\n".join(("not drawn where infinite:", *named))
        ax.text(0.03, 0.97, text, transform=ax.transAxes, va="top", fontsize=SMALLEST)
    drawn = pd.concat([panel.rows["value"], panel.rows["upper"]])
    low, high = min(0.0, ax.dataLim.y0), drawn[np.isfinite(drawn)].max()
    high = max(high, ax.dataLim.y1)
    ax.set_ylim(low, low + 1.05 * (high - low) or 1.0)
    ax.set_xlim(first, last)
    severity_axis(ax, panel.view)
    ax.set_ylabel(panel.view.names.printed(panel.key["metric"]).axis_label)


def severities_of(view: View) -> tuple[list[float], float]:
    """The severities of the group and 0, and up to which of them labels are well defined."""
    conditions = view.results.severities[view.group]
    valid = [one.severity for one in conditions if one.labels == "valid"]
    return sorted({0.0, *(one.severity for one in conditions)}), max(valid, default=0.0)


def severity_axis(ax: Axes, view: View) -> None:
    """Ticks at evenly spaced severities, as many as fit, and what they are with their unit."""
    severities, _ = severities_of(view)
    ax.set_xticks(severities[:: -(-len(severities) // 5)])
    unit = view.results.severities[view.group][0].unit or "severity"
    ax.set_xlabel(f"{view.group.capitalize()} ({unit})")


def shading(view: View, rows: pd.DataFrame) -> list[Artist]:
    """What the legend says of the shaded range, where there is one."""
    shown = set(rows["condition"])
    reasons = [
        one.reason
        for one in view.results.severities[view.group]
        if one.labels == "ill-defined" and one.name in shown
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
        bounds = (severity - 0.46 * step, 0, 0.92 * step, 1)
        place = ax.inset_axes(bounds, transform=ax.transData)
        image(place, panel.view.results.images.get((name, int(index))), framed=False)
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
    ax.set(xlim=(0, 1.02), ylim=(0, 1.03), ylabel=f"Accuracy\n(bins of ≥ {of.FEWEST} images)")


def images_of_bins(ax: Axes, panel: Panel) -> None:
    """How many images each bin holds."""
    for look, rows, _ in panel.series():
        style = {name: look.line[name] for name in ("color", "linestyle", "linewidth")}
        steps(ax, rows, rows["count"], 0.8, **style)
    ax.axhline(of.FEWEST, color="0.6", linewidth=0.6, zorder=1)
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
    ax.grid(visible=False, axis="x")


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


def largest_share(view: View, rows: pd.DataFrame) -> str:
    """Where mutual information is the largest part; empty where no method has any."""
    shares = rows[ENTROPY_PARTS[1]] / rows[TOTAL_ENTROPY]
    if shares.isna().all():
        return ""
    row = rows.loc[shares.idxmax()]
    where_it_is = f"{method(view, row)}; {condition(view, row)}"
    return (
        f"Mutual information is at most {100 * shares.max():.0f} % of the entropy ({where_it_is})"
    )


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

LEAST_COVERAGE = 0.02


def roc(ax: Axes, panel: Panel) -> None:
    """The curve of each method, chance, and the least and most area under a curve."""
    chance = np.geomspace(LEAST_FLAGGED, 1)
    ax.plot(chance, chance, color="0.6", linewidth=0.8, linestyle=DASHES, zorder=1, label="Chance")
    from_least = panel._replace(
        **{
            name: getattr(panel, name).assign(
                flagged_clean=lambda rows: rows["flagged_clean"].clip(lower=LEAST_FLAGGED)
            )
            for name in ("rows", "replicates")
            if len(getattr(panel, name))
        }
    )
    lines(ax, from_least, x="flagged_clean", y="flagged", marked=False)
    areas = of.values(panel.view, [DETECTION], [panel.key["condition"]])["value"]
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
    cut = panel._replace(rows=panel.rows[panel.rows["coverage"] >= LEAST_COVERAGE])
    if len(panel.replicates):
        replicates = panel.replicates
        cut = cut._replace(replicates=replicates[replicates["coverage"] >= LEAST_COVERAGE])
    lines(ax, cut, x="coverage", y="risk", marked=False)
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
    ax.set_yticks(range(len(variants)), [panel.view.names.label(one) for one in variants])
    ax.set_ylim(len(variants) - 0.5, -0.5)


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
"""Width and height of a number of members, as shares of a panel."""


def cost(ax: Axes, panel: Panel) -> None:
    """A line a method over its sizes, each with its number of members beside it."""
    rows, names = panel.rows, panel.view.names
    front = rows[rows["pareto"]].sort_values("p50_ms")
    style: Any = {"color": "0.8", "linewidth": 5, "marker": "o", "markersize": 9, "zorder": 1}
    ax.plot(front["p50_ms"], front["value"], **style, label=FRONT)
    notes: list[tuple[Look, str, float, float]] = []
    ends = around(rows["value"])
    for look, of_method, thin in panel.series():
        size = pd.to_numeric(of_method["members"], errors="coerce")
        line = of_method.assign(size=size).sort_values("size")
        record = names.method(line["method"].iloc[0])
        label = names.label(Variant(record.name, line["members"].iloc[-1]))
        if len(line) > 1:
            label = f"{record.label}, {record.size} {record.symbol} beside each point"
            known = line[np.isfinite(line["value"])]
            notes += [(look, *one) for one in known[["members", "p50_ms", "value"]].to_numpy()]
        points(ax, line, line["p50_ms"], replace(look, label=f"_{label}"))
        ax.plot(line["p50_ms"], line["value"], **look.line | {"label": label})
        if len(thin):
            ax.plot(thin["p50_ms"], thin["value"].clip(*ends), **look.point, marker=".")
    ticks = [base * 10.0**power for power in range(-3, 6) for base in (1, 2, 5)]
    low, high = rows["p50_ms"].min() / 1.3, rows["p50_ms"].max() * 1.3
    inside = [tick for tick in ticks if low <= tick <= high]
    inside = [tick for tick in inside if f"{tick:e}"[0] == "1"] if len(inside) > 5 else inside
    logarithmic(ax, "x", inside)
    ax.set(xlim=(low, high), ylim=ends)
    write_sizes(ax, notes)
    count = panel.key["batch_size"]
    ax.set_xlabel(f"Milliseconds, {'one image' if count == 1 else f'{count:,} images'}")
    printed = names.printed(panel.key["metric"])
    ax.set_ylabel(f"{printed.axis_title}\n{condition(panel.view, panel.key)}")


def cost_title(view: View, rows: pd.DataFrame) -> str:
    """Which methods reach the front by the first measure, for single images, and where timed."""
    key = rows[["metric", "condition", "batch_size"]].iloc[0]
    first = where(rows, **key)
    front = first[first["pareto"]].sort_values("p50_ms")["method"]
    named = listed([view.names.method(name).label for name in dict.fromkeys(front)])
    metric = view.names.metric(key["metric"]).label
    setup = main_setup(view.results.latency)
    return (
        f"Pareto front of {metric} ({condition(view, key)}) against latency: {named}. "
        f"Median on {setup.label if setup else ''}"
    )


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


def apart(places: Sequence[tuple[float, float]], size: tuple[float, float]) -> list[bool]:
    """Which notes of this size can be written at these places so that none lies over another.

    The last comes first: of the largest sizes.

    >>> apart([(0, 0), (5, 0), (20, 0)], (10, 8))
    [False, True, True]
    """
    written: dict[int, tuple[float, float]] = {}
    for position, (x, y) in reversed(list(enumerate(places))):
        if all(abs(x - a) >= size[0] or abs(y - b) >= size[1] for a, b in written.values()):
            written[position] = x, y
    return [position in written for position in range(len(places))]


def write_sizes(ax: Axes, notes: Sequence[tuple[Look, str, float, float]]) -> None:
    """The number of members beside each point, in its colour, where none lies over another."""
    to_share = ax.transScale + ax.transLimits
    places = [tuple(to_share.transform((ms, value))) for _, _, ms, value in notes]
    for (look, members, ms, value), has_room in zip(notes, apart(places, NOTE), strict=True):
        if has_room:
            ax.annotate(
                *(str(members), (ms, value), (2.5, 2.5)),
                textcoords="offset points",
                fontsize=SMALLEST,
                color=look.color,
            )


# Images and training.


def shown_image(ax: Axes, panel: Panel) -> None:
    """The image whose votes stand below."""
    first = panel.rows.iloc[0]
    image(ax, panel.view.results.images.get((first["condition"], int(first["index"]))))


def votes_of_methods(ax: Axes, panel: Panel) -> None:
    """A row a method, with a circle for each class it votes for, and a line at the label."""
    drawn = list(panel.series())
    for position, (look, rows, _) in enumerate(drawn):
        at = pd.Series(position, rows.index)
        circles(ax, rows["class"], at, rows["vote_share"], look)
    ax.axvline(panel.rows["label"].iloc[0], color="0.6", linewidth=0.8, zorder=1)
    class_axis(ax, panel.view, "x")
    ax.set_ylim(len(drawn) - 0.4, -0.6)
    is_first = panel.key["rank"] % 6 == 1
    ax.set_yticks(range(len(drawn)), [look.label if is_first else "" for look, _, _ in drawn])


def image_and_label(view: View, key: Mapping[str, Any]) -> str:
    """The condition of an image, and its label."""
    label = f"label {view.names.class_name(key['label'])}"
    shown = view.results.label_of(key["condition"])
    return (", " if len(shown + label) <= 16 else ",\n").join((shown, label))


PRINTED = {"training": "Training", "validation": "Test"}
"""As in the article, networks are validated on the test images."""

SPLITS: Mapping[str, Any] = {
    "training": ("0.15", "o", "-"),
    "validation": ("0.55", "s", (0.0, (4.0, 1.5))),
}
"""Colours, markers and dashes."""


def looks_of_splits(view: View) -> dict[Any, Look]:
    """Greys, since colours are the methods'; hollow with dropout on."""
    images = view.results.training.drop_duplicates("split").set_index("split")["images"]
    looks = {}
    for split, (color, marker, dash) in SPLITS.items():
        label = f"{PRINTED[split]} ({images.get(split, 0):,} images)"
        looks[split, False] = Look(label, color, marker, dash)
        looks[split, True] = Look(f"{label}, dropout on", color, marker, dash, filled=False)
    return looks


def by_epoch(ax: Axes, panel: Panel) -> None:
    """The mean of the networks by epoch, and their range; crosses are what the source reports."""
    epochs = panel.rows["epoch"].max()
    lines(
        ax,
        panel,
        x="epoch",
        y="mean",
        interval=("least", "most"),
        x_name=lambda row: f"epoch {row['epoch']}",
    )
    recipe = [one for one in panel.view.names.recipes if panel.view.results.recipes == (one.name,)]
    if panel.key["panel"] == RIGHT and recipe and not math.isnan(recipe[0].reported_training):
        reported = [recipe[0].reported_training, recipe[0].reported_validation]
        style: Any = {"marker": "x", "s": 18, "zorder": 3, "color": ["0.15", "0.55"]}
        ax.scatter([epochs] * 2, reported, **style, label="As its source reports")
    ax.set(title=TRAINING_MEASURES[panel.key["panel"]], xlabel="Epoch")
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
