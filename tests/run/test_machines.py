"""What computed networks and predictions: kept in their files, and named where a run mixes them."""

from __future__ import annotations

import getpass
import json
import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.environment import processor, suite_version
from benchmarks.predictions import PredictionStore, RunUnit, StoredPrediction
from benchmarks.report.page import facts
from benchmarks.run.record import RunRecord
from methods import Prediction
from methods.determinism import machine
from methods.networks.pool import NetworkKey, NetworkStore
from methods.networks.recipes import STANDARD
from methods.networks.training import TrainedNetwork, initial_network
from tests.runs import QUICK, run_of

KEY = NetworkKey(STANDARD, 0, 0, "images", "engine")

UNIT = RunUnit("standard", "softmax", None, 0)


def test_machine_is_its_processor_and_versions_without_names() -> None:
    parts = machine().split(", ")
    assert parts[0] == processor()
    assert {f"Python {platform.python_version()}", f"torch {torch.__version__}"} < set(parts)
    assert {f"numpy {np.__version__}", f"uncertainty-bench {suite_version()}"} < set(parts)
    assert platform.node() not in parts
    assert getpass.getuser() not in parts


def test_files_keep_what_computed_them(tmp_path: Path) -> None:
    networks = NetworkStore(tmp_path)
    for name in (None, "another"):
        trained = TrainedNetwork(initial_network(STANDARD, 0), (), 1.0)
        networks.save(KEY, trained if name is None else replace(trained, machine=name))
        loaded = networks.load(KEY)
        assert loaded is not None
        assert loaded.machine == (name or machine())
    predictions = PredictionStore(tmp_path / "predictions")
    stored = StoredPrediction(Prediction.of_logits(torch.zeros(1, 2, 10)), None)
    assert stored.machine == machine()
    predictions.save(UNIT, "clean", replace(stored, machine="another"))
    assert predictions.load(UNIT, "clean").machine == "another"


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
