"""The stage `latency` with custom methods: self-trained ones, and ones on networks of the pool."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.latency.setups import Setup, setups
from benchmarks.latency.stage import mode, time_methods
from benchmarks.run.configuration import Configuration
from benchmarks.run.plan import Plan
from methods import METHODS
from tests.latency.support import SMALL, run_in, table_of
from tests.latency.support import timed as rows_timed

CUSTOM = '''
import time

import numpy as np
import torch

from methods import Prediction, UncertaintyMethod


class Mine(UncertaintyMethod):
    """Sleeps for 30 ms and touches 200 MB."""

    name = "mine"

    def fit(self, images, labels):
        assert len(images) == len(labels)
        return self

    def predict(self, images):
        time.sleep(0.03)
        np.ones(200_000_000, dtype=np.uint8)
        return Prediction.of(torch.full((7, len(images), 10), 0.1))
'''


def custom(folder: Path, *changes: tuple[str, str]) -> Configuration:
    text = CUSTOM
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "mine.py").write_text(text)
    return replace(
        SMALL, methods=(), custom_methods=(f"{folder / 'mine.py'}:Mine",), batch_sizes=(1, 4)
    )


def test_known_sleep_and_allocation_are_measured_through_the_stage(tmp_path: Path) -> None:
    table = rows_timed(tmp_path, custom(tmp_path))
    rows = table[(table["status"] == "ok") & (table["device"] == "cpu")]
    assert set(rows["method"]) == {"mine"}
    assert set(rows["members"]) == {"7"}
    assert set(rows["engine"]) == {"self-trained"}
    assert (rows["p50_ms"] >= 30).all()
    if rows["peak_memory_mb"].notna().all():
        assert rows["peak_memory_mb"].between(198, 206).all()
    assert rows["reason"].str.contains("fitted on 1,000 random images").all()
    assert rows["parameters"].isna().all()


@pytest.mark.parametrize(
    ("method", "on_cpu", "on_gpu"),
    [
        ("softmax", "single", "single"),
        ("mc_dropout", "batched", "batched"),
        ("temperature_scaled_mc_dropout", "batched", "batched"),
        ("deep_ensemble", "loop", "batched"),
        ("swag", "loop", "batched"),
        ("snapshot_ensemble", "loop", "batched"),
        ("test_time_augmentation", "loop", "loop"),
        ("laplace_last_layer", "single", "single"),
    ],
)
def test_mode_is_how_pytorch_evaluates_the_members(method: str, on_cpu: str, on_gpu: str) -> None:
    setups = (Setup("cpu", "A processor", 1, "torch"), Setup("cuda:0", "A Card", 1, "torch"))
    assert tuple(mode(METHODS[method], setup) for setup in setups) == (on_cpu, on_gpu)


@pytest.mark.parametrize(
    ("code", "reason", "timed"),
    [
        (
            "assert len(images) < 4, '/home/secret/x.npy'",
            "AssertionError",
            ["ok", "failed"],
        ),
        ("__import__('os')._exit(0)", "ProcessEndedError: the method ended", ["failed"] * 2),
    ],
)
def test_method_that_fails_is_reported_and_the_others_go_on(
    code: str, reason: str, timed: list[str], tmp_path: Path
) -> None:
    broken = custom(tmp_path, ("        time.sleep(0.03)\n", f"        {code}\n"))
    run = run_in(tmp_path, broken)
    failures = time_methods(*run)
    on_cpu = len({setup.threads for setup in setups(Plan(SMALL)) if setup.device == "cpu"})
    assert len(failures) == on_cpu * timed.count("failed")
    assert failures[-1][0] == "mine on cpu, batch size 4"
    assert failures[-1][1].startswith(reason)
    assert "secret" not in failures[-1][1]
    table = table_of(run)
    assert list(table[table["device"] == "cpu"]["status"])[:2] == timed
