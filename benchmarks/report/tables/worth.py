"""The tables of worth in networks: how large a deep ensemble does as well as each method."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from benchmarks.nouns import Variant
from benchmarks.report.answer.questions import judged_by
from benchmarks.report.read.comparisons import Choice, Ensemble, Quantity
from benchmarks.report.results import Results
from benchmarks.report.tables.comparison import NOT_MEASURED
from benchmarks.report.tables.quality import DETECTION
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.schema import where

MEANING = (
    "Worth in networks: the size of the deep ensemble that does as well, with its 95 % interval in "
    "brackets; < and >: outside the sizes that were evaluated."
)

OF_SCORES = "Ensembles rank images by their primary score."


def worth_tables(results: Results, recipe: str) -> Iterator[Table]:
    """Where methods were compared with ensembles of several sizes, and where scores were."""
    if results.worth.empty:
        return
    yield worth_table(results, recipe)
    by_score = where(results.worth, metric=DETECTION)
    by_score = by_score.drop(results.by_primary_score(by_score).index)
    if not by_score.empty:
        yield worth_of_scores_table(results, recipe, by_score)


def worth_table(results: Results, recipe: str) -> Table:
    """By the main measures, and those that the answer is judged by."""
    judged = {quantity.metric for quantity in judged_by(results)}
    worth = results.by_primary_score(results.worth)
    metrics = [
        one
        for one in results.names.metrics
        if one.name in set(worth["metric"]) and (one.shown != "detail" or one.name in judged)
    ]
    with_number = set(where(worth, status="ok")["condition"])
    rows = (
        Row(
            results.label_of(condition),
            (results.names.label(variant), ensembles[0]),
            tuple(
                _cell(results, results.side(variant, quantity), ensembles, quantity)
                for quantity in (Quantity(condition, metric.name) for metric in metrics)
            ),
        )
        for condition in results.main_conditions
        if condition in with_number
        for ensembles in _ensembles(worth)
        for variant in _variants(results, worth, ensembles)
    )
    return Table(
        name=f"worth-{recipe}",
        caption=f"Worth in networks of each method. Recipe {recipe}.",
        group_heading="Images",
        label_headings=("Method", "Ensembles of"),
        headings=tuple(results.names.printed(metric.name).title for metric in metrics),
        rows=tuple(row for row in rows if any(cell.status == "ok" for cell in row.cells)),
        remarks=(MEANING,),
    )


def worth_of_scores_table(results: Results, recipe: str, worth: pd.DataFrame) -> Table:
    """The further scores of a single network by the AUROC of detection.

    Args:
        worth: the rows of these scores.
    """
    names, metric = results.names, results.names.metric(DETECTION)
    conditions = [name for name in results.ood if name in set(worth["condition"])]
    sides = worth[list(Choice._fields)].drop_duplicates().itertuples(index=False)
    by_rank = sorted(map(Choice._make, sides), key=lambda one: names.score_rank(one.score))
    return Table(
        name=f"worth-scores-{recipe}",
        caption=f"Worth in networks of each score by {metric.label}. Recipe {recipe}.",
        group_heading="Ensembles of",
        label_headings=("Method", "Score"),
        headings=tuple(map(results.label_of, conditions)),
        rows=tuple(
            Row(
                ensembles[0],
                (names.label(Variant(side.method, side.members)), names.score(side.score).label),
                tuple(
                    _cell(results, side, ensembles, Quantity(condition, DETECTION))
                    for condition in conditions
                ),
            )
            for ensembles in sorted(_ensembles(worth), key=lambda one: names.recipe_rank(one[0]))
            for side in by_rank
        ),
        remarks=(MEANING, OF_SCORES),
    )


def _ensembles(worth: pd.DataFrame) -> list[Ensemble]:
    """Those whose networks anything is worth some of."""
    return list(dict.fromkeys(zip(worth["ensemble_recipe"], worth["ensemble"], strict=True)))


def _variants(results: Results, worth: pd.DataFrame, ensembles: Ensemble) -> list[Variant]:
    """Those of the sizes compared that are measured in these ensembles."""
    here = where(worth, ensemble_recipe=ensembles[0], ensemble=ensembles[1])
    measured = set(zip(here["method"], here["members"], strict=True))
    return [variant for variant in results.compared if tuple(variant) in measured]


def _cell(results: Results, side: Choice, ensembles: Ensemble, quantity: Quantity) -> Cell:
    """The number with its interval; empty where there is none, with the reason."""
    row = results.tests.worth(side, ensembles, quantity)
    if row is None:
        return Cell(reason=NOT_MEASURED)
    if row["status"] != "ok":
        return Cell(reason=row["reason"])
    return Cell(text=f"{row['worth']} ({row['worth_lower']}–{row['worth_upper']})", status="ok")
