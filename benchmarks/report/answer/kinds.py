"""The best method of each kind and the best score of each kind, in one short table."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from statistics import fmean
from typing import Any

from benchmarks.report.answer.candidates import label, score_of_single_image, single_image
from benchmarks.report.editorial import DETECTION, PROBABLE, RANKED_BY, RIGHT
from benchmarks.report.number_format import two_digits
from benchmarks.report.results import Candidate, Quantity, Results
from benchmarks.report.tables.quality import value_cell
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.vocabulary import CLEAN, SELF_TRAINED

OF_LOGITS, OF_FEATURES = "score of logits", "score of features"
"""The kinds of scores that are computed from networks, not from probabilities."""

OTHER = "other"
"""Of methods that name no group, such as a user's own."""

RULE = (
    "Selected by NLL on clean images (scores: by mean AUROC) on these very test images, so values "
    "are slightly optimistic. Scores change no prediction."
)


def kinds_table(results: Results) -> Table:
    """The table, from the results of all recipes with the training images of the main one.

    Without a row where there are no two kinds to compare.
    """
    quantities = headline(results)
    kinds = {kind: choices for kind, choices in _kinds(results).items() if choices}
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
        rows=tuple(
            _row(results, kind, max(choices, key=choices.__getitem__), quantities)
            for kind, choices in kinds.items()
            if len(kinds) > 1
        ),
        remarks=(RULE,),
    )


def _kinds(results: Results) -> dict[str, dict[Candidate, float]]:
    """The methods and scores of each kind with what they are chosen by: the larger, the better.

    Methods by the NLL on clean images, whatever their recipe; scores by their mean AUROC.
    """
    kinds: dict[str, dict[Candidate, float]] = {}
    choices = _methods(results)
    for choice in choices:
        of_kind = kinds.setdefault(results.names.method(choice.method).group or OTHER, {})
        if row := results.value(choice, Quantity(*RANKED_BY)):
            of_kind[choice] = -row["value"]
    kinds |= {OF_LOGITS: {}, OF_FEATURES: {}}
    scored = {choice._replace(score="") for choice in results.further_scored}
    for score in results.names.scores:
        of_score = {OF_LOGITS: "logits" in score.needs, OF_FEATURES: score.fitted}
        for choice in (one._replace(score=score.name) for one in choices if one in scored):
            rows = [results.value(choice, Quantity(one, DETECTION)) for one in results.ood]
            if values := [row["value"] for row in rows if row]:
                for kind in filter(of_score.__getitem__, of_score):
                    kinds[kind][choice] = fmean(values)
    return kinds


def _methods(results: Results) -> list[Candidate]:
    """The methods of tables of each recipe with the main one's training images."""
    splits = {recipe.name: recipe.split for recipe in results.names.recipes}
    main = splits.get(results.recipes[0])
    choices = [
        candidate
        for candidate in results.candidates
        if candidate.recipe == SELF_TRAINED or splits.get(candidate.recipe) == main
    ]
    return sorted(choices, key=lambda one: results.names.rank(one.variant))


def headline(results: Results) -> tuple[Quantity, ...]:
    """What a short table has of each method."""
    conditions = (CLEAN, *results.group_means[:1])
    quality = (Quantity(CLEAN, RIGHT), *(Quantity(one, PROBABLE) for one in conditions))
    return (*quality, *(Quantity(condition, DETECTION) for condition in results.ood[:1]))


def heading_of(results: Results, quantity: Quantity) -> str:
    """Over its column: the metric, and below it the images."""
    title = results.names.printed(quantity.metric).title
    return f"{title}\n{results.label_of(quantity.condition)}"


def _row(results: Results, kind: str, chosen: Candidate, quantities: Sequence[Quantity]) -> Row:
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
