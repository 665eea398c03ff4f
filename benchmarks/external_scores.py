"""What is made of predictions of others: measures, what the rule says, tables and a page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

from benchmarks.inference.evidence import (
    Contestant,
    Entry,
    GroupNumbers,
    HeadlineEvidence,
    MeasuredUnit,
    MeasureName,
)
from benchmarks.inference.resampling import Frame
from benchmarks.io import UserError, read_json, require_own, writable_folder, write_json
from benchmarks.metrics import METRICS, Metric
from benchmarks.predictions import RunUnit
from benchmarks.progress import tracked
from benchmarks.report import write_report
from benchmarks.report.results import Results
from benchmarks.run.curves import DrawnUnit
from benchmarks.run.image_values import ImageValues, RankedFamily
from benchmarks.run.measure import Measuring, image_sets
from benchmarks.run.measurements import KeptRows
from benchmarks.schema import write_table
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import (
    ANSWER_CSV,
    CURVES_FOLDER,
    FIGURES_FOLDER,
    INDEX_HTML,
    INFLUENCES_FOLDER,
    LATENCY_CSV,
    MEASUREMENTS_CSV,
    NOUNS_JSON,
    RUN_JSON,
    SCORE_LATENCY_CSV,
    SUMMARY_CSV,
    TABLES_FOLDER,
    mean_name,
)
from methods import UncertaintyMethod
from methods.version import suite_version

PredictionsByCondition = Mapping[Condition, ImageValues]
"""What metrics need of a method's predictions of some images."""

PRIMARY_SCORE = UncertaintyMethod.primary_score
"""The score by which all of them rank images first."""

SCORE_JSON = "score.json"
"""What was scored, by which version."""

DIFFERENCES_CSV = "differences.csv"
"""By which methods differ from those of a run, beside which they were scored."""

FOLDERS = (TABLES_FOLDER, FIGURES_FOLDER, CURVES_FOLDER, INFLUENCES_FOLDER)
"""Those in which files of earlier scores are removed: those that ``score.json`` names."""


class ScoredMethods(NamedTuple):
    """What tables and figures are made from.

    Attributes:
        measurements: the rows of ``measurements.csv``.
        differences: the rows of ``differences.csv``; empty where there is no run beside.
        evidence: what the answer follows from.
    """

    results: Results
    measurements: pd.DataFrame
    differences: pd.DataFrame
    evidence: Sequence[HeadlineEvidence]


@dataclass(frozen=True)
class EveryRow(KeptRows):
    """All measures of these metrics: few methods have few rows; means have those of a run."""

    metrics: Collection[str] = tuple(METRICS)

    def keeps(self, condition: Condition, metric: Metric, score: str) -> bool:
        """Whatever is measured."""
        return True

    def measures(self, condition: Condition, own_scores: Collection[str]) -> Iterator[RankedFamily]:
        """Those of the metrics' families."""
        for family, score in super().measures(condition, own_scores):
            if any(metric.name in self.metrics for metric in family.metrics):
                yield family, score


class Given(NamedTuple):
    """Contestants whose predictions are given, which enter at the stage `measure`.

    Attributes:
        predictions: of each unit by condition; some may lack a condition.
        images: how many each condition has.
        resamples, seed: of the bootstrap of images, where no influence is known.
        groups: by the names of conditions, of each image the group that it is drawn with.
        metrics: of which the families are measured.
        drawn: the units whose curves are drawn.
    """

    predictions: Mapping[RunUnit, PredictionsByCondition]
    images: Mapping[Condition, int]
    resamples: int = 0
    seed: int = 0
    groups: Mapping[str, GroupNumbers] = MappingProxyType({})
    metrics: Collection[str] = tuple(METRICS)
    drawn: Mapping[RunUnit, DrawnUnit] = MappingProxyType({})


