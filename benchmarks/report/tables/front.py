"""The first table: few contestants by three of the five measures, of a run or of several tasks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from benchmarks.nouns import Contestant
from benchmarks.report.editorial import (
    DETECTION,
    ENSEMBLE,
    OF_ARTICLE,
    SAMPLED,
    SHORT_LABELS,
    SHOWN_FIRST,
)
from benchmarks.report.number_format import two_digits
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.pivot import value_cell
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.report.timings import NOT_TIMED, PYTORCH, main_setup, row_of, timed

MOST_ROWS = 10

FOREIGN = "foreign"
"""What images of no class are called above a column."""

NUMBERS = {1: "one network", 2: "two networks", 5: "five networks", 10: "ten networks"}
"""Budgets in words, those that presets have."""


class Column(NamedTuple):
    """A measure of a run."""

    results: Results
    quantity: Quantity


def columns_of(runs: Sequence[Results]) -> list[Column]:
    """The measures of the first table, run by run."""
    return [Column(run, q) for run in runs for q in run.headline if q.metric in SHOWN_FIRST]


def contestants(runs: Sequence[Results], most: int = MOST_ROWS) -> list[Contestant]:
    """Those of the first table, budget by budget.

    One network, MC-dropout, a user's own methods, and an ensemble of each larger budget (the
    largest where there is no such budget) are always there. Of those in a best set come first whose
    sets have none yet, then those in most sets, and of these those that stay most often in their
    sets by all measures, as many as there is place for.

    Args:
        runs: at least one, of the same contestants.
    """
    first = runs[0]
    always = list(_always(first))
    sets: dict[Contestant, set[tuple[float, int]]] = {}
    for number, (run, quantity) in enumerate(columns_of(runs)):
        for budget in run.budgets:
            for choice in run.leaders(budget)[quantity]:
                sets.setdefault(choice, set()).add((budget, number))
    stays: Counter[Contestant] = Counter()
    for run in runs:
        for quantity, choices in chain.from_iterable(run.leaders(b).items() for b in run.budgets):
            rows = {choice: run.standing(choice, quantity) for choice in choices}
            stays.update({choice: float(row["stays"]) for choice, row in rows.items() if row})
    filled = set().union(*(sets.pop(choice, set()) for choice in always))
    chosen = list(always)
    while sets and len(chosen) < most:
        following = max(sets, key=lambda c: (len(sets[c] - filled), len(sets[c]), stays[c]))
        chosen.append(following)
        filled |= sets.pop(following)
    ends = {each: each.budget if each.budget in first.budgets else math.inf for each in chosen}
    return sorted(chosen, key=lambda each: (ends[each], chosen.index(each)))


def _always(results: Results) -> Iterator[Contestant]:
    least, *more = results.budgets
    if (alone := results.network_alone(least)) is not None:
        yield alone
    own = [each for each in results.contestants if each.budget == least]
    for method in (SAMPLED, OF_ARTICLE):
        yield from [each for each in own if each.method == method][-1:]
    yield from [each for each in own if results.names.method(each.method).is_users_own]
    ensembles = [each for each in results.usual(results.contestants) if each.method == ENSEMBLE]
    yield from [each for each in ensembles if each.budget in more or not more][-max(len(more), 1) :]


def front(runs: Sequence[Results], articles: Sequence[Results] = ()) -> Table | None:
    """The first table; ``None`` where the runs have nothing of it.

    Args:
        runs: of tasks, by one recipe.
        articles: runs of the same tasks as the article trains its networks; of each the largest
            ensemble has a place above the others. It is judged with none of them, and never bold.
    """
    columns = columns_of(runs)
    if not columns or not runs[0].contestants:
        return None
    choices = contestants(runs, MOST_ROWS - bool(articles))
    several = len(runs) > 1
    rows = []
    if articles:
        ensembles = [[e for e in run.contestants if e.method == ENSEMBLE][-1] for run in articles]
        size = max(each.size for each in ensembles)
        cells = [
            _cell(*own)._replace(is_best=False)
            for run, each in zip(articles, ensembles, strict=True)
            for own in ((run, q, each) for _, q in columns_of([run]))
        ]
        label = f"{size} networks, as the article trains them"
        rows.append(Row("", (label,), (*cells, _time(articles[0], ensembles[0]))))
    rows += [
        Row(
            "",
            (label_of(runs[0], choice),),
            (*(_cell(run, q, choice) for run, q in columns), _time(runs[0], choice)),
            _block(runs[0], choice),
        )
        for choice in choices
    ]
    return Table(
        name="front",
        caption="What to compare first.",
        label_headings=("Method",),
        headings=(*(_heading(column, several=several) for column in columns), "ms ↓"),
        rows=tuple(rows),
        remarks=tuple(filter(None, _remarks(runs, choices))),
    )


def label_of(results: Results, choice: Contestant) -> str:
    """A contestant in the first table: the budget stands above it, and sizes in the others."""
    record, each = results.names.method(choice.method), results.names.each(choice)
    if results.is_network_alone(choice):
        return "One network"
    if choice.method == ENSEMBLE:
        number = NUMBERS.get(choice.size, f"{choice.size} networks").capitalize()
        return {1: number, 0.5: f"{number}, half-trained"}.get(each, f"{number}, each {each:g}×")
    if choice.score:
        scored = label_of(results, choice.unscored)
        in_phrase = scored if record.is_users_own else scored[:1].lower() + scored[1:]
        return f"{results.names.score(choice.score).label} of {in_phrase}"
    methods = {other.method for other in results.contestants}
    return SHORT_LABELS.get(choice.method, record.label) if OF_ARTICLE in methods else record.label


def _block(results: Results, choice: Contestant) -> str:
    if choice.budget not in results.budgets:
        return "Budget: more networks"
    return f"Budget: {NUMBERS.get(int(choice.budget), f'{choice.budget:g} networks')}"


def _heading(column: Column, *, several: bool) -> str:
    """The measure and its images, below the task where there are several."""
    names = column.results.names
    condition = names.condition(column.quantity.condition)
    images = FOREIGN if condition.labels == "none" else condition.group
    title = names.printed(column.quantity.metric).title
    return "\n".join([*([names.task.label] if several else []), title, images])


def _cell(results: Results, quantity: Quantity, choice: Contestant) -> Cell:
    """A value without its interval, to as many decimals as that justifies."""
    if choice.score and quantity.metric != DETECTION:
        return Cell()
    cell = value_cell(results, choice, quantity)
    if cell is None:
        return Cell()
    return cell._replace(text=cell.texts[0], better=None, reason="", guessing="")


def _time(results: Results, choice: Contestant) -> Cell:
    """The milliseconds of a single image by PyTorch."""
    setup = main_setup(results.latency)
    row = row_of(timed(results.latency, setup, PYTORCH), choice, 1) if setup else None
    if row is None:
        return Cell(reason=NOT_TIMED)
    return Cell(row["p50_ms"], status="ok", text=two_digits(row["p50_ms"]))


def _remarks(runs: Sequence[Results], choices: Sequence[Contestant]) -> Iterator[str]:
    """What the columns are of, and how many contestants of best sets have no row."""
    foreign = [run.names.condition(q.condition) for run, q in columns_of(runs)]
    if any(condition.labels == "none" for condition in foreign):
        yield f"{FOREIGN.capitalize()}: images of no class."
    setup = main_setup(runs[0].latency)
    yield f"ms: the median time of one image by PyTorch on {setup.label}." if setup else ""
    columns = columns_of(runs)
    best = {each for run, q in columns for b in run.budgets for each in run.leaders(b)[q]}
    if hidden := len(best.difference(choices)):
        yield f"In a best set of these columns, and not shown: {hidden} more."
