"""Metrics, intervals and tables of external predictions, computed as for the suite's methods."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from joblib import cpu_count

from benchmarks.environment import suite_version
from benchmarks.inference.comparisons import Estimates, compare, comparisons_table
from benchmarks.inference.resampling import BLOCK, Draws, ImageSet
from benchmarks.io import UserError, read_json, writable_folder, write_json
from benchmarks.metrics.metric import MetricsByResample, Weights
from benchmarks.nouns import MethodRecord, Names, TaskRecord
from benchmarks.predictions import RunUnit
from benchmarks.progress import tracked
from benchmarks.report import write_report
from benchmarks.report.results import Results
from benchmarks.run.configuration import FEWEST_RESAMPLES
from benchmarks.run.curves import CurveRow, Drawn, Evaluation, curve_tables, curves_of
from benchmarks.run.measurements import FamilyValues, KeptRows, measured, rows_of, summarise
from benchmarks.run.nouns import condition_records, metric_records, score_records
from benchmarks.schema import (
    Comparison,
    Measurement,
    in_order,
    members_text,
    table_of,
    write_table,
)
from benchmarks.score.external_predictions import LINES, ExternalPredictions
from benchmarks.vocabulary import (
    COMPARISONS_CSV,
    CURVES_FOLDER,
    FIGURES_FOLDER,
    INDEX_HTML,
    MEASUREMENTS_CSV,
    RUN_JSON,
    SELF_TRAINED,
    SUMMARY_CSV,
    TABLES_FOLDER,
)
from methods import UncertaintyMethod
from methods.determinism import one_torch_thread
from methods.scores import member_scores, probability_scores

EVERY = KeptRows(UncertaintyMethod.primary_score, every=True)
"""All measures: a few methods have few rows."""

MOST_WEIGHTS = 2**27
"""How many a block of resamples has, a byte each, where it is not of `BLOCK` resamples."""

FOLDERS = (TABLES_FOLDER, FIGURES_FOLDER, CURVES_FOLDER)
"""Those that are written anew."""

MOST_BAND_WEIGHTS = 2**25
"""How many the resamples for the bands of curves have, unless they are the fewest."""

SCORE_JSON = "score.json"
"""What was scored, by which version."""


@dataclass(frozen=True, eq=False)
class Scores:
    """The tables of ``measurements.csv``, ``summary.csv``, ``comparisons.csv`` and ``curves/``.

    The rows are those of a run's self-trained methods, with a single replicate.
    """

    measurements: pd.DataFrame
    summary: pd.DataFrame
    comparisons: pd.DataFrame
    curves: Mapping[str, pd.DataFrame]
    names: Names

    @property
    def results(self) -> Results:
        """What the report makes tables of."""
        return Results(self.summary, self.names, self.comparisons, curves=self.curves)


@one_torch_thread()
def score(external: Sequence[ExternalPredictions], *, resamples: int, seed: int) -> Scores:
    """All metrics of each method, with intervals over images, and the methods' differences."""
    units = {RunUnit(SELF_TRAINED, one.method, None, 0): one for one in external}
    of_all = _measure(units)
    measurements = in_order(table_of(Measurement, of_all.rows))
    estimates = _estimate(of_all, resamples, seed)
    return Scores(
        measurements,
        summarise(measurements, estimates.intervals),
        comparisons_table(table_of(Comparison, estimates.comparisons)),
        curve_tables(_curves(units, resamples, seed)),
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
    """Write what a run writes, in place of earlier scores: numbers, tables, figures and page.

    What was scored is told by ``score.json``.
    """
    record = {
        "version": suite_version(),
        "resamples": resamples,
        "seed": seed,
        "files": {one.method: one.sha256 for one in external},
    }
    write_json(record, folder / SCORE_JSON)
    for earlier in FOLDERS:
        shutil.rmtree(folder / earlier, ignore_errors=True)
    write_table(scores.measurements, folder, MEASUREMENTS_CSV)
    write_table(scores.summary, folder, SUMMARY_CSV)
    write_table(scores.comparisons, folder, COMPARISONS_CSV)
    for name, table in scores.curves.items():
        write_table(table, folder / CURVES_FOLDER, f"{name}.csv")
    scores.names.write(folder)
    write_report(folder)


def folder_for_scores(out: Path) -> Path:
    """The folder, created if it does not exist.

    Scores and a run of the suite must not mix, and nobody's files are to be overwritten.

    Raises:
        UserError: it cannot be written, or holds a run, or such files that are not of earlier
            scores.
    """
    folder = writable_folder("--out", out)
    if (folder / RUN_JSON).exists():
        raise UserError(
            f"--out {folder}: this folder holds a run of the suite; name another folder"
        )
    names = (MEASUREMENTS_CSV, SUMMARY_CSV, COMPARISONS_CSV, INDEX_HTML, *FOLDERS, SCORE_JSON)
    taken = [name for name in names if (folder / name).exists()]
    if taken and "resamples" not in read_json(folder / SCORE_JSON):
        raise UserError(
            f"--out {folder}: this folder holds {taken[0]}, but no {SCORE_JSON} of earlier scores; "
            "name another folder"
        )
    return folder


def _names(external: Sequence[ExternalPredictions]) -> Names:
    """What the tables name; methods are called as their files are."""
    primary_score = UncertaintyMethod.primary_score
    images = len(external[0].labels)
    return Names(
        tasks=(TaskRecord("", "Your images", (), (), 0, images, 0, ()),),
        conditions=condition_records(external[0].predictions),
        methods=tuple(
            MethodRecord(one.method, one.method, primary_score=primary_score) for one in external
        ),
        scores=score_records((probability_scores() | member_scores()).values()),
        metrics=metric_records(),
    )


def _curves(
    units: Mapping[RunUnit, ExternalPredictions], resamples: int, seed: int
) -> Iterator[tuple[str, CurveRow]]:
    """Those that a run has of a method with a single replicate."""
    conditions = tuple(next(iter(units.values())).predictions)
    for unit, external in units.items():
        values = {condition.name: own for condition, own in external.predictions.items()}
        most = MOST_BAND_WEIGHTS // max(own.images for own in values.values())
        evaluation = Evaluation(conditions, min(resamples, max(FEWEST_RESAMPLES, most)), seed)
        drawn = Drawn(unit, UncertaintyMethod.primary_score, first=True, alone=True)
        for condition in conditions:
            own, reference = values[condition.name], values[condition.reference]
            yield from curves_of(evaluation, drawn, condition, own, reference)


class _Part(NamedTuple):
    """One method's metrics of a family under a condition, to be resampled."""

    draws: Draws
    unit: RunUnit
    measured: FamilyValues
    images: ImageSet
    reference_images: ImageSet


class _Measured(NamedTuple):
    """All rows of measurements, and what their intervals are computed from."""

    rows: list[Measurement]
    draws: list[Draws]
    parts: list[_Part]
    sizes: dict[ImageSet, int]


def _measure(units: Mapping[RunUnit, ExternalPredictions]) -> _Measured:
    """Every measure of every method, without its intervals."""
    found = _Measured([], [], [], {})
    conditions = {one.name: one for one in next(iter(units.values())).predictions}
    for condition in conditions.values():
        draws = Draws(condition.name, condition)
        found.draws.append(draws)
        images = ImageSet.of(condition, conditions)
        of_reference = ImageSet.of(conditions[condition.reference], conditions)
        for unit, external in units.items():
            values = {one.name: of_images for one, of_images in external.predictions.items()}
            own, reference = values[condition.name], values[condition.reference]
            draws.images, draws.reference_images = own.images, reference.images
            draws.members[unit] = members_text(own.members)
            found.sizes[images] = own.images
            measures = EVERY.measures(condition, own.own_scores)
            for each in measured(measures, own, reference if condition.detected else None):
                found.rows.extend(rows_of(unit, condition, each, own, reference))
                if each.prepared is not None and each.family.resampled:
                    found.parts.append(_Part(draws, unit, each, images, of_reference))
    return found


def _estimate(of_all: _Measured, resamples: int, seed: int) -> Estimates:
    """Of all measures together: of many images, resamples take longer to draw than to measure."""
    block = max(1, min(BLOCK, MOST_WEIGHTS // sum(of_all.sizes.values())))
    sets = [images.weights(size, resamples, seed, block) for images, size in of_all.sizes.items()]
    blocks = tracked(
        zip(*sets, strict=True),
        ceil(resamples / block),
        "score",
        "blocks of resamples",
        most_lines=LINES,
    )
    drawn: list[list[MetricsByResample]] = [[] for _ in of_all.parts]
    with ThreadPoolExecutor(cpu_count()) as threads:
        for each in blocks:
            weights = dict(zip(of_all.sizes, each, strict=True))
            # The kernels and PyTorch leave other threads alone.
            for values, of_block in zip(
                drawn, threads.map(partial(_evaluated, weights), of_all.parts), strict=True
            ):
                values.append(of_block)
    for part, values in zip(of_all.parts, drawn, strict=True):
        family, score, estimates, _ = part.measured
        part.draws.add(part.unit, family, score, estimates, np.concatenate(values, axis=1))
    return Estimates.joined(compare(draws, list(draws.members)) for draws in of_all.draws)


def _evaluated(weights: Mapping[ImageSet, Weights], part: _Part) -> MetricsByResample:
    own, of_reference = weights[part.images], weights[part.reference_images]
    return part.measured.family.evaluate(part.measured.prepared, own, of_reference)
