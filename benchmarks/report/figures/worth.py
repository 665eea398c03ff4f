"""The figures of what methods are worth, in networks: their numbers, titles and panels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise, starmap
from textwrap import fill
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from benchmarks.nouns import Variant
from benchmarks.report.answer.decision import (
    is_network_alone,
    judged_by,
    label,
    network_alone,
)
from benchmarks.report.answer.worth import median, middle, networks
from benchmarks.report.editorial import KIND_LOOKS, SAMPLED
from benchmarks.report.figures.engine import (
    HATCH,
    FigureData,
    Panel,
    View,
    logarithmic,
    patch,
    variant_in,
)
from benchmarks.report.results import Quantity
from benchmarks.report.style import SMALLEST, Look
from benchmarks.report.texts import listed
from benchmarks.schema import where
from benchmarks.vocabulary import Verdict

SHOWN_TO_DIFFER = (Verdict.BETTER, Verdict.WORSE)

SIZES = (1, 2, 5, 10, 20, 50, 100)
"""Of ensembles, named on an axis where they were measured."""

OPEN_ENDS = 2.0
"""How far beyond the smallest and the largest size open ends are drawn, as a factor."""


# Numbers.


def settings(view: View) -> FigureData:
    """What each method is worth by each measure that decides, and whether it beats the network.

    That of an ensemble is its size. Without a worth, the text is empty.
    """
    results = view.results
    ensembles = set() if results.worth.empty else set(results.worth["ensemble"])
    alone = network_alone(results)
    rows: list[dict[str, object]] = []
    for quantity in _quantities(view) if ensembles else ():
        for variant in view.variants:
            choice = results.candidate(variant)
            tested = results.comparison(choice, alone, quantity) if alone else None
            if variant.method in ensembles:
                known = results.value(choice, quantity)
                texts = [variant.members if known else ""] * 3
            else:
                worths = (results.worth_in(choice, e, quantity) for e in sorted(ensembles))
                row = next((row for row in worths if row and row["status"] == "ok"), {})
                texts = [row.get(name, "") for name in ("worth", "worth_lower", "worth_upper")]
            place = {"metric": quantity.metric, "condition": quantity.condition}
            group = view.names.condition(quantity.condition).group
            bounds = dict(zip(("worth", "worth_lower", "worth_upper"), texts, strict=True))
            is_own = choice == alone or variant.method in ensembles
            said = "" if is_own else _verdict(*texts[1:])
            verdict = {"verdict": tested.verdict if tested else said}
            rows.append({**place, "group": group, **variant._asdict(), **bounds, **verdict})
    table = pd.DataFrame(rows)
    return FigureData(table if len(table) and (table["worth"] != "").any() else table.iloc[:0])


def _verdict(lower: str, upper: str) -> str:
    """What the interval of a worth says of a method that was not compared."""
    if not (lower and upper):
        return ""
    if networks(lower) > 1:
        return Verdict.BETTER
    return Verdict.WORSE if upper == "<1" else Verdict.OPEN


def worths(view: View) -> FigureData:
    """The same of what is neither an ensemble nor the network alone, where it is known."""
    table, results = settings(view).rows, view.results
    if table.empty:
        return FigureData(table)
    ensembles = set(results.worth["ensemble"])
    references = {
        variant.method
        for variant in view.variants
        if variant.method in ensembles or is_network_alone(results, results.candidate(variant))
    }
    shown = (table["worth"] != "") & ~table["method"].isin(references)
    return FigureData(table[shown].reset_index(drop=True))


def _quantities(view: View) -> list[Quantity]:
    """Those that decide; by chosen metrics, main images (or chosen ones) that have a worth."""
    quantities: Iterable[Quantity] = judged_by(view.results)
    if view.metrics:
        table = view.results.worth[["metric", "condition"]].drop_duplicates()
        table = table[table["metric"].isin(view.metrics)]
        pairs = table[["condition", "metric"]].itertuples(index=False)
        quantities = sorted(starmap(Quantity, pairs), key=lambda q: view.metrics.index(q.metric))
    ordered = sorted(quantities, key=lambda q: view.names.condition_rank(q.condition))
    shown = view.conditions or view.results.main_conditions
    return [q for q in ordered if q.condition in shown]


def _by_method(rows: pd.DataFrame) -> dict[Variant, list[str]]:
    """The worths of each method."""
    by_method: dict[Variant, list[str]] = {}
    for row in rows.to_dict("records"):
        by_method.setdefault(variant_in(row), []).append(row["worth"])
    return by_method


# Titles.


def settings_title(view: View, rows: pd.DataFrame) -> str:
    """Which methods of one network are better than it by every measure, or without a loss."""
    results, count = view.results, len(rows[["metric", "condition"]].drop_duplicates())
    said = {
        variant: list(where(rows, **variant._asdict())["verdict"])
        for variant in view.variants
        if variant.budget == 1 and not is_network_alone(results, results.candidate(variant))
    }
    if not any(map(any, said.values())):
        return ""
    better = {variant: verdicts.count(Verdict.BETTER) for variant, verdicts in said.items()}
    measures = f"all {count} measures" if count > 1 else "the measure"
    if every := [variant for variant in said if better[variant] == count]:
        names = listed([label(results, results.candidate(variant)) for variant in every])
        verb = "are" if len(every) > 1 else "is"
        return f"With one network, {names} {verb} better than the network alone by {measures}"
    none = f"No method of one network is better than it alone by {measures}"
    lossless = [variant for variant, verdicts in said.items() if Verdict.WORSE not in verdicts]
    best = max(lossless, key=better.__getitem__, default=None)
    if best is None or not better[best]:
        return none
    name = label(results, results.candidate(best))
    return f"{none}; {name} is better by {better[best]} and worse by none beyond the margin"


def worth_title(view: View, rows: pd.DataFrame) -> str:
    """What MC-dropout is worth, if it is shown."""
    by_method = _by_method(rows)
    count = len(rows[["metric", "condition"]].drop_duplicates())
    by = f"By the median of {count} measures" if count > 1 else "By one measure"
    sampled = next((variant for variant in by_method if variant.method == SAMPLED), None)
    if sampled is None:
        return f"{by}, worth in networks"
    name = label(view.results, view.results.candidate(sampled))
    worth = median(by_method[sampled])
    return f"{by}, {name} is worth {worth} network{'s' if worth != '1' else ''}"


# The heat map.

SHADES = "RdBu"
"""Red and blue, which the colour-blind distinguish."""

LESS_SHADE, MOST_SHADE, PALE = 0.22, 0.9, 0.3
"""Places of less than one network, and of the largest size, among the colours; and how opaque a
cell is that is not shown to differ."""

GAP, CHARACTERS_A_COLUMN = 0.4, 5
"""Between groups of images, in columns; how much of a heading fits above one."""


def shade(worth: float, most: float) -> str:
    """The colour of a worth, on a logarithmic scale around one network.

    >>> shade(1, 20), shade(0.5, 20) == shade(0.1, 20)
    ('#f6f7f7', True)
    """
    reach = min(1.0, math.log(max(worth, 1)) / math.log(max(most, 2)))
    place = LESS_SHADE if worth < 1 else 0.5 + (MOST_SHADE - 0.5) * reach
    return to_hex(mpl.colormaps[SHADES](place))


def _largest_size(rows: pd.DataFrame) -> float:
    """The largest number of networks that a worth is told by."""
    texts = pd.unique(rows[["worth", "worth_lower", "worth_upper"]].to_numpy().ravel())
    return max((float(text.lstrip("<>")) for text in texts if text), default=1.0)


def heat_map(ax: Axes, panel: Panel) -> None:
    """A row a method, a column a measure, grouped by images; bold is shown to differ."""
    view, rows, most = panel.view, panel.rows, _largest_size(panel.rows)
    measures = list(rows[["condition", "metric"]].drop_duplicates().itertuples(index=False))
    groups = [view.names.condition(condition).group for condition, _ in measures]
    places, variants = _with_gaps(groups), list(view.variants)
    for x, (condition, metric) in zip(places, measures, strict=True):
        for row in where(rows, condition=condition, metric=metric).to_dict("records"):
            y = variants.index(variant_in(row))
            differs, known = row["verdict"] in SHOWN_TO_DIFFER, row["worth"] != ""
            style: Any = {"facecolor": "white", "edgecolor": "0.7", "hatch": HATCH, "linewidth": 0}
            if known:
                color, opaque = shade(networks(row["worth"]), most), 1 if differs else PALE
                style = {"facecolor": color, "alpha": opaque, "linewidth": 0}
            ax.add_patch(Rectangle((x - 0.47, y - 0.46), 0.94, 0.92, **style))
            dark = known and differs and networks(row["worth"]) > most / 2
            text: Any = {"ha": "center", "va": "center_baseline", "fontsize": SMALLEST}
            text |= {"color": "white" if dark else "black"}
            ax.text(x, y, row["worth"], weight="bold" if differs else "normal", **text)
    names = [
        view.results.label_of(condition)
        if view.names.condition(condition).labels == "none"
        else fill(view.names.metric(metric).label, 14)
        for condition, metric in measures
    ]
    style = {"rotation": 55, "ha": "right", "rotation_mode": "anchor", "fontsize": SMALLEST}
    ax.set_xticks(places, names, **style)
    for _, columns in groupby(range(len(groups)), key=groups.__getitem__):
        here = [*columns]
        middle = (places[here[0]] + places[here[-1]]) / 2
        ax.text(
            middle, -0.75, _heading(view, [measures[i] for i in here]), ha="center", va="bottom"
        )
    ax.set_yticks(range(len(variants)), [view.names.label(variant) for variant in variants])
    ax.set(xlim=(-0.6, places[-1] + 0.6), ylim=(len(variants) - 0.5, -0.5))
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def _with_gaps(groups: Sequence[str]) -> list[float]:
    """A place a column, with a gap between groups.

    >>> _with_gaps(["clean", "clean", "rotated"])
    [0.0, 1.0, 2.4]
    """
    places = [0.0] if groups else []
    for before, group in pairwise(groups):
        places.append(places[-1] + 1 + GAP * (before != group))
    return places


def _heading(view: View, measures: Sequence[tuple[str, str]]) -> str:
    """Above a group: its images, or its metric, where the columns name the images."""
    condition, metric = measures[0]
    group = view.names.condition(condition).group
    if view.names.condition(condition).labels == "none":
        said = f"{view.names.metric(metric).label}, {group}"
    else:
        said = " and ".join(dict.fromkeys(view.results.label_of(name) for name, _ in measures))
        said = said if said.lower().startswith(group) else f"{group.capitalize()}: {said}"
    return fill(said, max(12, CHARACTERS_A_COLUMN * len(measures)))


def heat_map_legend(view: View, rows: pd.DataFrame) -> list[Artist]:
    """The colours, and how a cell looks that is not shown to differ, or not known."""
    most = _largest_size(rows)
    entries: list[Artist] = [
        patch("Less than one network", shade(0, most)),
        patch("One network", shade(1, most)),
        patch(f"{most:g} networks", shade(most, most)),
    ]
    if (rows["worth"] == "").any():
        entries.append(patch("Not known", "0.7", hatched=True))
    return entries


# The sorted panel.


def looks_of_kinds(view: View) -> dict[Any, Look]:
    """Of the measures on images of a kind."""
    conditions = dict.fromkeys(
        view.names.condition(quantity.condition).group for quantity in _quantities(view)
    )
    kinds = zip(conditions, KIND_LOOKS, strict=False)
    return {
        (group,): Look(f"{group[:1].upper()}{group[1:]} images", color, marker, "none")
        for group, (color, marker) in kinds
    }


def by_median(ax: Axes, panel: Panel) -> None:
    """A row a method, the largest median first: a dot a measure, their range, and the median."""
    view, rows, most = panel.view, panel.rows, _largest_size(panel.rows)
    ends = 1 / OPEN_ENDS, most * OPEN_ENDS

    def place(text: str) -> float:
        return min(max(networks(text), ends[0]), ends[1])

    by_method = _by_method(rows)
    ordered = sorted(by_method, key=lambda v: [-networks(text) for text in middle(by_method[v])])
    for y, variant in enumerate(ordered):
        at = [place(text) for text in by_method[variant]]
        ax.plot([min(at), max(at)], [y, y], color="0.75", linewidth=0.8, zorder=1)
        texts = middle(by_method[variant])
        is_open = any(text[0] in "<>" for text in texts)
        at = [place(text) for text in texts]
        at = sorted(set(at)) if is_open else [sum(at) / len(at)]
        tick: Any = {"marker": "|", "markersize": 11, "markeredgewidth": 2.2, "zorder": 4}
        ax.plot(at, [y] * len(at), color="black", linestyle="none", **tick)
        ax.text(ends[1] * 1.5, y, median(texts), va="center", ha="center")
    for position, (look, dots, _) in enumerate(panel.series()):
        offset = 0.5 * ((position + 0.5) / len(panel.looks) - 0.5)
        dot_variants = map(variant_in, dots.to_dict("records"))
        dot_rows = [ordered.index(variant) + offset for variant in dot_variants]
        style: Any = {"color": look.color, "linewidth": 0, "alpha": 0.75, "zorder": 3}
        marked: dict[str, list[int]] = {}
        for number, text in enumerate(dots["worth"]):
            marked.setdefault(text[0] if text[0] in "<>" else look.marker, []).append(number)
        for marker, numbers in marked.items():
            at = [place(dots["worth"].iloc[number]) for number in numbers]
            ax.scatter(at, [dot_rows[n] for n in numbers], s=11, marker=marker, **style)
        ax.scatter([], [], s=11, marker=look.marker, label=look.label, **style)
    inner = [size for size in SIZES if size <= most]
    logarithmic(ax, "x", [ends[0], *inner, ends[1], ends[1] * 1.5])
    ax.set_xticklabels(["less", *map(str, inner), "more", "median"])
    ax.axvline(1, color="0.4", linewidth=0.8, zorder=0)
    ax.set_xlim(ends[0] / 1.2, ends[1] * 1.8)
    ax.set_yticks(range(len(ordered)), [view.names.label(variant) for variant in ordered])
    ax.set_ylim(len(ordered) - 0.5, -0.5)
    ax.set_xlabel("Networks in the deep ensemble that does as well")
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
