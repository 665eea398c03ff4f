"""`training.csv`: the log of each network's training."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from benchmarks.run.plan import Plan
from benchmarks.schema import TrainingRow, read_table, table_of, write_table
from benchmarks.vocabulary import TRAINING_CSV
from methods.networks.log import ALL_TRAINING, complete_splits
from methods.networks.recipes import Recipe
from methods.networks.training import TrainedNetwork

Network = tuple[str, int]
"""A recipe, and the number of one of its networks."""


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
