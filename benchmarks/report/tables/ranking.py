"""The cells of the leaderboard and of the table of worth, which are views of the rule."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain

from benchmarks.nouns import Contestant
from benchmarks.report.editorial import DETECTION, SAMPLED
from benchmarks.report.number_format import two_digits
from benchmarks.report.results import Results
from benchmarks.report.tables.pivot import (
    BUDGET,
    NOT_MEASURED,
    Pivot,
    Place,
    heading,
    replicates_remark,
    value_cell,
    worth_cell,
)
from benchmarks.report.tables.table import Cell
from benchmarks.report.texts import listed
from benchmarks.report.timings import main_setup, single_image

MOST_ROWS = 20
"""Of a budget, before contestants go of which the rule shows nothing good."""


def board(results: Results) -> dict[str, list[Contestant]]:
    """The contestants of each budget, and last the ensembles of others, by what these are called.

    Those that are in most best sets come first, then in the order of registration. Further scores
    of a network are there where they are in a best set. Without `answer.csv`: the methods that have
    a value, each at its largest size, and all ensembles.
    """
    blocks: dict[float, list[Contestant]] = {}
    for choice in sorted(_contestants(results), key=lambda each: results.names.rank(each)):
        if not choice.score or _best_sets(results, choice):
            budget = choice.budget if choice.budget in results.budgets else math.inf
            blocks.setdefault(budget, []).append(choice)
    names = {budget: f"Budget {budget:g}" for budget in blocks} | {math.inf: "More networks"}
    return {
        names[budget] if len(blocks) > 1 else "": sorted(
            blocks[budget], key=lambda each: -_best_sets(results, each)
        )
        for budget in sorted(blocks)
    }


def _contestants(results: Results) -> list[Contestant]:
    if not results.answer.empty:
        sides = results.answer[list(Contestant._fields)].itertuples(index=False, name=None)
        return sorted({results.names.by_primary(Contestant(*side)) for side in sides})
    known = results.evaluated_on([quantity.condition for quantity in results.headline])
    largest = {(variant.method, variant.budget): variant for variant in known}
    return [
        v
        for v in known
        if results.names.method(v.method).counts_networks or v == largest[v.method, v.budget]
    ]


def _best_sets(results: Results, choice: Contestant) -> int:
    return sum(results.is_best(choice, quantity) for quantity in results.headline)


def shown(results: Results, choices: Sequence[Contestant]) -> list[Contestant]:
    """Those of a budget that have a row.

    Of more than `MOST_ROWS`, those that are in a best set or better than one network by a measure;
    and one network, MC-dropout, ensembles and a user's own.
    """
    if len(choices) <= MOST_ROWS or results.answer.empty:
        return list(choices)

    def is_shown(choice: Contestant) -> bool:
        method = results.names.method(choice.method)
        always = method.is_network or method.counts_networks or method.is_users_own
        good = (results.is_best(choice, q) or results.better(choice, q) for q in results.headline)
        return always or choice.method == SAMPLED or any(good)

    return [choice for choice in choices if is_shown(choice)]


def leaderboard(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The measures of the headline, and what methods cost."""
    for place, choice in _rows(results):
        for quantity in results.headline:
            cell, said = Cell(), results.standing(choice, quantity)
            if not choice.score or quantity.metric == DETECTION:
                cell = value_cell(results, choice, quantity)
            if said and not said["best"] and choice.budget in results.budgets:
                cell = cell._replace(reason="; ".join(filter(None, (cell.reason, said["reason"]))))
            yield {**place, "Measure": (quantity, heading(results, quantity))}, cell
        for over, cell in _costs(results, choice).items():
            yield {**place, "Measure": (over, over)}, cell


def worth(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """What each row of the leaderboard is worth by each measure of the headline."""
    for place, choice in _rows(results):
        for quantity in results.headline:
            unchanged = choice.score and quantity.metric != DETECTION
            cell = Cell() if unchanged else worth_cell(results.standing(choice, quantity))
            yield {**place, "Measure": (quantity, heading(results, quantity))}, cell


def _rows(results: Results) -> Iterator[tuple[Place, Contestant]]:
    for block, choices in board(results).items():
        for choice in shown(results, choices):
            label = results.label(choice) if choice.score else results.names.label(choice)
            yield {BUDGET: (block, block), "Method": (choice, label)}, choice


def leaderboard_notes(results: Results, _: Pivot) -> Iterator[str]:
    """How to read the leaderboard, and what this run would have shown."""
    variants = [choice.unscored for _, choice in _rows(results)]
    yield replicates_remark(results, variants)
    if hidden := len(list(chain(*board(results).values()))) - len(variants):
        yield f"Left out, in no best set and by no measure better than one network: {hidden}."
    if results.recipe:
        setup = main_setup(results.latency)
        time = f" ms: the median time of one image on {setup.label}." if setup else ""
        yield f"Networks: the training that a method takes.{time}"
    for budget in results.budgets:
        own = results.judged(budget)
        widths = {
            results.names.metric(q.metric).label: width
            for q in results.headline
            if (width := results.smallest_difference(budget, q))
            and not any(results.better(each, q) for each in own)
        }
        if widths:
            nothing = f"At budget {budget:g} nothing" if len(results.budgets) > 1 else "Nothing"
            said = [f"{label} ({width})" for label, width in widths.items()]
            yield (
                f"{nothing} is shown to be better than one network by {listed(said)}; in brackets, "
                "the difference that would have been shown, by contestant."
            )


def _costs(results: Results, choice: Contestant) -> dict[str, Cell]:
    """Networks to train, and the milliseconds of a single image."""
    timing, time = single_image(results, choice), Cell(reason=NOT_MEASURED)
    if timing is not None and not math.isnan(timing["p50_ms"]):
        time = Cell(timing["p50_ms"], status="ok", text=two_digits(timing["p50_ms"]))
    trained = Cell(choice.budget, status="ok", text=f"{choice.budget:g}")
    return {"Networks ↓": trained if results.recipe else Cell(reason=NOT_MEASURED), "ms ↓": time}
