"""What computed networks and predictions: kept in their files, and named where a run mixes them."""

from __future__ import annotations

import getpass
import json
import platform
from pathlib import Path

import numpy as np
import torch

from benchmarks.report.page import facts
from benchmarks.run.record import RunRecord
from methods.determinism import machine, processor
from methods.version import suite_version
from tests.runs import QUICK, run_of


def test_machine_is_its_processor_and_versions_without_names() -> None:
    parts = machine().split(", ")
    assert parts[0] == processor()
    assert {f"Python {platform.python_version()}", f"torch {torch.__version__}"} < set(parts)
    assert {f"numpy {np.__version__}", f"uncertainty-bench {suite_version()}"} < set(parts)
    assert platform.node() not in parts
    assert getpass.getuser() not in parts


def test_run_that_mixes_machines_says_so(tmp_path: Path) -> None:
    run = run_of(QUICK, tmp_path)
    record = RunRecord.begin(*run)
    record.note_machines("networks", ["A", ""])
    record.note_machines("predictions", ["B"], anew=True)
    record.note_machines("predictions", ["A", "A"], anew=True)
    assert "Mixed machines" not in facts(run.workspace.out)
    record.note_machines("networks", ["B"])
    saved = json.loads((run.workspace.out / "run.json").read_text())
    assert saved["machines"] == {"networks": ["A", "B"], "predictions": ["A"]}
    said = facts(run.workspace.out)["Mixed machines"]
    assert said.startswith("networks by A / B; predictions by A. Numbers may differ")
