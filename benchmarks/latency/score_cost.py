"""What each score of logits or features costs: `score-latency.csv`.

A score is computed for a single network of the task's first recipe, from images: the forward pass
is part of its time. Like methods, scores are fitted on as many random images as the task has for
training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from time import perf_counter

import pandas as pd
from torch import Tensor

from benchmarks.latency.cost import held_bytes
from benchmarks.latency.setups import (
    VERSIONS,
    Setup,
    random_images,
    random_training_images,
    read_rows,
    setups,
)
from benchmarks.latency.stopwatch import Limits, stopwatch
from benchmarks.progress import tracked
from benchmarks.run.configuration import stored_scores
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace, reason_of
from benchmarks.schema import ScoreLatency, table_of, write_table
from benchmarks.vocabulary import LATENCY, SCORE_LATENCY_CSV
from methods.determinism import torch_threads
from methods.engines import choose_engine
from methods.networks.pool import UntrainedPool
from methods.networks.recipes import LabelledImages
from methods.scores import FitError, Score
from methods.scores.score import fit_to_networks
from methods.softmax import Softmax

IDENTITY = (
    *("score", "batch_size", "device", "device_name", "threads", "engine"),
    *("torch_version", "numba_version"),
)
"""The columns that distinguish what is timed, where, and by which versions."""


def time_scores(plan: Plan, workspace: Workspace, limits: Limits) -> None:
    """Time every score of the run that is not among those of probabilities, on one thread.

    The rows of this machine and these versions are kept, if none is missing.
    """
    scores = stored_scores(plan.configuration)
    setup = next((one for one in setups(plan) if one.engine == plan.configuration.engine), None)
    if not scores or setup is None:
        return
    versions = {name: VERSIONS[name] for name in ("torch_version", "numba_version")}
    wanted = [
        ScoreLatency(
            *(name, size, setup.device, setup.device_name, setup.threads, setup.engine), **versions
        )
        for name in scores
        for size in plan.configuration.batch_sizes
    ]
    earlier = read_rows(workspace.out, SCORE_LATENCY_CSV)
    if _identities(earlier) == _identities(table_of(ScoreLatency, wanted)):
        return
    rows: list[ScoreLatency] = []
    timed = _timed(plan, scores, setup, wanted, limits)
    for some in tracked(timed, len(scores), LATENCY, "scores"):
        rows += some
    write_table(table_of(ScoreLatency, rows), workspace.out, SCORE_LATENCY_CSV)


def _timed(
    plan: Plan,
    scores: dict[str, Score],
    setup: Setup,
    wanted: list[ScoreLatency],
    limits: Limits,
) -> Iterator[list[ScoreLatency]]:
    engine = choose_engine(setup.engine, setup.device)
    pool = UntrainedPool(recipe=plan.task.recipes[0], seed=plan.configuration.seed, engine=engine)
    training = random_training_images(plan)
    method = Softmax(pool=pool).fit(training.images, training.labels)
    for name, score in scores.items():
        rows = [row for row in wanted if row.score == name]
        with torch_threads(setup.threads):
            begun = perf_counter()
            try:
                of_images = _function(score, method, training)
            except FitError as error:
                yield [replace(row, status="failed", reason=reason_of(error)) for row in rows]
                continue
            if score.fit is not None:
                seconds, held = round(perf_counter() - begun, 3), held_bytes(of_images)
                rows = [replace(row, fit_s=seconds, state_bytes=held) for row in rows]
            yield [_time(plan, row, of_images, limits) for row in rows]


def _function(
    score: Score, method: Softmax, training: LabelledImages
) -> Callable[[Tensor], Tensor]:
    """From images to the score."""
    of = score.of
    if of is None:
        return fit_to_networks(score, method, training.images, training.labels)
    if "logits" in score.needs:
        return lambda images: of(method.member_logits(images))
    return lambda images: of(method.member_logits(images).softmax(dim=-1))


def _time(
    plan: Plan, row: ScoreLatency, of_images: Callable[[Tensor], Tensor], limits: Limits
) -> ScoreLatency:
    images = random_images(plan, row.batch_size).to(row.device)
    timed = stopwatch(partial(of_images, images), limits, device=row.device)[0]
    lower, upper = (round(bound, 6) for bound in timed.interval)
    return replace(
        row,
        p50_ms=round(timed.median, 6),
        p50_lower_ms=lower,
        p50_upper_ms=upper,
        calls=len(timed.calls),
        stopped_because=timed.stopped_because,
    )


def _identities(table: pd.DataFrame) -> set[tuple[object, ...]]:
    return set(table[list(IDENTITY)].itertuples(index=False, name=None))
