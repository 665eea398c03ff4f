"""What the stage `measure` wrote of the methods that claims are about."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import product

import pandas as pd

from benchmarks.claims.claim import rows
from benchmarks.claims.intervals import NO_INTERVAL, Interval, over_networks
from benchmarks.claims.predictor import RecipePredictor
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.schema import TABLES, members_rank, read_table, table_of, where
from benchmarks.vocabulary import (
    CLEAN,
    COMPARISONS_CSV,
    MEASUREMENTS_CSV,
    SUMMARY_CSV,
    WITH_VALUE,
    WORTH_CSV,
)

Sized = tuple[str, int | None]
"""A method and its size; ``None`` where it has one member."""


def mean_of_replicates(
    predictor: RecipePredictor, method: Sized, condition: str, metric: str, score: str = ""
) -> Interval:
    """A value of ``summary.csv``; NaN where there is none."""
    table = where(_table(predictor, SUMMARY_CSV), **_names(method))
    return _interval(where(table, condition=condition, metric=metric, score=score), "value")


def difference(
    predictor: RecipePredictor,
    one: Sized,
    other: Sized,
    condition: str,
    metric: str,
    score: str = "",
) -> Interval:
    """The paired difference of the first less the other of ``comparisons.csv``.

    It is over the draw of images and of networks; NaN where the two were not compared.
    """
    table = _table(predictor, COMPARISONS_CSV)
    table = where(table, condition=condition, metric=metric, score=score)
    table = table[table["other_recipe"].isin(["", predictor.recipe])]
    there = where(table, **_names(one), **_names(other, "other_"))
    if not there.empty:
        return _interval(there, "difference")
    back = _interval(where(table, **_names(other), **_names(one, "other_")), "difference")
    return Interval(-back.value, -back.upper, -back.lower)


def worth(
    predictor: RecipePredictor, method: Sized, condition: str, metric: str
) -> Interval | None:
    """How many networks of the same recipe a method is worth, by ``worth.csv``.

    An upper or a lower bound alone where it is beyond the ensembles' sizes. ``None`` where the run
    compares it with no ensembles of several sizes, or it is undefined.
    """
    table = where(_table(predictor, WORTH_CSV), **_names(method), condition=condition)
    table = where(table, metric=metric, ensemble_recipe=predictor.recipe)
    networks = "" if table.empty else str(table.iloc[0]["worth"])
    if networks in ("", "nan"):
        return None
    number = float(networks.strip("<>"))
    if networks.startswith("<"):
        return Interval(math.nan, math.nan, number)
    if networks.startswith(">"):
        return Interval(math.nan, number, math.nan)
    return Interval(number, math.nan, math.nan)


def double_softmax(
    plan: Plan, workspace: Workspace, recipes: Sequence[str], ood: Collection[str]
) -> Iterator[pd.DataFrame]:
    """Each method's measures by each recipe, and those of the first one less the second one's.

    The difference has Student's t interval over replicates: they are paired, since replicate r of
    both recipes has the same initialisation, order and masks.

    Args:
        ood: the out-of-distribution conditions, whose mean AUROC is compared.
    """
    if not (workspace.out / MEASUREMENTS_CSV).exists():
        return
    table = read_table(workspace.out, MEASUREMENTS_CSV)
    table = table[table["recipe"].isin(recipes) & table["status"].isin(WITH_VALUE)]
    measures = [
        *((metric, "", CLEAN, {CLEAN}) for metric in ("accuracy", "nll", "ece")),
        ("ece", "", "rotated-045", {"rotated-045"}),
        ("auroc", "predictive_entropy", "out-of-distribution", ood),
    ]
    for method, (metric, score, condition, images) in product(plan.configuration.classes, measures):
        of_method = where(table, method=method)
        largest = where(of_method, members=max(of_method["members"], key=members_rank, default=""))
        largest = where(largest, metric=metric, score=score)
        largest = largest[largest["condition"].isin(images)]
        values = largest.pivot_table(index="replicate", columns="recipe", values="value")
        if recipes[0] not in values:
            continue
        keys = {"method": method, "score": score, "condition": condition}
        for recipe in recipes:
            if recipe in values:
                yield rows(metric, values[recipe].mean(), **keys).assign(recipe=recipe)
        if recipes[1] in values:
            apart = over_networks((values[recipes[0]] - values[recipes[1]]).dropna())
            keys |= {"case": f"minus {recipes[1]}"}
            yield rows(metric, apart, **keys).assign(recipe=recipes[0])


def _table(predictor: RecipePredictor, name: str) -> pd.DataFrame:
    """The recipe's rows of a table of the run; none where there is no such table."""
    folder = predictor.workspace.out
    table = read_table(folder, name) if (folder / name).exists() else table_of(TABLES[name], ())
    return where(table, recipe=predictor.recipe)


def _names(method: Sized, prefix: str = "") -> dict[str, str]:
    name, size = method
    return {f"{prefix}method": name, f"{prefix}members": str(size or 1)}


def _interval(table: pd.DataFrame, column: str) -> Interval:
    if table.empty:
        return NO_INTERVAL
    return Interval(*table.iloc[0][[column, "lower", "upper"]].astype(float))
