"""Metrics, intervals and tables of external predictions, computed as for the suite's methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path

import pandas as pd
from joblib import cpu_count

from benchmarks.environment import suite_version
from benchmarks.errors import UserError
from benchmarks.files import read_json, write_json
from benchmarks.inference.comparison.comparisons import Estimates, compare, comparisons_table
from benchmarks.inference.image_sets import block_size, weights_of
from benchmarks.inference.image_values import ImageValues
from benchmarks.inference.resampling import Resampling
from benchmarks.inference.resampling_tasks import resampling_tasks
from benchmarks.nouns import MethodRecord, Names
from benchmarks.predictions import RunUnit
from benchmarks.progress import tracked
from benchmarks.report.results import Results
from benchmarks.report.tables.formats import write_tables
from benchmarks.report.tables.quality import quality_tables
from benchmarks.run.measurement_rows import measure_values
from benchmarks.run.nouns import condition_records, metric_records, score_records
from benchmarks.run.summary import summarise
from benchmarks.schema import Measurement, as_table, write_table
from benchmarks.score.conditions import LABELLED
from benchmarks.score.external_predictions import LINES, ExternalPredictions
from benchmarks.vocabulary import (
    COMPARISONS_CSV,
    MEASUREMENTS_CSV,
    RUN_JSON,
    SELF_TRAINED,
    SUMMARY_CSV,
    TABLES_FOLDER,
)
from methods import UncertaintyMethod
from methods.scores import of_members, of_probabilities
from methods.threads import one_torch_thread

SCORE_JSON = "score.json"
"""What was scored, by which version."""


@dataclass(frozen=True, eq=False)
class Scores:
    """The tables of ``measurements.csv``, ``summary.csv`` and ``comparisons.csv``.

    The rows are those of a run's self-trained methods, with a single replicate.
    """

    measurements: pd.DataFrame
    summary: pd.DataFrame
    comparisons: pd.DataFrame
    names: Names

    @property
    def results(self) -> Results:
        """What the report makes tables of."""
        return Results(self.summary, self.names, self.comparisons)


@one_torch_thread()
def score(external: Sequence[ExternalPredictions], *, resamples: int, seed: int) -> Scores:
    """All metrics of each method, with intervals over images, and the methods' differences."""
    units = {RunUnit(SELF_TRAINED, one.method, None, 0): one for one in external}
    measurements = as_table(row for unit, one in units.items() for row in _rows(unit, one))
    estimates = _estimate(units, resamples, seed)
    return Scores(
        measurements,
        summarise(measurements, estimates.intervals),
        comparisons_table(estimates.comparisons),
        _names(external),
    )


def write_scores(
    scores: Scores,
    external: Sequence[ExternalPredictions],
    folder: Path,
    *,
    resamples: int,
    seed: int,
) -> None:
    """Write ``score.json``, the numbers, and every table, in place of those of earlier scores."""
    record = {
        "version": suite_version(),
        "resamples": resamples,
        "seed": seed,
        "files": {one.method: one.sha256 for one in external},
    }
    write_json(record, folder / SCORE_JSON)
    for earlier in (folder / TABLES_FOLDER).glob(f"*-{SELF_TRAINED}.*"):
        earlier.unlink()
    write_table(scores.measurements, folder, MEASUREMENTS_CSV)
    write_table(scores.summary, folder, SUMMARY_CSV)
    write_table(scores.comparisons, folder, COMPARISONS_CSV)
    write_tables(quality_tables(scores.results, SELF_TRAINED), folder)


def require_no_run(folder: Path) -> None:
    """Scores and a run of the suite must not mix, and nobody's files are to be overwritten.

    Raises:
        UserError: the folder holds a run, or such files that are not of earlier scores.
    """
    if (folder / RUN_JSON).exists():
        raise UserError(
            f"--out {folder}: this folder holds a run of the suite; name another folder"
        )
    names = (MEASUREMENTS_CSV, SUMMARY_CSV, COMPARISONS_CSV, TABLES_FOLDER, SCORE_JSON)
    taken = [name for name in names if (folder / name).exists()]
    if taken and "resamples" not in read_json(folder / SCORE_JSON):
        raise UserError(
            f"--out {folder}: this folder holds {taken[0]}, but no {SCORE_JSON} of earlier scores; "
            "name another folder"
        )


def _names(external: Sequence[ExternalPredictions]) -> Names:
    """What the tables name; methods are called as their files are."""
    primary_score = UncertaintyMethod.primary_score
    return Names(
        conditions=condition_records(external[0].predictions),
        methods=tuple(
            MethodRecord(one.method, one.method, primary_score=primary_score) for one in external
        ),
        scores=score_records((of_probabilities() | of_members()).values()),
        metrics=metric_records(),
    )


def _rows(unit: RunUnit, external: ExternalPredictions) -> Iterator[Measurement]:
    clean = external.predictions[LABELLED]
    for condition, values in external.predictions.items():
        yield from measure_values(unit, condition, values, clean)


def _estimate(units: dict[RunUnit, ExternalPredictions], resamples: int, seed: int) -> Estimates:
    """Of all tasks together: of many images, resamples take longer to draw than to measure."""

    def load(unit: RunUnit, condition: str) -> ImageValues | None:
        return {c.name: values for c, values in units[unit].predictions.items()}.get(condition)

    conditions = next(iter(units.values())).predictions
    tasks = resampling_tasks([(SELF_TRAINED,)], conditions, of_members())
    begun = [one for task in tasks if (one := Resampling.of(task, units, load)) is not None]
    sizes = {images: size for one in begun for images, size in one.sizes.items()}

    blocks = ceil(resamples / block_size(sizes))
    drawn = weights_of(sizes, resamples, seed)
    with ThreadPoolExecutor(cpu_count()) as threads:
        for weights in tracked(drawn, blocks, "score", "blocks of resamples", most_lines=LINES):
            # The kernels and PyTorch leave other threads alone.
            list(threads.map(partial(Resampling.add, weights=weights), begun))
    return Estimates.joined(compare(one.task, one.result) for one in begun)
