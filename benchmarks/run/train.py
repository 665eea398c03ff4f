"""The stage `train`: fill the network store, and write the log of each network's training."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.run.plan import Plan
from benchmarks.run.predict import find_data, pending_groups
from benchmarks.run.record import RunRecord
from benchmarks.run.workspace import Failure, Workspace
from benchmarks.schema import TrainingRow, read_table, table_of, write_table
from benchmarks.vocabulary import TRAIN, TRAINING_CSV
from methods.determinism import one_torch_thread
from methods.networks.recipes import LabelledImages, Recipe
from methods.networks.training import (
    ALL_TRAINING,
    TrainedNetwork,
    TrainingDivergedError,
    complete_splits,
)

Network = tuple[str, int]
"""A recipe, and the number of one of its networks."""

Networks = tuple[str, list[int]]
"""A recipe and the numbers of some of its networks."""

Outcomes = dict[Network, TrainedNetwork | TrainingDivergedError]


def train(plan: Plan, workspace: Workspace, record: RunRecord) -> list[Failure]:
    """Train the networks that are needed and not stored yet, and write `training.csv`.

    The log of a shard is `training-<i>-of-<n>.csv`, until a whole run in its folder adds it. Needed
    are networks whose log is not complete, and those of predictions that are not there yet.
    """
    whole = replace(plan, shard=None)
    path = workspace.out / TRAINING_CSV
    if plan.shard is not None:
        path = path.with_stem(f"{path.stem}-{plan.shard.name}")
    else:
        join_logs(plan, workspace.out)
    earlier = read_log(path)
    complete = logged(earlier, whole)
    needed = set(plan.networks()) - complete
    if complete:
        record.note_data(find_data(plan, workspace))
        needed |= plan.networks_of(pending_groups(plan, workspace, record.unavailable))
    wanted = [network for network in plan.networks() if network in needed]
    outcomes = train_networks(plan, workspace, wanted)
    networks = [one for one in outcomes.values() if isinstance(one, TrainedNetwork)]
    record.note_machines("networks", (one.machine for one in networks))
    new = {
        network: outcome
        for network, outcome in outcomes.items()
        if isinstance(outcome, TrainedNetwork) and network not in complete
    }
    kept = [network in complete for network in networks_in(earlier)]
    log = pd.concat([earlier[kept], log_of(new)], ignore_index=True)
    if len(log):
        write_log(log, whole, path)
    return [
        Failure(f"network {number} of {recipe}", str(outcomes[recipe, number]))
        for recipe, number in wanted
        if not isinstance(outcomes[recipe, number], TrainedNetwork)
    ]


def train_networks(plan: Plan, workspace: Workspace, wanted: Sequence[Network]) -> Outcomes:
    """The networks, pairs (recipe, number); those that are not in the store yet are trained."""
    # Images are loaded, and perhaps downloaded, once: before workers do so.
    outcomes = _trained_before(plan, workspace, wanted)
    untrained = [network for network in wanted if network not in outcomes]
    done = workspace.in_parallel(
        partial(_train, plan),
        [
            (recipe, batch)
            for recipe in dict.fromkeys(recipe for recipe, _ in untrained)
            for batch in plan.engine.batches([n for name, n in untrained if name == recipe])
        ],
        stage=TRAIN,
        what="networks",
        threads=plan.in_threads,
    )
    return outcomes | {network: outcome for some in done for network, outcome in some.items()}


def _trained_before(plan: Plan, workspace: Workspace, wanted: Sequence[Network]) -> Outcomes:
    """The networks that are in the store, with their logs."""
    found: Outcomes = {}
    for recipe in dict.fromkeys(recipe for recipe, _ in wanted):
        numbers = [number for name, number in wanted if name == recipe]
        training, test = _training_and_test(plan, workspace, recipe)
        trained = plan.pool(recipe, workspace.store).trained(numbers, training, test)
        found |= {(recipe, number): network for number, network in trained.items()}
    return found


@one_torch_thread()
def _train(plan: Plan, workspace: Workspace, networks: Networks) -> Outcomes:
    recipe, numbers = networks
    pool = plan.pool(recipe, workspace.store)
    outcomes = pool.train(numbers, *_training_and_test(plan, workspace, recipe))
    return dict(zip(((recipe, number) for number in numbers), outcomes, strict=True))


def _training_and_test(
    plan: Plan, workspace: Workspace, recipe: str
) -> tuple[LabelledImages, LabelledImages]:
    return workspace.training_images(plan, recipe), workspace.images(plan.task, "test")


def read_log(path: Path) -> pd.DataFrame:
    """The log in a file; empty where there is none.

    Raises:
        UserError: the file is damaged.
    """
    if not path.exists():
        return table_of(TrainingRow, ())
    return read_table(path.parent, path.name, TrainingRow)


def log_of(trained: Mapping[Network, TrainedNetwork]) -> pd.DataFrame:
    """The log of networks that were trained now."""
    return table_of(
        TrainingRow,
        (
            TrainingRow(recipe, number, **asdict(row))
            for (recipe, number), network in trained.items()
            for row in network.log
        ),
    )


def logged(log: pd.DataFrame, plan: Plan) -> set[Network]:
    """The networks of a plan whose log is complete."""
    rows = Counter(networks_in(log))
    return {
        network
        for network in plan.networks()
        if rows[network] == _rows_of(plan.configuration.recipe(network[0]))
    }


def join_logs(plan: Plan, out: Path) -> None:
    """Add the logs of shards whose folders were copied into this one.

    Raises:
        UserError: one is damaged.
    """
    of_shards = sorted(out.glob("training-*-of-*.csv"))
    if of_shards:
        log = pd.concat(map(read_log, (out / TRAINING_CSV, *of_shards)), ignore_index=True)
        # A network that two shards have trained counts once.
        log = log.drop_duplicates(["recipe", "network", "epoch", "split"], ignore_index=True)
        write_log(log, plan, out / TRAINING_CSV)


def write_log(log: pd.DataFrame, plan: Plan, path: Path) -> None:
    """Write a log in the order of the plan's networks; others are left out."""
    order = {network: position for position, network in enumerate(plan.networks())}
    positions = [order.get(network, math.nan) for network in networks_in(log)]
    chosen = pd.Series(positions, index=log.index).dropna().sort_values(kind="stable")
    write_table(log.loc[chosen.index], path.parent, path.name, TrainingRow)


def _rows_of(recipe: Recipe) -> int:
    """How many rows the log of one of its networks has: `ALL_TRAINING` is of the last epoch."""
    splits = complete_splits(recipe)
    return recipe.epochs * len(splits - {ALL_TRAINING}) + len(splits & {ALL_TRAINING})


def networks_in(log: pd.DataFrame) -> list[Network]:
    """The network that each row is of."""
    return list(zip(log["recipe"], log["network"], strict=True))
