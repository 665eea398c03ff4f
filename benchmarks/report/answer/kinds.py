"""The best method of each kind and the best score of each kind, in one short table."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from statistics import fmean
from typing import Any

from benchmarks.report.answer.candidates import label, score_of_single_image, single_image
from benchmarks.report.answer.evidence import Evidence
from benchmarks.report.editorial import DETECTION, PROBABLE, RIGHT
from benchmarks.report.number_format import two_digits
from benchmarks.report.read.comparisons import Choice, Quantity
from benchmarks.report.results import Results
from benchmarks.report.tables.comparison import value_cell
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.vocabulary import CLEAN

OF_LOGITS, OF_FEATURES = "score of logits", "score of features"
"""The kinds of scores that are computed from networks, not from probabilities."""

RULE = (
    "Selected by NLL on clean images (scores: by mean AUROC) on these very test images, so values "
    "are slightly optimistic. Scores change no prediction."
)


def kinds_table(results: Results) -> Table:
    """The table, from the results of all recipes with the training images of the main one."""
    quantities = headline(results)
    chosen = [*_methods(results), *_scores(results)]
    return Table(
        name="kinds",
        caption="The best of each kind.",
        group_heading="",
        label_headings=("Kind", "Best of its kind"),
        headings=(
            *(heading_of(results, quantity) for quantity in quantities),
            "Training\n(s)",
            "One image\n(ms)",
        ),
        rows=tuple(_row(results, *one, quantities) for one in chosen),
        remarks=(RULE,),
    )


def _methods(results: Results) -> Iterator[tuple[str, Choice]]:
    """Of each kind the method with the lowest NLL on clean images, whatever its recipe."""
    evidence, by_kind = Evidence(results), dict[str, list[Choice]]()
    for candidate in _candidates(results):
        by_kind.setdefault(results.names.method(candidate.method).group, []).append(candidate)
    chosen_by = Quantity(CLEAN, PROBABLE)
    for kind, some in by_kind.items():
        values = {one: row["value"] for one in some if (row := evidence.value(one, chosen_by))}
        if values:
            yield kind, min(values, key=lambda one: values[one])


def _scores(results: Results) -> Iterator[tuple[str, Choice]]:
    """Of each kind the score with the highest mean AUROC on the images of a single network."""
    evidence = Evidence(results)
    scored = {side._replace(score="") for side in results.further_scored}
    single = [one for one in _candidates(results) if one in scored]
    for kind in (OF_LOGITS, OF_FEATURES):
        means: dict[Choice, float] = {}
        for score in _of_kind(results, kind):
            for one in (candidate._replace(score=score) for candidate in single):
                rows = [evidence.value(one, Quantity(c, DETECTION)) for c in results.ood]
                if values := [row["value"] for row in rows if row]:
                    means[one] = fmean(values)
        if means:
            yield kind, max(means, key=lambda one: means[one])


def _candidates(results: Results) -> list[Choice]:
    """The methods of tables of each recipe with the main one's training images."""
    splits = {recipe.name: recipe.split for recipe in results.names.recipes}
    main = results.recipes[0]
    alike = [one for one in results.recipes if splits.get(one) == splits.get(main)]
    found = [
        Choice(recipe, *variant)
        for recipe in alike
        for variant in results.of_recipe(recipe).compared
    ]
    return sorted(found, key=lambda one: results.names.rank(one.variant))


def _of_kind(results: Results, kind: str) -> list[str]:
    """A score that probabilities suffice for is of neither kind."""
    return [
        one.name
        for one in results.names.scores
        if (one.fitted if kind == OF_FEATURES else "logits" in one.needs)
    ]


def headline(results: Results) -> tuple[Quantity, ...]:
    """What a short table has of each method."""
    conditions = (CLEAN, *results.group_means[:1])
    quality = (Quantity(CLEAN, RIGHT), *(Quantity(one, PROBABLE) for one in conditions))
    return (*quality, *(Quantity(condition, DETECTION) for condition in results.ood[:1]))


def heading_of(results: Results, quantity: Quantity) -> str:
    """Over its column: the metric, and below it the images."""
    title = results.names.printed(quantity.metric).title
    return f"{title}\n{results.label_of(quantity.condition)}"


def _row(results: Results, kind: str, chosen: Choice, quantities: Sequence[Quantity]) -> Row:
    """What a score does not change stands in the row of its method."""
    of_recipe = results.of_recipe(chosen.recipe)
    cells = [
        value_cell(of_recipe, chosen.variant, quantity._replace(score=chosen.score))
        if quantity.metric == DETECTION or not chosen.score
        else Cell()
        for quantity in quantities
    ]
    timing = (
        score_of_single_image(results, chosen.score)
        if chosen.score
        else single_image(results, chosen.variant)
    )
    known: dict[Hashable, Any] = {} if timing is None else timing.dropna().to_dict()
    costs = [
        Cell(text=two_digits(known[column])) if column in known else Cell()
        for column in ("training_s", "p50_ms")
    ]
    labels = f"{kind[:1].upper()}{kind[1:]}", label(results, chosen)
    return Row("", labels, (*cells, *costs))
