"""The figure of what a training budget can be spent on: its numbers, its title and its panels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from benchmarks.nouns import RecipeRecord
from benchmarks.questions import QUESTIONS
from benchmarks.report.answer.answer import on_budgets, worth_of_one_training
from benchmarks.report.answer.decision import (
    is_network_alone,
    label,
    networks_of,
    single_image,
)
from benchmarks.report.editorial import ENSEMBLE, OWN_GROUPS
from benchmarks.report.figures.engine import (
    FigureData,
    Panel,
    View,
    beside,
    logarithmic,
    points,
)
from benchmarks.report.figures.panels import around
from benchmarks.report.style import Look, look_of
from benchmarks.report.tables.ranking import headline
from benchmarks.schema import where

LONGER, MORE = "One network, trained longer", "More networks"
"""The lines that everything else is to beat."""

COSTS = {"compute": "Training, in networks", "milliseconds": "Milliseconds for one image"}

TICKS: Mapping[str, tuple[float, ...]] = {
    "compute": (0.5, 1, 2, 5, 10),
    "milliseconds": (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100),
}

MARKERS = ("<", "o", "d", ">", "^", "v")
"""Of recipes that are not the main one with more epochs; hollow."""


def spending(view: View, *, own: bool = False) -> FigureData:
    """The headline of what budgets can be spent on; of one network and more ones at every budget.

    A row for each of the two costs: training compute, and the time of one image.

    Args:
        own: whether beside the lines are the methods of `OWN_GROUPS`, or all others.
    """
    results = view.results.whole or view.results
    recipes = {recipe.name: recipe for recipe in view.names.recipes if recipe.by_budget}
    if not recipes:
        return FigureData(pd.DataFrame())
    main, budgets = next(iter(recipes)), {q.compute for q in QUESTIONS if q.compute}
    family = {
        name: next(n for n, other in recipes.items() if _but_epochs(other) == _but_epochs(recipe))
        for name, recipe in recipes.items()
    }
    rows = []
    for quantity, choice in product(headline(results)[1:], results.candidates):
        record, row = view.names.method(choice.method), results.value(choice, quantity)
        is_one = choice.members == "1" and record.counts_networks
        if row is None or choice.recipe not in recipes or choice.score or is_one:
            continue
        recipe = choice.recipe if record.counts_networks else family[choice.recipe]
        way = f"{record.label}, {recipe}"
        if recipe == main and is_network_alone(results, choice):
            way = LONGER
        elif recipe == main and choice.method == ENSEMBLE:
            way = MORE
        elif (record.group in OWN_GROUPS) != own:
            continue
        compute, timing = networks_of(results, choice), single_image(results, choice)
        if way == MORE or compute in budgets or not record.counts_networks:
            names = (*quantity[:2], *choice[:3], label(results, choice))
            ends = row["value"], row["lower"], row["upper"]
            time = None if timing is None else timing["p50_ms"]
            # Of one budget, as nothing else would tell apart what costs the same time.
            is_timed = way == MORE or compute == max(budgets)
            rows.append((*names, way, recipe, compute, time if is_timed else None, *ends))
            if way == LONGER and choice.recipe == main:  # both lines begin with this network
                rows.append((*names, MORE, recipe, compute, time, *ends))
    columns = ["condition", "metric", "recipe", "method", "members", "label", "way", "family"]
    shown = pd.DataFrame(rows, columns=[*columns, *COSTS, "value", "lower", "upper"])
    if shown["way"].isin([LONGER, MORE]).all():
        return FigureData(pd.DataFrame())
    by_cost = [shown.assign(by=by, cost=shown[by]).dropna(subset="cost") for by in COSTS]
    # The panels of a measure stand beside one another.
    place = shown.groupby(["condition", "metric"], sort=False).ngroup()
    every = pd.concat(by_cost).assign(place=place).sort_values("place", kind="stable")
    return FigureData(every.drop(columns=["place", *COSTS]).reset_index(drop=True))


def _but_epochs(recipe: RecipeRecord) -> tuple[object, ...]:
    """What recipes that are compared by budget have in common where they differ in length alone."""
    return recipe.dropout, recipe.schedule, recipe.bootstrap


def title(view: View, rows: pd.DataFrame) -> str:
    """What is tied with the best of the largest budget, by all measures that decide."""
    return on_budgets(view.results.whole or view.results).removesuffix(".")


def title_of_trained(view: View, rows: pd.DataFrame) -> str:
    """How much of what the training of one network buys is worth more than it."""
    return worth_of_one_training(view.results.whole or view.results).removesuffix(".")


def looks_of_ways(view: View, rows: pd.DataFrame) -> dict[str, Look]:
    """Those of methods; where one is drawn for several recipes, the others' markers are hollow."""
    families = [*dict.fromkeys(rows["family"])]
    ways = rows[["method", "family", "way"]].drop_duplicates()
    several = set(ways.loc[ways["method"].duplicated(), "method"])
    looks = {}
    for method, family, way in ways.to_numpy():
        look, other = look_of(view.names, method, way), families.index(family)
        if other and method in several:
            look = replace(look, marker=MARKERS[(other - 1) % len(MARKERS)], filled=False)
        looks[way] = look
    return looks


def panel_of_cost(ax: Axes, panel: Panel) -> None:
    """A point of each way to spend a budget; beside one another where they cost the same."""
    rows, by = panel.rows, panel.key["by"]
    quantity = {name: panel.key[name] for name in ("metric", "condition")}
    ax.set_ylim(*around(where(panel.every, **quantity)["value"], 0.1))
    logarithmic(ax, "x", TICKS[by])
    ax.set_xlim(rows["cost"].min() / 1.4, rows["cost"].max() * 1.4)
    looks = looks_of_ways(panel.view, panel.every)
    beside_lines = [way for way in looks if way not in (LONGER, MORE)]
    for way, look in looks.items():
        own = rows[rows["way"] == way].sort_values("cost")
        if way not in (LONGER, MORE):
            at: Any = own["cost"]
            if by == "compute":
                at = at * 2 ** beside(beside_lines.index(way), len(beside_lines))
            points(ax, own, at, look)
        elif by == "compute" or way == MORE:
            ax.plot(own["cost"], own["value"], **look.line)
        else:
            points(ax, own, own["cost"], look)
    ax.set_xlabel(COSTS[by])
    measure = panel.view.names.printed(panel.key["metric"]).axis_title
    ax.set_ylabel(f"{measure}\n{panel.view.results.label_of(panel.key['condition'])}")
