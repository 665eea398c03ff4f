"""The table of the probes, against `run.json`."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.report.tables.integrity import integrity_table
from benchmarks.report.tables.text.formats import markdown
from benchmarks.report.tables.text.latex import latex


def record(folder: Path, **probed: bool) -> Path:
    checks = {
        name: [
            {
                "probe": f"{name} probe",
                "claim": "all is well",
                "subject": "standard",
                "found": {"pairs": 1225, "share": 0.51234567, "off": 7.7e-16},
                "passed": passed,
            }
        ]
        for name, passed in probed.items()
    }
    (folder / "run.json").write_text(json.dumps({"integrity": checks}))
    return folder


def test_every_result_has_a_line(tmp_path: Path) -> None:
    table = integrity_table(record(tmp_path, networks=True, predictions=True))
    assert table is not None
    text = markdown(table)
    assert text.count("| standard |") == 6
    assert "| **Networks probe: all is well** |" in text
    assert "| standard | pairs | 1,225 |\n| standard | share | 0.5123 |" in text
    assert "| standard | off | 7.7e-16 |" in text
    assert "not probed" not in text
    assert latex(table).count("standard & ") == 6


def test_what_failed_or_was_not_probed_is_not_passed_over(tmp_path: Path) -> None:
    table = integrity_table(record(tmp_path, predictions=False))
    assert table is not None
    assert "| **FAILED: Predictions probe: all is well** |" in markdown(table)
    assert "The networks were not probed." in markdown(table)


def test_run_without_probes_has_no_table(tmp_path: Path) -> None:
    assert integrity_table(tmp_path) is None
    assert integrity_table(record(tmp_path)) is None
