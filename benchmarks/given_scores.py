"""Given predictions measured as the suite's own methods are: one way to rows and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.conditions import CLEAN, CONDITIONS
from benchmarks.environment import suite_version
from benchmarks.errors import UserError
from benchmarks.evidence import Evidence, comparisons_table, weigh
from benchmarks.files import write_json
from benchmarks.given_predictions import GivenPredictions
from benchmarks.measure import measure
from benchmarks.predictions import Cell, Shard
from benchmarks.progress import tracked
from benchmarks.records import (
    COMPARISONS,
    MEASUREMENTS,
    OWN_RECIPE,
    RECORD,
    SUMMARY,
    TABLES,
    Measurement,
    as_table,
    summarise,
    write_table,
)
from benchmarks.report.results import Results
from benchmarks.report.table import write_table_files
from benchmarks.report.tables import tables
from benchmarks.resampled import resample, units
from methods.threads import one_torch_thread

SCORE = "score.json"


@dataclass(frozen=True, eq=False)
class Scores:
    """What was measured: the tables of ``measurements.csv``, ``summary.csv``, ``comparisons.csv``.

    The rows are those of a run's methods that train themselves, with a single replicate.
    """

    measurements: pd.DataFrame
    summary: pd.DataFrame
    comparisons: pd.DataFrame

    @property
    def results(self) -> Results:
        """What tables are made of."""
        return Results(self.summary, self.comparisons)


@one_torch_thread()
def score(given: Sequence[GivenPredictions], *, resamples: int, seed: int) -> Scores:
    """Every measure of every method given, with its interval over images, and their differences."""
    cells = {Cell(OWN_RECIPE, one.method, None, 0): one for one in given}
    measurements = as_table(row for cell, one in cells.items() for row in _rows(cell, one))
    evidence = _weigh(cells, resamples, seed)
    return Scores(
        measurements,
        summarise(measurements, evidence.intervals),
        comparisons_table(evidence.comparisons),
    )


def write_scores(
    scores: Scores, given: Sequence[GivenPredictions], folder: Path, *, resamples: int, seed: int
) -> None:
    """Write the numbers, every table, and `score.json`: what was scored, by which version."""
    for stale in (folder / TABLES).glob(f"*-{OWN_RECIPE}.*"):
        stale.unlink()  # of sets that an earlier file had and this one has not
    write_table(scores.measurements, folder / MEASUREMENTS)
    write_table(scores.summary, folder / SUMMARY)
    write_table(scores.comparisons, folder / COMPARISONS)
    for table in tables(scores.results, OWN_RECIPE):
        write_table_files(table, folder / TABLES)
    record = {
        "version": suite_version(),
        "resamples": resamples,
        "seed": seed,
        "files": {one.method: one.sha256 for one in given},
    }
    write_json(record, folder / SCORE)


def require_no_run(folder: Path) -> None:
    """Scores and a run of the suite must not mix.

    Raises:
        UserError: the folder holds a run.
    """
    if (folder / RECORD).exists():
        raise UserError(f"--out {folder}: this folder holds a run of the suite; name another one")


def _rows(cell: Cell, given: GivenPredictions) -> Iterator[Measurement]:
    clean = given.shards[CONDITIONS[CLEAN]]
    for condition, shard in given.shards.items():
        yield from measure(cell, condition, shard, clean)


def _weigh(cells: dict[Cell, GivenPredictions], resamples: int, seed: int) -> Evidence:
    def load(cell: Cell, condition: str) -> Shard | None:
        return {c.name: shard for c, shard in cells[cell].shards.items()}.get(condition)

    pending = units([OWN_RECIPE], next(iter(cells.values())).shards)
    done = ((unit, resample(unit, cells, load, resamples=resamples, seed=seed)) for unit in pending)
    evidence = Evidence({}, [])
    for unit, found in tracked(done, len(pending), "score", "resampled parts"):
        if found is not None:
            intervals, comparisons = weigh(unit, found)
            evidence.intervals.update(intervals)
            evidence.comparisons.extend(comparisons)
    return evidence
