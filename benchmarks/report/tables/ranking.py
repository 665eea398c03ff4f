"""The leaderboard and the table of worth, which are views of the rule."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from benchmarks.nouns import Contestant
from benchmarks.report.editorial import DETECTION, SAMPLED
from benchmarks.report.number_format import two_digits
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.notes import replicates_remark
from benchmarks.report.tables.pivot import (
    BUDGET,
    Pivot,
    Place,
    Placed,
    place,
    value_cell,
    worth_cell,
)
from benchmarks.report.tables.table import Cell
from benchmarks.report.timings import (
    KERNELS,
    NOT_TIMED,
    PYTORCH,
    engines,
    main_setup,
    remark,
    row_of,
    timed,
)

MOST_ROWS = 20
"""Rows of a budget, before contestants go of which the rule shows nothing good."""

TIMES = {PYTORCH: "ms ↓", KERNELS: "ms ↓\nkernels"}
"""The columns of times of one image, by engine."""


def board(results: Results) -> dict[str, list[Contestant]]:
    """The contestants of each budget, and last the ensembles of others, by what these are called.

    Those that are in most best sets come first, then in the order of registration. Further scores
    of a network are there where they are in a best set. Without `answer.csv`: the methods that have
    a value, each at its largest size, and all ensembles.
    """
    blocks: dict[float, list[Contestant]] = {}
    for choice in sorted(_contestants(results), key=results.names.rank):
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
    largest = {(each.method, each.budget): each for each in known}
    return [
        each
        for each in known
        if results.names.method(each.method).counts_networks or each in largest.values()
    ]


def _best_sets(results: Results, choice: Contestant) -> int:
    return sum(results.is_best(choice, quantity) for quantity in results.headline)


def shown(results: Results, choices: Sequence[Contestant]) -> list[Contestant]:
    """The contestants of a budget that have a row.

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


def leaderboard(results: Results, _: Pivot) -> Iterator[Placed]:
    """The measures of the headline, and what methods cost."""
    for axes, choice, quantity in _places(results):
        cell, said = value_cell(results, choice, quantity), results.standing(choice, quantity)
        if choice.score and quantity.metric != DETECTION:
            cell = Cell()
        if cell and said and not said["best"] and choice.budget in results.budgets:
            cell = cell._replace(reason="; ".join(filter(None, (cell.reason, said["reason"]))))
        yield axes, cell
        if quantity == results.headline[-1]:
            for text, cost in _costs(results, choice).items():
                yield {**axes, "Measure": (text, text), "Quantity": (None, "")}, cost


def worth(results: Results, _: Pivot) -> Iterator[Placed]:
    """What each row of the leaderboard is worth by each measure; nothing where none is known."""
    if not results.is_worth_known:
        return
    for axes, choice, quantity in _places(results):
        said, unchanged = results.standing(choice, quantity), quantity.metric != DETECTION
        yield axes, Cell() if choice.score and unchanged else worth_cell(said) if said else None


def _places(results: Results) -> Iterator[tuple[Place, Contestant, Quantity]]:
    """The places of the measures of each contestant that has a row."""
    for block, choices in board(results).items():
        for choice in shown(results, choices):
            for quantity in results.headline:
                axes = {**place(results, choice, quantity), BUDGET: (block, block)}
                yield axes, choice, quantity


def _costs(results: Results, choice: Contestant) -> dict[str, Cell]:
    """Networks to train, and the milliseconds of a single image."""
    cells = {}
    if results.recipe:
        cells["Networks ↓"] = Cell(choice.budget, status="ok", text=f"{choice.budget:g}")
    setup = main_setup(results.latency)
    for engine in engines(results.latency, setup):
        row, cell = row_of(timed(results.latency, setup, engine), choice, 1), Cell(reason=NOT_TIMED)
        if row is not None:
            cell = Cell(row["p50_ms"], status="ok", text=two_digits(row["p50_ms"]))
        cells[TIMES[engine]] = cell
    return cells


def leaderboard_notes(results: Results, _: Pivot) -> Iterator[str]:
    """How to read the leaderboard, and what it leaves out."""
    choices = [choice for own in board(results).values() for choice in own]
    rows = [choice for own in board(results).values() for choice in shown(results, own)]
    yield replicates_remark(results, [choice.unscored for choice in rows])
    if hidden := len(choices) - len(rows):
        yield f"Left out, in no best set and by no measure better than one network: {hidden}."
    if results.recipe:
        yield "Networks: the training that a method takes."
        yield remark(results.latency, "one image")
