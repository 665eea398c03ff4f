"""The training log, and which networks it is complete of."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from benchmarks.run.configuration import Configuration
from benchmarks.run.plan import Plan
from benchmarks.run.stages.training_log import log_of, logged, read_log, write_log
from benchmarks.schema import write_table
from methods.networks.log import ALL_TRAINING, TRAINING, VALIDATION, EpochLog
from methods.networks.recipes import STANDARD
from methods.networks.training import TrainedNetwork, initial_network

PLAN = Plan(
    Configuration(
        preset="quick",
        task="mnist",
        recipes=("standard", "article"),
        methods=("softmax",),
        conditions=(),
        members=(1,),
        passes=(1,),
        replicates=2,
        epochs=2,
    )
)


def trained(*splits: str) -> TrainedNetwork:
    """With a row for each split; those of the training images have an accuracy with dropout on."""
    network = initial_network(STANDARD, 0)
    rows = [
        EpochLog(1 + i // 2, split, 10, 1 / (i + 3), 0.1, 1e-17, 0.5, 0.3 if i % 2 else None)
        for i, split in enumerate(splits)
    ]
    return TrainedNetwork(network, tuple(rows), 1.0)


TWICE = (TRAINING, VALIDATION) * 2


def test_log_of_networks_is_written_in_the_bytes_of_a_table(tmp_path: Path) -> None:
    networks = {("article", 1): trained(*TWICE), ("standard", 0): trained(*TWICE)}
    write_log(log_of(networks), PLAN, tmp_path / "log.csv")
    rows = [
        {"recipe": recipe, "network": number} | asdict(row)
        for recipe, number in (("standard", 0), ("article", 1))
        for row in networks[recipe, number].log
    ]
    write_table(pd.DataFrame(rows), tmp_path, "expected.csv")
    expected = (tmp_path / "expected.csv").read_bytes()
    assert (tmp_path / "log.csv").read_bytes() == expected
    write_log(read_log(tmp_path / "log.csv"), PLAN, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == expected


def test_log_is_complete_with_every_split_of_every_epoch() -> None:
    networks = {
        ("standard", 0): trained(*TWICE),
        ("standard", 1): trained(TRAINING, VALIDATION),
        ("article", 0): trained(*TWICE, ALL_TRAINING),
        ("article", 1): trained(*TWICE),
    }
    assert logged(log_of(networks), PLAN) == {("standard", 0), ("article", 0)}
    assert logged(log_of({}), PLAN) == set()
