"""The stage `latency`: methods and scores, timed: `latency.csv` and `score-latency.csv`.

It needs neither data nor trained networks, since latency does not depend on the weights: networks
are those of the run's recipe before their first step, images are random. So it runs on a machine
that has little more than PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import fields
from itertools import chain, groupby
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.io import UserError
from benchmarks.latency.bench import Bench, BenchApart, Rows
from benchmarks.latency.places import (
    VERSIONS,
    LatencyRow,
    LatencyTask,
    TimedOn,
    absent_rows,
    latency_tasks,
    timed_on,
    untimed_row,
)
from benchmarks.latency.stopwatch import ROUNDS, Limits
from benchmarks.progress import announce, tracked
from benchmarks.run.configuration import PRESETS
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Failure, Workspace, compile_once
from benchmarks.schema import (
    TABLES,
    Latency,
    ScoreLatency,
    read_table,
    table_of,
    where,
    write_table,
)
from benchmarks.vocabulary import LATENCY, LATENCY_CSV, SCORE_LATENCY_CSV
from methods.determinism import derive_seed, torch_threads

FILES: dict[type[LatencyRow], str] = {Latency: LATENCY_CSV, ScoreLatency: SCORE_LATENCY_CSV}

IDENTITY = {
    *("method", "members", "score", "batch_size", "device", "device_name", "threads", "engine"),
    *("mode", *VERSIONS),
}
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
    goes on where it was stopped; delete the files to time everything anew.

    Args:
        trained_on: the fingerprint of the training images, by which stored networks are found.
        limits: by default those of the run's preset.
    """
    places = timed_on(plan)
    if any(place.engine == "numba" for place in places):
        compile_once()
    rows = timed_earlier(plan, workspace, list(latency_tasks(plan, workspace, trained_on, places)))
    missing = [task for task, timed in rows.items() if not timed]
    if not missing:
        announce(LATENCY, f"nothing to do: {LATENCY_CSV} has all timings of this machine")
    absent = list(absent_rows(plan, places))

    def write() -> None:
        every = [*chain(*rows.values()), *absent]
        for kind, name in FILES.items():
            table = table_of(kind, [row for row in every if isinstance(row, kind)])
            write_table(table, workspace.out, name)

    write()
    groups: dict[tuple[TimedOn, int], list[LatencyTask]] = {}
    for task in missing:
        groups.setdefault((task.place, task.batch_size), []).append(task)
    limits = limits or PRESETS[plan.configuration.preset].limits
    rounds = _rounds(plan, [*groups.values()], limits)
    failures = []
    for timed in tracked(rounds, len(groups) * ROUNDS, LATENCY, "rounds of timings"):
        if not timed:
            continue
        rows |= timed
        write()
        failures += [
            Failure(
                f"{task.score or task.method} on {row.device}, batch size {row.batch_size}",
                row.reason,
            )
            for task, own in timed.items()
            for row in own
            if row.status == "failed"
        ]
    return failures


def timed_earlier(plan: Plan, workspace: Workspace, tasks: Sequence[LatencyTask]) -> Rows:
    """The rows of these tasks that need not be timed again, with the training time known now."""
    earlier = {kind: _read_rows(workspace.out, name) for kind, name in FILES.items()}
    rows: Rows = {}
    for task in tasks:
        row = untimed_row(plan, task)
        columns = IDENTITY & {column.name for column in fields(row)}
        wanted = {name: value for name in columns if (value := getattr(row, name)) != ""}
        trained = {} if task.training_s is None else {"training_s": task.training_s}
        rows[task] = [
            type(row)(**{str(name): value for name, value in record.items()} | trained)
            for record in where(earlier[type(row)], **wanted).to_dict("records")
        ]
    incomplete = {(task.place, task.batch_size) for task, timed in rows.items() if not timed}
    return {
        task: [] if (task.place, task.batch_size) in incomplete else timed
        for task, timed in rows.items()
    }


def _read_rows(folder: Path, name: str) -> pd.DataFrame:
    """The rows that were measured in a folder and have not failed.

    None where there is no such file, or where it is damaged or of an earlier version, since timing
    anew takes seconds.
    """
    try:
        table = read_table(folder, name)
    except UserError:
        return table_of(TABLES[name], ())
    return table[table["status"] != "failed"]


def _rounds(plan: Plan, groups: list[list[LatencyTask]], limits: Limits) -> Iterator[Rows]:
    """The rows of each group after its last round, and nothing after each round before."""

    def own_process(task: LatencyTask) -> tuple[str, int | None] | None:
        """The method and size, if these are timed in a process of their own."""
        is_custom = not task.score and plan.is_custom(task.method)
        return (task.method, task.size) if is_custom else None

    for place, alike in groupby(groups, lambda tasks: tasks[0].place):
        here = list(alike)
        with torch_threads(place.threads), ExitStack() as stack:
            benches: dict[object, Bench | BenchApart] = {None: Bench(plan, place, limits)}
            for apart in dict.fromkeys(filter(None, map(own_process, chain(*here)))):
                benches[apart] = stack.enter_context(closing(BenchApart(plan, place, limits)))
            for tasks in here:
                for key, bench in benches.items():
                    bench.prepare([task for task in tasks if own_process(task) == key])
                turns = [turn for bench in benches.values() for turn in bench.turns]
                seed = derive_seed("turns", plan.configuration.seed, tasks[0].batch_size)
                order = np.random.default_rng(seed)
                for number in range(ROUNDS):
                    if number:
                        yield {}
                    for position in order.permutation(len(turns)):
                        turns[position](number)
                yield dict(chain.from_iterable(bench.rows().items() for bench in benches.values()))
