"""The table of what runs take: the wall time of each stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.vocabulary import STAGES

MEASURED = (
    "Wall time of a stage, added up if the run was interrupted. Networks that an earlier run had "
    "stored take no time.",
)


def times_table(records: Mapping[str, Mapping[str, Any]]) -> Table:
    """Minutes of each stage.

    Args:
        records: the ``run.json`` of each run, by what it is called.
    """
    return Table(
        name="times",
        caption="Minutes of each stage.",
        group_heading="",
        label_headings=("Run", "Processor"),
        headings=(*(stage.capitalize() for stage in STAGES), "All"),
        rows=tuple(_row(name, record) for name, record in records.items()),
        remarks=MEASURED,
    )


def _row(name: str, record: Mapping[str, Any]) -> Row:
    environment, seconds = record["environment"], record["seconds"]
    times = [float(seconds.get(stage, 0)) for stage in STAGES]
    processor = f"{environment['processor']}, {environment['cores']} cores"
    return Row(
        "", (name, processor), tuple(Cell(text=minutes(one)) for one in (*times, sum(times)))
    )


def minutes(seconds: float) -> str:
    """The minutes, to two digits at least; a dash where nothing was done.

    >>> [minutes(seconds) for seconds in (0.04, 18.3, 671, 7000)]
    ['—', '0.3', '11', '117']
    """
    if round(seconds / 60, 1) == 0:
        return "—"
    return f"{seconds / 60:.1f}" if seconds < 600 else f"{seconds / 60:.0f}"
