"""The table of what runs take."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.report.readme import filled

RECORD = {
    "environment": {"processor": "Some | processor", "cores": 2},
    "seconds": {"train": 90.0, "predict": 1234.0, "measure": 2.9, "report": 600.0},
}


def test_stages_of_each_named_run_are_in_their_order_and_added_up(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps(RECORD), encoding="utf-8")
    text = "<!-- generated: times from c,a -->\n<!-- end -->\n"
    made = filled({Path("page.md"): text}, tmp_path)[Path("page.md")]
    cells = "Some \\| processor, 2 cores | 1.5 | 21 | — | — | — | 10 | 32 |"
    rows = [line for line in made.splitlines() if "processor" in line]
    assert rows == [f"| {name} | {cells}" for name in ("c", "a")]
