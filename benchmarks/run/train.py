"""The stage `train`: fill the network store, and write the log of each network's training."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import chain, count
from pathlib import Path

import pandas as pd

from benchmarks.predictions import PoolNetwork
from benchmarks.progress import announce
from benchmarks.run.plan import Plan
from benchmarks.run.predict import find_data, pending_groups
from benchmarks.run.record import RunRecord
from benchmarks.run.workspace import Failure, Workspace
from benchmarks.schema import TrainingRow, read_table, table_of, write_table
from benchmarks.vocabulary import TRAIN, TRAINING_CSV
from methods.determinism import one_torch_thread
from methods.networks.recipes import LabelledImages
from methods.networks.training import (
    ALL_TRAINING,
    TrainedNetwork,
    TrainingDivergedError,
    complete_splits,
)

Outcomes = dict[PoolNetwork, TrainedNetwork | TrainingDivergedError]


def train(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Train the networks that are needed and not stored yet, and write `training.csv`.

    Needed are networks whose log is not complete, and those of predictions that are not there yet.
    """
    earlier = table_of(TrainingRow, ())
    if (workspace.out / TRAINING_CSV).exists():
        earlier = read_table(workspace.out, TRAINING_CSV)
    complete = logged(earlier, plan)
    needed = set(plan.networks()) - complete
    if complete:
        record.note_data(find_data(plan, workspace))
        pending = pending_groups(plan, workspace, record.unavailable)
        needed |= plan.networks_needed(chain.from_iterable(pending))
    wanted = [network for network in plan.networks() if network in needed]
    outcomes = _train_networks(plan, workspace, wanted)
    trained = {n: each for n, each in outcomes.items() if isinstance(each, TrainedNetwork)}
    record.note_machines("networks", (network.machine for network in trained.values()))
    kept = earlier.loc[[network in complete for network in _networks_in(earlier)]]
    new = log_of({n: each for n, each in trained.items() if n not in complete})
    log = pd.concat([kept, new], ignore_index=True)
    if len(log):
        _write_log(log, plan, workspace.out)
    return [
        Failure(f"network {network.number} of {network.training}", str(outcomes[network]))
        for network in wanted
        if network not in trained
    ]


def _train_networks(plan: Plan, workspace: Workspace, wanted: Sequence[PoolNetwork]) -> Outcomes:
    """The networks; those that are not in the store yet are trained."""
    outcomes: Outcomes = {}
    batches: list[tuple[str, list[int]]] = []
    for training in dict.fromkeys(training for training, _ in wanted):
        numbers = [number for name, number in wanted if name == training]
        # Images are loaded, and perhaps downloaded, once: before workers do so.
        images = _training_and_test(plan, workspace, training)
        pool = plan.pool(training, workspace.store)
        stored = pool.trained(numbers, *images)
        outcomes |= {PoolNetwork(training, number): each for number, each in stored.items()}
        missing = [number for number in numbers if number not in stored]
        batches += [(training, batch) for batch in pool.engine.batches(missing)]
    if not batches:
        announce(TRAIN, "nothing to do: no network is missing")
    done = workspace.in_parallel(
        partial(_train, plan), batches, stage=TRAIN, what="networks", threads=plan.in_threads
    )
    return outcomes | {name: outcome for batch in done for name, outcome in batch.items()}


@one_torch_thread()
def _train(plan: Plan, workspace: Workspace, batch: tuple[str, list[int]]) -> Outcomes:
    training, numbers = batch
    pool = plan.pool(training, workspace.store)
    outcomes = pool.train(numbers, *_training_and_test(plan, workspace, training))
    return dict(zip((PoolNetwork(training, n) for n in numbers), outcomes, strict=True))


def _training_and_test(
    plan: Plan, workspace: Workspace, training: str
) -> tuple[LabelledImages, LabelledImages]:
    return workspace.training_images(plan, training), workspace.images(plan.task, "test")


def log_of(trained: Mapping[PoolNetwork, TrainedNetwork]) -> pd.DataFrame:
    """The log of networks that were trained now."""
    return table_of(
        TrainingRow,
        (
            TrainingRow(training, number, **asdict(row))
            for (training, number), network in trained.items()
            for row in network.log
        ),
    )


def logged(log: pd.DataFrame, plan: Plan) -> set[PoolNetwork]:
    """The networks of a plan whose log is complete: its splits of each epoch.

    Of the last epoch alone `ALL_TRAINING` is one.
    """
    rows = Counter(_networks_in(log))
    complete = set()
    for network in plan.networks():
        recipe = plan.trainings[network.training]
        splits, epochs = complete_splits(recipe), math.ceil(recipe.epochs)
        expected = epochs * len(splits - {ALL_TRAINING}) + len(splits & {ALL_TRAINING})
        if rows[network] == expected:
            complete.add(network)
    return complete


def _write_log(log: pd.DataFrame, plan: Plan, out: Path) -> None:
    """Write a log in the order of the plan's networks; others are left out."""
    order = dict[PoolNetwork, int](zip(plan.networks(), count(), strict=False))
    positions = [order.get(network, math.nan) for network in _networks_in(log)]
    chosen = pd.Series(positions, index=log.index).dropna().sort_values(kind="stable")
    write_table(log.loc[chosen.index], out, TRAINING_CSV)


def _networks_in(log: pd.DataFrame) -> list[PoolNetwork]:
    """The network that each row is of."""
    return list(map(PoolNetwork, log["training"], log["network"]))
