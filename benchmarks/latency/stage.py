"""The stage `latency`: methods and scores, timed: `latency.csv`.

It needs neither data nor trained networks, since latency does not depend on the weights: networks
are those of the run's recipe before their first step, images are random. So it runs on a machine
that has little more than PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import pandas as pd

from benchmarks.io import UserError
from benchmarks.latency.bench import Bench, Rows
from benchmarks.latency.places import VERSIONS, LatencyTask, TimedOn, latency_tasks, timed_on
from benchmarks.latency.stopwatch import ROUNDS, Limits
from benchmarks.progress import announce, tracked
from benchmarks.run.configuration import PRESETS
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Failure, Workspace, compile_once
from benchmarks.schema import Latency, read_table, table_of, where, write_table
from benchmarks.vocabulary import LATENCY, LATENCY_CSV
from methods.determinism import derive_seed, torch_threads

PLACE = ["device", "device_name", "threads", "engine"]

IDENTITY = ("method", "members", "score", "batch_size", *PLACE, "mode", *VERSIONS)
"""The columns that distinguish what is timed, where, and by which versions."""


def time_methods(
    plan: Plan,
    workspace: Workspace,
    trained_on: str | None = None,
    limits: Limits | None = None,
) -> list[Failure]:
    """Time what is not there yet; what failed, and why.

    All that is timed in one place on one batch size takes turns, and is timed anew if some of it is
    missing or has failed. Other rows of this machine and these versions are kept, so that a run
    goes on where it was stopped, and so are all rows of other machines; delete the file to time
    everything anew.

    Args:
        trained_on: the fingerprint of the training images, by which stored networks are found.
        limits: by default those of the run's preset.
    """
    places = timed_on(plan)
    if any(place.engine == "numba" for place in places):
        compile_once()
    tasks = list(latency_tasks(plan, workspace, trained_on, places))
    table, rows = _read(workspace), timed_earlier(workspace, tasks)
    here = pd.MultiIndex.from_tuples(tuple(vars(place).values()) for place in places)
    elsewhere = table[~pd.MultiIndex.from_frame(table[PLACE]).isin(here)]

    def write() -> None:
        timed = table_of(Latency, [rows[task] for task in tasks if task in rows])
        write_table(pd.concat([elsewhere, timed]), workspace.out, LATENCY_CSV)

    write()
    groups = _taking_turns([task for task in tasks if task not in rows])
    if not groups:
        announce(LATENCY, f"nothing to do: {LATENCY_CSV} has all timings of this machine")
    limits = limits or PRESETS[plan.configuration.preset].limits
    failures = []
    rounds = _timed(plan, groups, limits)
    for timed in tracked(rounds, len(groups), LATENCY, "places and batch sizes"):
        rows |= timed
        write()
        for row in timed.values():
            if row.status == "failed":
                noun = f"{row.score or row.method} on {row.device}, batch size {row.batch_size}"
                failures.append(Failure(noun, row.reason))
    return failures


def timed_earlier(workspace: Workspace, tasks: Sequence[LatencyTask]) -> Rows:
    """The rows of those tasks that need not be timed again, with the training time known now."""
    table, rows = _read(workspace), Rows()
    table = table[table["status"] != "failed"]
    for group in _taking_turns(tasks) if len(table) else ():
        earlier = Rows()
        for task in group:
            row = {name: value for name, value in vars(task.row).items() if value is not None}
            known = {name: row[name] for name in IDENTITY if name != "members" or row[name]}
            for record in where(table, **known).to_dict("records"):
                trained = {"training_s": row.get("training_s", record["training_s"])}
                earlier[task] = Latency(**{str(k): v for k, v in record.items()} | trained)
        if len(earlier) == len(group):
            rows |= earlier
    return rows


def _taking_turns(tasks: Sequence[LatencyTask]) -> list[list[LatencyTask]]:
    """The tasks of each place and batch size."""
    groups: dict[tuple[TimedOn, int], list[LatencyTask]] = {}
    for task in tasks:
        groups.setdefault((task.place, task.row.batch_size), []).append(task)
    return [*groups.values()]


def _read(workspace: Workspace) -> pd.DataFrame:
    """The table as it is; empty where it is missing, damaged or of an earlier version."""
    try:
        return read_table(workspace.out, LATENCY_CSV)
    except UserError:
        return table_of(Latency, ())


def _timed(plan: Plan, groups: list[list[LatencyTask]], limits: Limits) -> Iterator[Rows]:
    """The rows of each group of tasks that take turns."""
    for place, here in groupby(groups, lambda tasks: tasks[0].place):
        with torch_threads(place.threads):
            bench = Bench(plan, place, limits)
            for tasks in here:
                bench.prepare(tasks)
                seed = derive_seed("turns", plan.configuration.seed, tasks[0].row.batch_size)
                random = np.random.default_rng(seed)
                for number in range(limits.rounds):
                    if number in ROUNDS and bench.is_done():
                        break
                    bench.time_round(number, random)
                yield bench.rows()