class MeasuredGiven(Measuring):
    """What is measured of contestants whose predictions are given."""

    def __init__(self, given: Given) -> None:
        self._given = given
        rule = EveryRow(PRIMARY_SCORE, metrics=given.metrics)
        rules = {unit.method: rule for unit in given.predictions}
        super().__init__(given.images, given.predictions, rules, given.drawn, given.seed)
        sets = image_sets(given.images)
        for conditions in tracked(sets, len(sets), "score", "sets of images"):
            first = conditions[0]
            self.measure(conditions, mean_name(first.group) if first.in_mean else None)

    def _entry(self, unit: RunUnit) -> tuple[Entry, Sequence[str]]:
        contestant = Contestant(unit.method, self._members[unit], unit.budget)
        return Entry(contestant), [PRIMARY_SCORE]

    def _frame_of(self, names: Iterable[str]) -> Frame:
        given = self._given
        images = {name: given.images[self._conditions[name]] for name in names}
        return Frame(images, self._conditions, given.resamples, given.seed, given.groups)

    def _measured(self, unit: RunUnit, condition: Condition) -> dict[MeasureName, MeasuredUnit]:
        predictions = self._given.predictions[unit]
        reference = self._conditions[condition.reference]
        if condition not in predictions or reference not in predictions:
            return {}
        own, rule = predictions[condition], self._rules[unit.method]
        measures = rule.measures(condition, own.own_scores)
        return self._noted(unit, condition, own, predictions[reference], measures)


def folder_for_scores(out: Path) -> Path:
    """The folder, created if it does not exist.

    Scores and a run of the suite must not mix, and nobody's files are to be overwritten.

    Raises:
        UserError: it cannot be written, or holds a run, or such files that are not of earlier
            scores, or a link to another folder.
    """
    folder = writable_folder("--out", out)
    require_own(folder / name for name in FOLDERS)
    if (folder / RUN_JSON).exists():
        raise UserError(
            f"--out {folder}: this folder holds a run of the suite; name another folder"
        )
    tables = MEASUREMENTS_CSV, SUMMARY_CSV, ANSWER_CSV, DIFFERENCES_CSV, LATENCY_CSV
    names = (*tables, NOUNS_JSON, INDEX_HTML, *FOLDERS, SCORE_JSON)
    taken = [name for name in names if (folder / name).exists()]
    if taken and not isinstance(read_json(folder / SCORE_JSON).get("written"), list):
        raise UserError(
            f"--out {folder}: this folder holds {taken[0]}, but no {SCORE_JSON} of earlier scores "
            "by this version; name another folder"
        )
    return folder


def write_scores(scored: ScoredMethods, folder: Path, files: Mapping[str, str], **how: int) -> None:
    """Write what a run writes, in place of earlier scores; ``score.json`` tells what was scored.

    Args:
        files: of each method that is not a run's, SHA-256 of its files.
        how: what else decides the numbers.
    """
    record = {"version": suite_version(), **how, "files": {**files}}
    earlier = read_json(folder / SCORE_JSON).get("written", [])
    write_json(record | {"written": earlier}, folder / SCORE_JSON)
    for name, _ in _in_folders(folder):
        if name in earlier:
            (folder / name).unlink()
    others = _in_folders(folder)
    results = scored.results
    for name, table in {
        MEASUREMENTS_CSV: scored.measurements,
        SUMMARY_CSV: results.summary,
        ANSWER_CSV: results.answer,
        DIFFERENCES_CSV: scored.differences,
        LATENCY_CSV: results.latency,
        SCORE_LATENCY_CSV: results.score_latency,
    }.items():
        (folder / name).unlink(missing_ok=True)
        if len(table.columns):
            write_table(table, folder, name)
    for name, table in results.curves.items():
        write_table(table, folder / CURVES_FOLDER, f"{name}.csv")
    for evidence in scored.evidence:
        evidence.write(folder)
    results.names.write(folder)
    write_report(folder)
    written = sorted(name for name, _ in _in_folders(folder) - others)
    write_json(record | {"written": written}, folder / SCORE_JSON)


def _in_folders(folder: Path) -> set[tuple[str, int]]:
    """The files in `FOLDERS`, each with the time at which it was written."""
    paths = (path for name in FOLDERS for path in folder.glob(f"{name}/*") if path.is_file())
    return {(path.relative_to(folder).as_posix(), path.stat().st_mtime_ns) for path in paths}
