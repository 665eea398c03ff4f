"""The cells of the two tables that show least of most: the ranking, and the best of each kind."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import fmean

from benchmarks.nouns import Variant
from benchmarks.report.answer.decision import label, single_image
from benchmarks.report.editorial import DETECTION, PROBABLE, RANKED_BY, RIGHT
from benchmarks.report.number_format import two_digits
from benchmarks.report.results import Candidate, Quantity, Results
from benchmarks.report.tables.pivot import (
    INTERVAL,
    NOT_MEASURED,
    Pivot,
    Place,
    value_cell,
    worth_cell,
)
from benchmarks.report.tables.table import Cell
from benchmarks.vocabulary import CLEAN, SELF_TRAINED

COSTS = {"Training\n(s) ↓": "training_s", "One image\n(ms) ↓": "p50_ms"}

OF_LOGITS, OF_FEATURES = "score of logits", "score of features"
"""The kinds of scores that are computed from networks, not from probabilities."""

OTHER = "other"
"""Of methods that name no group, such as a user's own."""


def headline(results: Results) -> tuple[Quantity, ...]:
    """What a short table has of each method."""
    conditions = (CLEAN, *results.group_means[:1])
    quality = (Quantity(CLEAN, RIGHT), *(Quantity(name, PROBABLE) for name in conditions))
    return (*quality, *(Quantity(condition, DETECTION) for condition in results.ood[:1]))


def ranking(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """All methods at their largest size, of all recipes; the best by `RANKED_BY` comes first.

    A method of a few images alone has no row.
    """
    ranked: list[tuple[float, Place, Mapping[str, Cell]]] = []
    for recipe in results.recipes:
        part = results.for_recipe(recipe)
        for variant in part.largest:
            candidate = part.candidate(variant)
            values = _values(results, candidate)
            if all(math.isnan(cell.value) for cell in values.values()):
                continue
            cells = {
                "Worth\n(networks) ↑": _worth(part, variant, recipe),
                **values,
                **_costs(results, candidate, Cell(reason=NOT_MEASURED)),
            }
            place: Place = {
                "Method": (variant, results.names.label(variant)),
                "Recipe": (recipe, recipe),
            }
            by = value_cell(results, candidate, Quantity(*RANKED_BY)).value
            ranked.append((math.inf if math.isnan(by) else by, place, cells))
    for _by, row, cells_of_row in sorted(ranked, key=lambda line: line[0]):
        for heading, cell in cells_of_row.items():
            yield {**row, "Measure": (heading, heading)}, cell


def ranking_notes(results: Results, _: Pivot) -> Iterator[str]:
    """How to read the ranking."""
    by = _heading(results, Quantity(*RANKED_BY)).replace("\n", ", ")
    yield f"Ranked by {by}. Neighbours may not differ: the decisions go by tests. {INTERVAL}"
    if not results.worth.empty:
        yield (
            "Worth: the networks of an ensemble that does as well by that measure, with its 95 % "
            "interval."
        )


def kinds(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The best method and the best score of each kind, where there are two kinds to compare.

    What a score does not change stands in the row of its method.
    """
    choices = {kind: values for kind, values in _by_kind(results).items() if values}
    for kind, values in choices.items() if len(choices) > 1 else ():
        best = max(values, key=values.__getitem__)
        cells = _values(results, best) | _costs(results, best, Cell())
        place = {
            "Kind": (kind, f"{kind[:1].upper()}{kind[1:]}"),
            "Best of its kind": (best, label(results, best)),
        }
        for heading, cell in cells.items():
            yield {**place, "Measure": (heading, heading)}, cell


def _by_kind(results: Results) -> dict[str, dict[Candidate, float]]:
    """The methods and scores of each kind with what they are chosen by: the larger, the better.

    Methods, of each recipe with the main one's training images, by the NLL on clean images; scores
    by their mean AUROC.
    """
    splits = {recipe.name: recipe.split for recipe in results.names.recipes}
    main = splits.get(results.recipes[0])
    methods = [
        candidate
        for candidate in sorted(results.candidates, key=lambda c: results.names.rank(c.variant))
        if candidate.recipe == SELF_TRAINED or splits.get(candidate.recipe) == main
    ]
    kinds: dict[str, dict[Candidate, float]] = {}
    for method in methods:
        chosen_by = kinds.setdefault(results.names.method(method.method).group or OTHER, {})
        if row := results.value(method, Quantity(*RANKED_BY)):
            chosen_by[method] = -row["value"]
    kinds |= {OF_LOGITS: {}, OF_FEATURES: {}}
    scored = {choice._replace(score="") for choice in results.further_scored}
    for score in results.names.scores:
        for choice in (method._replace(score=score.name) for method in methods if method in scored):
            rows = [results.value(choice, Quantity(name, DETECTION)) for name in results.ood]
            if values := [row["value"] for row in rows if row]:
                if "logits" in score.needs:
                    kinds[OF_LOGITS][choice] = fmean(values)
                if score.fitted:
                    kinds[OF_FEATURES][choice] = fmean(values)
    return kinds


def _values(results: Results, choice: Candidate) -> dict[str, Cell]:
    """The cells of the headline; those that a score changes, if the choice has one."""
    return {
        _heading(results, quantity): value_cell(results, choice, quantity)
        if quantity.metric == DETECTION or not choice.score
        else Cell()
        for quantity in headline(results)
    }


def _heading(results: Results, quantity: Quantity) -> str:
    """Over its column: the metric, and below it the images."""
    title = results.names.printed(quantity.metric).title
    return f"{title}\n{results.label_of(quantity.condition)}"


def _costs(results: Results, choice: Candidate, missing: Cell) -> dict[str, Cell]:
    timing = single_image(results, choice)
    known = {} if timing is None else timing.dropna().to_dict()
    return {
        heading: Cell(known[column], status="ok", text=two_digits(known[column]))
        if column in known
        else missing
        for heading, column in COSTS.items()
    }


def _worth(results: Results, variant: Variant, recipe: str) -> Cell:
    """In ensembles of the same recipe; that of an ensemble is its size."""
    ensembles = set() if results.worth.empty else set(results.worth["ensemble"])
    if variant.method in ensembles and variant.members.isdigit():
        return Cell(float(variant.members), status="ok", text=variant.members)
    quantity, choice = Quantity(*RANKED_BY), results.candidate(variant)
    rows = [results.worth_in(choice, (recipe, name), quantity) for name in sorted(ensembles)]
    if ensembles and not any(rows):
        return Cell(reason="not compared with ensembles of its recipe")
    return worth_cell(next(filter(None, rows), None))
