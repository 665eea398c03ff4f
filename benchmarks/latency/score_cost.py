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

from torch import Tensor

from benchmarks.latency.cost import held_bytes
from benchmarks.latency.stage import (
    VERSIONS,
    TimedOn,
    median_columns,
    random_images,
    random_training_images,
    read_rows,
    timed_on,
)
from benchmarks.latency.stopwatch import Limits, stopwatch
from benchmarks.progress import tracked
from benchmarks.run.configuration import PRESETS, stored_scores
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace, reason_of
from benchmarks.schema import ScoreLatency, table_of, write_table
from benchmarks.vocabulary import LATENCY, SCORE_LATENCY_CSV
from methods.determinism import torch_threads
from methods.networks.recipes import LabelledImages
from methods.scores import FitError, Score
from methods.scores.score import fit_to_networks
from methods.softmax import Softmax

IDENTITY = [
    *("score", "batch_size", "device", "device_name", "threads", "engine"),
    *("torch_version", "numba_version"),
]
"""The columns that distinguish what is timed, where, and by which versions."""


def time_scores(plan: Plan, workspace: Workspace, limits: Limits | None = None) -> None:
    """Time every score of the run that is not among those of probabilities, on one thread.

    The rows of this machine and these versions are kept, if none is missing.

    Args:
        limits: by default those of the run's preset.
    """
    scores = stored_scores(plan.configuration)
    place = next((on for on in timed_on(plan) if on.engine == plan.configuration.engine), None)
    if not scores or place is None:
        return
    versions = {name: VERSIONS[name] for name in IDENTITY if name in VERSIONS}
    wanted = [
        ScoreLatency(
            *(name, size, place.device, place.device_name, place.threads, place.engine), **versions
        )
        for name in scores
        for size in plan.configuration.batch_sizes
    ]
    earlier = read_rows(workspace.out, SCORE_LATENCY_CSV)
    if earlier[IDENTITY].equals(table_of(ScoreLatency, wanted)[IDENTITY]):
        return
    timed = _timed(plan, place, wanted, limits or PRESETS[plan.configuration.preset].limits)
    rows = list(tracked(timed, len(wanted), LATENCY, "timings of scores"))
    write_table(table_of(ScoreLatency, rows), workspace.out, SCORE_LATENCY_CSV)


def _timed(
    plan: Plan, place: TimedOn, wanted: list[ScoreLatency], limits: Limits
) -> Iterator[ScoreLatency]:
    training = random_training_images(plan, plan.task.training_images)
    method = Softmax(pool=place.untrained_pool(plan)).fit(training.images, training.labels)
    for name, score in stored_scores(plan.configuration).items():
        rows = [row for row in wanted if row.score == name]
        with torch_threads(place.threads):
            begun = perf_counter()
            try:
                function = _function(score, method, training)
            except FitError as error:
                reason = reason_of(error)
                yield from (replace(row, status="failed", reason=reason) for row in rows)
                continue
            seconds = round(perf_counter() - begun, 3)
            for row in rows:
                if score.fit is not None:
                    row = replace(row, fit_s=seconds, state_bytes=held_bytes(function))
                images = random_images(plan, row.batch_size).to(row.device)
                clock = stopwatch(partial(function, images), limits, device=row.device)[0]
                yield replace(row, **median_columns(clock))


def _function(
    score: Score, method: Softmax, training: LabelledImages
) -> Callable[[Tensor], Tensor]:
    """From images to the score."""
    formula = score.function
    if formula is None:
        return fit_to_networks(score, method, training.images, training.labels)
    if "logits" in score.needs:
        return lambda images: formula(method.member_logits(images))
    return lambda images: formula(method.member_logits(images).softmax(dim=-1))
