"""Some rows and columns of a table, as a user chooses them for a paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.io import UserError
from benchmarks.nouns import Contestant
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.declared import pivots
from benchmarks.report.tables.pivot import Place, table_of
from benchmarks.report.tables.table import Table


def chosen_table(
    name: str,
    results: Results,
    *,
    methods: Sequence[str] = (),
    metrics: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> Table | None:
    """What is chosen of a table; ``None`` if it would be empty.

    Args:
        methods: by name, of a certain size and budget by key (``mc_dropout-50``); by default all.
        metrics: by name; by default all.
        columns: by the beginnings of their headings, in this order; by default all.

    Raises:
        UserError: the table has not what is chosen.
    """
    pivot = next((each for each in pivots(results) if each.name == name), None)
    if pivot is None:
        raise UserError(f"the table {name!r} has nothing to choose from; leave out the options")
    every = [
        (_names_of(results, place), place, cell) for place, cell in pivot.source(results, pivot)
    ]
    chosen = [
        (names, place, cell)
        for names, place, cell in every
        if not any(words and names.isdisjoint(words) for words in (methods, metrics))
    ]
    for word in (*methods, *metrics):
        if not any(word in names for names, *_ in chosen):
            known = sorted(set[str]().union(*(names for names, *_ in every)))
            raise UserError(
                f"the table {name!r} has no {word!r} of what is chosen; choose from "
                f"{', '.join(known) or 'nothing: it has no numbers'}"
            )
    cells = [(place, cell) for _, place, cell in chosen]
    own = replace(pivot, source=lambda *_: cells)
    table = table_of(own, results.with_methods(methods))
    return table and (_with_columns(table, columns) if columns else table)


def _names_of(results: Results, place: Place) -> set[str]:
    """By which names of methods and metrics a cell can be chosen."""
    names = set[str]()
    for axis, (what, _) in place.items():
        if isinstance(what, Contestant):
            names |= {what.method, results.names.key(what)}
        elif isinstance(what, Quantity):
            names.add(what.metric)
        elif axis == "Metric":
            names.add(str(what))
    return names


def _with_columns(table: Table, names: Sequence[str]) -> Table:
    """The columns whose headings, but for arrows, commas and brackets, begin with the names."""
    texts = [" ".join(re.findall(r"[^\s↑↓,()]+", text)).lower() for text in table.headings]
    positions = []
    for name in names:
        matching = [k for k, text in enumerate(texts) if text.startswith(name.lower())]
        if len(matching) != 1:
            raise UserError(
                f"the table {table.name!r} has {len(matching)} columns {name!r}; choose one from "
                f"{', '.join(texts)}"
            )
        positions += matching
    return replace(
        table,
        headings=tuple(table.headings[k] for k in positions),
        rows=tuple(
            row._replace(cells=tuple(row.cells[k] for k in positions)) for row in table.rows
        ),
    )
