"""`training.csv`: the log of each network's training, read and written as text.

So a network's rows keep their bytes, whichever run wrote them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, fields
from io import StringIO
from pathlib import Path

import pandas as pd

from benchmarks.errors import UserError
from benchmarks.records import write_table
from benchmarks.run.plan import Plan
from benchmarks.vocabulary import TRAINING_CSV
from methods.networks.log import ALL_TRAINING, EpochLog, complete_splits
from methods.networks.recipes import Recipe
from methods.networks.training import TrainedNetwork

Network = tuple[str, int]
"""A recipe, and the number of one of its networks."""

COLUMNS = ["recipe", "network", *(field.name for field in fields(EpochLog))]

NUMBERS = {
    **dict.fromkeys(("network", "epoch", "images"), "int64"),
    **dict.fromkeys(("loss", "accuracy", "precision", "recall"), "float64"),
}
"""The columns that are a number in every row."""


def read_log(path: Path) -> pd.DataFrame:
    """The log in a file, every value as text; empty where there is no file.

    Raises:
        UserError: the file is damaged.
    """
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS, dtype=str)
    try:
        log = _as_text(path)
        if list(log) != COLUMNS:
            raise ValueError(f"its columns are {', '.join(map(str, log))}")
        log.astype(NUMBERS)
    except ValueError as error:
        why = " ".join(str(error).split())
        raise UserError(f"{path} is damaged ({why}); remove it, and run again") from error
    return log


def log_of(trained: Mapping[Network, TrainedNetwork]) -> pd.DataFrame:
    """The log of networks that were trained now, in the form that `read_log` gives it."""
    rows = [
        {"recipe": recipe, "network": number} | asdict(row)
        for (recipe, number), network in trained.items()
        for row in network.log
    ]
    return _as_text(StringIO(pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False)))


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
    write_table(log.loc[chosen.index], path)


def _rows_of(recipe: Recipe) -> int:
    """How many rows the log of one of its networks has: `ALL_TRAINING` is of the last epoch."""
    splits = complete_splits(recipe)
    return recipe.epochs * len(splits - {ALL_TRAINING}) + len(splits & {ALL_TRAINING})


def networks_in(log: pd.DataFrame) -> list[Network]:
    """The network that each row is of."""
    return list(zip(log["recipe"], log["network"].astype(int), strict=True))


def _as_text(file: Path | StringIO) -> pd.DataFrame:
    return pd.read_csv(file, dtype=str, keep_default_na=False)
