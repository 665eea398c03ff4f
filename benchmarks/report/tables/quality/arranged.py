"""How tables of quality are arranged: by conditions, or by the scores of each method."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.nouns import MetricRecord
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.tables.comparison import compared_cells
from benchmarks.report.tables.remarks import remarks
from benchmarks.report.tables.table import Row, Table
from benchmarks.vocabulary import SELF_TRAINED


def by_condition(
    results: Results,
    recipe: str,
    name: str,
    title: str,
    conditions: tuple[str, ...],
    metrics: Sequence[MetricRecord],
    *,
    with_left_out: bool = False,
) -> Table:
    """A column a metric, a group of rows a condition."""
    variants = results.evaluated_on(conditions)
    quantities = {
        condition: [Quantity(condition, metric.name) for metric in metrics]
        for condition in conditions
    }
    return Table(
        name=f"{name}-{recipe}",
        caption=f"{title} {setting(results, recipe, conditions)}",
        group_heading="Images",
        label_headings=("Method",),
        headings=tuple(results.names.printed(metric.name).heading for metric in metrics),
        rows=tuple(
            Row(
                results.label_of(condition),
                (results.names.label(variant),),
                compared_cells(results, variants, variant, of_condition),
            )
            for condition, of_condition in quantities.items()
            for variant in variants
        ),
        remarks=remarks(
            results,
            variants,
            by_score=[metric for metric in metrics if "score" in metric.needs],
            binned=any(metric.biased for metric in metrics),
            with_left_out=with_left_out,
        ),
    )


def by_score(
    results: Results,
    recipe: str,
    name: str,
    title: str,
    conditions: tuple[str, ...],
    metric: str,
    *,
    with_left_out: bool = False,
) -> Table:
    """A column a condition, a row a score, a group of rows a method."""
    variants = results.evaluated_on(conditions)
    known = [score.name for score in results.names.scores]
    quantities = {
        (variant, score): [Quantity(condition, metric, score) for condition in conditions]
        for variant in variants
        for score in (*known, *results.method_scores(variant))
    }
    return Table(
        name=f"{name}-{recipe}",
        caption=f"{title} {setting(results, recipe, conditions)}",
        group_heading="Method",
        label_headings=("Score",),
        headings=tuple(map(results.label_of, conditions)),
        rows=tuple(
            Row(
                results.names.label(variant),
                (results.names.score(score).label,),
                compared_cells(results, variants, variant, by_score),
            )
            for (variant, score), by_score in quantities.items()
        ),
        remarks=remarks(results, variants, with_left_out=with_left_out),
    )


def setting(results: Results, recipe: str, conditions: Sequence[str]) -> str:
    """Of which recipe and how many images a table is, in its caption."""
    evaluated = results.summary["condition"].isin(conditions)
    counts = sorted(set(results.summary.loc[evaluated, "images"]) - {0}) or [0]
    images = " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
    of_recipe = "" if recipe == SELF_TRAINED else f"Recipe {recipe}, "
    return f"{of_recipe}{images} images per condition."
