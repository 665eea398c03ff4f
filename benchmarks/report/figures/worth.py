"""Worth in networks: a row a condition, a column a measure, on an axis of ensemble sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from benchmarks.nouns import Variant
from benchmarks.report.answer.evidence import networks
from benchmarks.report.answer.questions import judged_by
from benchmarks.report.figures.drawing import Canvas, Drawing, page, panels, title_above
from benchmarks.report.results import Results
from benchmarks.report.style import PAGE, Look, look_in
from benchmarks.report.tables.table import NO_VALUE
from benchmarks.schema import where

BEYOND = 2.2
"""How far beyond the smallest and the largest size open ends are drawn, as a factor."""

TICKS = (1, 2, 5, 10, 20, 50, 100)

COLUMNS = 3

BOUNDS = ("worth", "worth_lower", "worth_upper")


def worth_figures(
    results: Results, looks: Mapping[Variant, Look], canvas: Canvas = page
) -> Iterator[Drawing]:
    """The methods of the sizes compared, in ensembles of their own recipe."""
    numbers = shown(results)
    if numbers.empty:
        return
    pairs = list(numbers[["metric", "condition"]].drop_duplicates().itertuples(index=False))
    named = set(zip(numbers["method"], numbers["members"], strict=True))
    variants = [variant for variant in results.shown if tuple(variant) in named]
    figure, axes = panels(
        canvas,
        len(pairs),
        columns=COLUMNS,
        width=PAGE,
        height=0.75 + 0.18 * len(variants),
        sharex=True,
        sharey=True,
    )
    sizes = _sizes(numbers)
    for ax, (metric, condition) in zip(axes, pairs, strict=True):
        draw(ax, where(numbers, metric=metric, condition=condition), variants, sizes, looks)
        title = f"{results.names.printed(metric).title}\n{results.label_of(condition)}"
        ax.set_title(title, fontsize="small")
    axes[0].set_yticks(range(len(variants)), [results.names.label(one) for one in variants])
    axes[0].set_ylim(len(variants) - 0.5, -0.5)
    figure.supxlabel("Networks in the deep ensemble that does as well", fontsize="medium")
    drawn = pd.concat([where(numbers, **variant._asdict()) for variant in variants])
    above = sum(networks(lower) > 1 for lower in drawn["worth_lower"] if lower)
    title_above(figure, f"{above} of {len(drawn)} intervals of worth lie above one network")
    yield Drawing("worth", figure, numbers)


def shown(results: Results) -> pd.DataFrame:
    """The measures that the answer is judged by; no row without a number."""
    if results.worth.empty:
        return results.worth
    worth = results.by_primary_score(results.worth)
    judged = [(quantity.metric, quantity.condition) for quantity in judged_by(results)]
    metrics = list(dict.fromkeys(metric for metric, _ in judged))
    pairs = pd.Series(list(zip(worth["metric"], worth["condition"], strict=True)), worth.index)
    chosen = worth[
        (worth["ensemble_recipe"] == worth["recipe"])
        & pairs.isin(judged)
        & (worth["status"] == "ok")
    ]
    ranked = chosen.assign(
        metric_rank=chosen["metric"].map(metrics.index),
        condition_rank=chosen["condition"].map(results.names.condition_rank),
    ).sort_values(["metric_rank", "condition_rank"], kind="stable")
    return ranked.drop(columns=["metric_rank", "condition_rank"]).reset_index(drop=True)


def draw(
    ax: Axes,
    numbers: pd.DataFrame,
    variants: Sequence[Variant],
    sizes: tuple[int, int],
    looks: Mapping[Variant, Look],
) -> Axes:
    """A point with its interval a method; what is beyond the sizes is an arrow in the margin.

    A method without a worth by this measure has "n/a".
    """
    ends = sizes[0] / BEYOND, sizes[1] * BEYOND
    arrows = dict(zip(ends, "<>", strict=True))
    for position, variant in enumerate(variants):
        rows = where(numbers, **variant._asdict())
        if rows.empty:
            style: Any = {"color": "0.5", "fontsize": "x-small", "ha": "center", "va": "center"}
            ax.text(math.sqrt(math.prod(sizes)), position, NO_VALUE, **style)
            continue
        color = look_in(looks, variant).color
        value, lower, upper = (_place(str(rows.iloc[0][name]), ends) for name in BOUNDS)
        ax.plot([lower, upper], [position] * 2, color=color, linewidth=1.4)
        for end, arrow in arrows.items():
            if end in (lower, upper):
                ax.plot([end], [position], marker=arrow, color=color, markersize=2.5)
        ax.plot([value], [position], marker=arrows.get(value, "o"), color=color, markersize=4)
    ax.set_xscale("log")
    ax.set_xlim(ends[0] / 1.2, ends[1] * 1.2)
    inner = [tick for tick in TICKS if sizes[0] <= tick <= sizes[1]]
    ax.xaxis.set_major_locator(FixedLocator([ends[0], *inner, ends[1]]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xticklabels(["less", *map(str, inner), "more"], fontsize="small")
    ax.grid(visible=True, axis="x")
    return ax


def _sizes(numbers: pd.DataFrame) -> tuple[int, int]:
    """The smallest and the largest ensemble, as open ends name them; else one and fifty."""
    texts = pd.concat([numbers[name] for name in BOUNDS])
    smallest = [int(text[1:]) for text in texts if text.startswith("<")]
    largest = [int(text[1:]) for text in texts if text.startswith(">")]
    return min(smallest, default=1), max(largest, default=50)


def _place(text: str, ends: tuple[float, float]) -> float:
    """Where a number of networks is drawn."""
    if text.startswith(("<", ">")):
        return ends[text.startswith(">")]
    return float(text or math.nan)
