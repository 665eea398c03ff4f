"""What the stage `measure` wrote of the methods that claims are about."""

from __future__ import annotations

import math

import pandas as pd

from benchmarks.claims.intervals import Interval
from benchmarks.claims.predictor import RecipePredictor
from benchmarks.schema import read_table, where
from benchmarks.vocabulary import COMPARISONS_CSV, SUMMARY_CSV, WORTH_CSV

Variant = tuple[str, int | None]
"""A method and its size; ``None`` where it has one member."""

NO_INTERVAL = Interval(math.nan, math.nan, math.nan)


def mean_of_replicates(
    predictor: RecipePredictor, variant: Variant, condition: str, metric: str, score: str = ""
) -> Interval:
    """A value of ``summary.csv``; NaN where there is none."""
    of_variant = where(_table(predictor, SUMMARY_CSV), **_names(variant, ""))
    rows = where(of_variant, condition=condition, metric=metric, score=score)
    return _interval(rows, "value")


def difference(
    predictor: RecipePredictor,
    one: Variant,
    other: Variant,
    condition: str,
    metric: str,
    score: str = "",
) -> Interval:
    """The paired difference of the first less the other of ``comparisons.csv``.

    It is over the draw of images and of networks; NaN where the two were not compared.
    """
    table = _table(predictor, COMPARISONS_CSV)
    table = where(table, condition=condition, metric=metric, score=score)
    if not table.empty:
        table = table[table["other_recipe"].isin(["", predictor.recipe])]
    there = where(table, **_names(one, ""), **_names(other, "other_"))
    if not there.empty:
        return _interval(there, "difference")
    back = _interval(where(table, **_names(other, ""), **_names(one, "other_")), "difference")
    return Interval(-back.value, -back.upper, -back.lower)


def worth(predictor: RecipePredictor, variant: Variant, condition: str, metric: str) -> str:
    """How many networks of the same recipe a method is worth, by ``worth.csv``.

    Empty where the run compares it with no ensembles of several sizes, or it is undefined.
    """
    table = where(_table(predictor, WORTH_CSV), **_names(variant, ""), condition=condition)
    rows = where(table, metric=metric, ensemble_recipe=predictor.recipe)
    return "" if rows.empty else str(rows.iloc[0]["worth"])


def _table(predictor: RecipePredictor, name: str) -> pd.DataFrame:
    """The recipe's rows of a table of the run; none where there is no such table."""
    if not (predictor.workspace.out / name).exists():
        return pd.DataFrame(
            columns=[
                "recipe",
                *_names(("", None), ""),
                *_names(("", None), "other_"),
                "condition",
                "metric",
                "score",
                "ensemble_recipe",
            ]
        )
    return where(read_table(predictor.workspace.out, name), recipe=predictor.recipe)


def _names(variant: Variant, prefix: str) -> dict[str, str]:
    method, size = variant
    return {f"{prefix}method": method, f"{prefix}members": str(size or 1)}


def _interval(rows: pd.DataFrame, column: str) -> Interval:
    if rows.empty:
        return NO_INTERVAL
    row = rows.iloc[0]
    return Interval(*(float(row[name]) for name in (column, "lower", "upper")))
