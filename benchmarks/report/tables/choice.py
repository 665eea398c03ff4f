"""Some rows and columns of a table, as a user chooses them for a paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.io import UserError
from benchmarks.nouns import Contestant
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.declared import PIVOTS
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
    pivot = next((each for each in PIVOTS if each.name == name), None)
    if pivot is None:
        raise UserError(f"the table {name!r} has nothing to choose from; leave out the options")
    cells = [(_names(results, place), place, cell) for place, cell in pivot.source(results, pivot)]
    known = set[str]().union(*(names for names, *_ in cells))
    for words in filter(None, (methods, metrics)):
        cells = [each for each in cells if not each[0].isdisjoint(words)]
        for word in words:
            if not any(word in names for names, *_ in cells):
                raise UserError(
                    f"the table {name!r} has no {word!r} of what is chosen; choose from "
                    f"{', '.join(sorted(known)) or 'nothing: it has no numbers'}"
                )
    placed = [(place, cell) for _, place, cell in cells]
    shown = [quantity for place, _ in placed if (quantity := _quantity(place))]
    own = replace(pivot, source=lambda *_: placed, quantities=lambda _: shown)
    table = table_of(own, results.with_methods(methods))
    return table and (_with_columns(table, columns) if columns else table)


def _names(results: Results, place: Place) -> set[str]:
    """The names of the method and the metric by which a cell can be chosen."""
    contestant: Contestant = place["Method"][0]
    quantity = _quantity(place)
    names = {contestant.method, results.names.key(contestant)}
    return names | {quantity.metric} if quantity else names


def _quantity(place: Place) -> Quantity | None:
    """The quantity of a cell; ``None`` for costs."""
    return place["Quantity"][0] if "Quantity" in place else None


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
    rows = [row._replace(cells=tuple(row.cells[k] for k in positions)) for row in table.rows]
    headings = tuple(table.headings[k] for k in positions)
    return replace(table, headings=headings, rows=tuple(rows))
