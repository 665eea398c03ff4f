"""The table of the integrity probes and their results, from ``run.json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.report.tables.table import Row, Table
from benchmarks.stored.listing import read_run_json


def integrity_table(folder: Path) -> Table | None:
    """The results of every probe of a run; ``None`` where no probe has been recorded."""
    probed: Mapping[str, list[dict[str, Any]]] = read_run_json(folder).get("integrity", {})
    checks = [check for of_kind in probed.values() for check in of_kind]
    if not checks:
        return None
    missing = [name for name in ("networks", "predictions") if name not in probed]
    return Table(
        name="integrity",
        caption="Results of the integrity probes before scoring.",
        group_heading="Probe",
        label_headings=("Subject", "Quantity", "Value"),
        headings=(),
        rows=tuple(
            Row(_claim(check), (check["subject"], quantity, _number(value)), ())
            for check in checks
            for quantity, value in check["found"].items()
        ),
        remarks=tuple(f"The {name} were not probed." for name in missing),
    )


def _claim(check: Mapping[str, Any]) -> str:
    """The same for all subjects, so that these stand together."""
    failed = "" if check["passed"] else "FAILED: "
    return f"{failed}{check['probe'].capitalize()}: {check['claim']}"


def _number(number: float) -> str:
    """Counts in full, with separators; other numbers to four digits.

    >>> _number(60000), _number(0.49981), _number(7.8e-16)
    ('60,000', '0.4998', '7.8e-16')
    """
    return f"{number:,}" if isinstance(number, int) else f"{number:.4g}"
