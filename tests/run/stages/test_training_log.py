"""The training log, and which networks it is complete of."""

from __future__ import annotations

from benchmarks.run.configuration import Configuration
from benchmarks.run.plan import Plan
from benchmarks.run.train import log_of, logged
from methods.networks.recipes import STANDARD
from methods.networks.training import (
    ALL_TRAINING,
    TRAINING,
    VALIDATION,
    EpochLog,
    TrainedNetwork,
    initial_network,
)

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


def test_log_is_complete_with_every_split_of_every_epoch() -> None:
    networks = {
        ("standard", 0): trained(*TWICE),
        ("standard", 1): trained(TRAINING, VALIDATION),
        ("article", 0): trained(*TWICE, ALL_TRAINING),
        ("article", 1): trained(*TWICE),
    }
    assert logged(log_of(networks), PLAN) == {("standard", 0), ("article", 0)}
    assert logged(log_of({}), PLAN) == set()
