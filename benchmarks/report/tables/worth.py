"""The tables of worth in networks: how large a deep ensemble does as well as each method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from benchmarks.nouns import MetricRecord, Variant
from benchmarks.report.read.indexed import Indexed, Record
from benchmarks.report.results import Results
from benchmarks.report.tables.quality import kind_of
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.schema import where

MEANING = (
    "Worth in networks: the size of the deep ensemble that does as well, with its 95 % interval in "
    "brackets; < and >: outside the sizes that were evaluated."
)

FURTHER = {"selective": "selective prediction"}
"""What kinds of further measures are called in a caption, where not by their own name."""

NOT_MEASURED = "not measured on these images"

OF_SCORES = "Ensembles rank images by their primary score."


def worth_tables(results: Results, recipe: str) -> Iterator[Table]:
    """The tables of worth, where methods were compared with ensembles of several sizes.

    One of the main measures, one of each kind of further measures, and one of further scores.
    """
    yield from _of_scores(results, recipe)
    worth = results.worth
    if worth.empty:
        return
    measured = [one for one in results.names.metrics if one.name in set(worth["metric"])]
    by_table: dict[str, list[MetricRecord]] = {}
    for metric in measured:
        by_table.setdefault(kind_of(metric) if metric.shown == "detail" else "", []).append(metric)
    for kind, metrics in sorted(by_table.items()):
        further = f", further measures of {FURTHER.get(kind, kind)}" if kind else ""
        name = f"worth-{kind}-{recipe}" if kind else f"worth-{recipe}"
        caption = f"Worth in networks of each method{further}. Recipe {recipe}."
        yield _table(results, name, caption, metrics)


def _of_scores(results: Results, recipe: str) -> Iterator[Table]:
    """By each metric of detection, the further scores of a single network."""
    worth, names = results.score_worth, results.names
    if worth.empty:
        return
    conditions = [name for name in results.ood if name in set(worth["condition"])]
    for metric in (one for one in names.metrics if one.name in set(worth["metric"])):
        of_metric = where(worth, metric=metric.name)
        found = Indexed(of_metric, _place_of_score)
        scored = of_metric[["ensemble_recipe", "method", "members", "score"]].drop_duplicates()
        yield Table(
            name=f"worth-scores-{metric.name}-{recipe}",
            caption=f"Worth in networks of each score by {metric.label}. Recipe {recipe}.",
            group_heading="Ensembles of",
            label_headings=("Method", "Score"),
            headings=tuple(map(results.label_of, conditions)),
            rows=tuple(
                Row(
                    str(ensembles),
                    (names.label(Variant(method, members)), names.score(score).label),
                    tuple(
                        _cell(found, (ensembles, method, members, score), condition, metric)
                        for condition in conditions
                    ),
                )
                for ensembles, method, members, score in sorted(
                    scored.itertuples(index=False),
                    key=lambda row: (names.recipe_rank(row[0]), names.score_rank(row[3])),
                )
            ),
            remarks=(MEANING, OF_SCORES),
        )


def _table(results: Results, name: str, caption: str, metrics: Sequence[MetricRecord]) -> Table:
    worth = results.worth[results.worth["metric"].isin([metric.name for metric in metrics])]
    with_number = set(worth[worth["status"] == "ok"]["condition"])
    conditions = [name for name in results.main_conditions if name in with_number]
    found = Indexed(worth, _place)
    rows = tuple(
        Row(
            results.label_of(condition),
            (results.names.label(variant), str(ensemble_recipe)),
            tuple(
                _cell(found, (str(ensemble_recipe), *variant), condition, metric)
                for metric in metrics
            ),
        )
        for condition in conditions
        for ensemble_recipe, of_ensemble in worth.groupby("ensemble_recipe", sort=False)
        for variant in _variants(results, of_ensemble)
    )
    rows = tuple(row for row in rows if any(cell.status == "ok" for cell in row.cells))
    return Table(
        name=name,
        caption=caption,
        group_heading="Images",
        label_headings=("Method", "Ensembles of"),
        headings=tuple(results.names.printed(metric.name).title for metric in metrics),
        rows=rows,
        remarks=(MEANING,),
    )


def _variants(results: Results, worth: pd.DataFrame) -> list[Variant]:
    """Those of the sizes compared that are measured in these ensembles."""
    measured = set(zip(worth["method"], worth["members"], strict=True))
    return [variant for variant in results.compared if tuple(variant) in measured]


def _place(row: Record) -> tuple[str, ...]:
    return row["ensemble_recipe"], row["method"], row["members"]


def _place_of_score(row: Record) -> tuple[str, ...]:
    return (*_place(row), row["score"])


def _cell(
    found: Indexed[tuple[str, ...]], place: tuple[str, ...], condition: str, metric: MetricRecord
) -> Cell:
    """The number with its interval; empty where there is none, with the reason."""
    row = found.rows(condition, metric.name).get(place)
    if row is None:
        return Cell(reason=NOT_MEASURED)
    if row["status"] != "ok":
        return Cell(reason=row["reason"])
    return Cell(text=f"{row['worth']} ({row['worth_lower']}–{row['worth_upper']})", status="ok")
