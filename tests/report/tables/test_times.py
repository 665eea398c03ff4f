"""The table of what runs take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.report.readme import filled, minutes, times_table
from benchmarks.report.tables.formats import markdown

RECORD = {
    "environment": {"processor": "Some | processor", "cores": 2},
    "seconds": {"train": 90.0, "predict": 1234.0, "measure": 2.9, "report": 600.0},
}


def test_stages_are_in_their_order_and_added_up() -> None:
    row = markdown(times_table({"results/mine": RECORD})).splitlines()[4]
    assert row == (
        "| results/mine | Some \\| processor, 2 cores | 1.5 | 21 | — | — | — | 10 | 32 |"
    )


@pytest.mark.parametrize(("seconds", "shown"), [(0, "—"), (2.9, "—"), (3.1, "0.1"), (599, "10.0")])
def test_minutes(seconds: float, shown: str) -> None:
    assert minutes(seconds) == shown


def test_each_named_run_has_a_row(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps(RECORD), encoding="utf-8")
    text = "<!-- generated: times from c,a -->\n<!-- end -->\n"
    made = filled({Path("page.md"): text}, tmp_path)[Path("page.md")]
    assert [line[2] for line in made.splitlines() if "processor" in line] == ["c", "a"]
