"""Contestants whose predictions are given: they enter at the stage `measure`.

The rows of the tables are those of a run's methods with a single replicate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd
import torch

from benchmarks.inference.evidence import (
    Entry,
    GroupNumbers,
    HeadlineEvidence,
    MeasuredUnit,
    MeasureName,
)
from benchmarks.inference.resampling import Frame
from benchmarks.intake.against import AgainstRow
from benchmarks.intake.checks import CALIBRATION, HUMANS, LABELS, OOD, REFERENCE
from benchmarks.intake.reading import (
    LABELLED,
    GivenPredictions,
    PredictionsByCondition,
    read_predictions,
)
from benchmarks.io import (
    UserError,
    read_json,
    require_distinct,
    require_own,
    writable_folder,
    write_json,
)
from benchmarks.metrics import METRICS, Metric
from benchmarks.nouns import Contestant, MethodRecord, Names, TaskRecord
from benchmarks.predictions import RunUnit
from benchmarks.progress import tracked
from benchmarks.report import write_report
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import MAIN
from benchmarks.run.configuration import require_resampling
from benchmarks.run.curves import DrawnUnit
from benchmarks.run.image_values import RankedFamily
from benchmarks.run.measure import Measuring, answer_table, image_sets
from benchmarks.run.measurements import KeptRows
from benchmarks.run.nouns import condition_records, metric_records, score_records
from benchmarks.schema import write_table
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import (
    ANSWER_CSV,
    ANSWER_JSON,
    CURVES_FOLDER,
    FIGURES_FOLDER,
    INDEX_HTML,
    INFLUENCES_FOLDER,
    LATENCY_CSV,
    MEASUREMENTS_CSV,
    NOUNS_JSON,
    RUN_JSON,
    SUMMARY_CSV,
    TABLES_FOLDER,
    mean_name,
)
from methods import UncertaintyMethod
from methods.determinism import one_torch_thread
from methods.scores import member_scores, probability_scores
from methods.version import suite_version

PRIMARY_SCORE = UncertaintyMethod.primary_score
"""The score by which all of them rank images first."""

SCORE_JSON = "score.json"
"""What was scored, by which version."""

DIFFERENCES_CSV = "differences.csv"
"""Differences to the methods of a run, beside which others were scored."""

AGAINST_CSV = "against.csv"
"""What predictions are against people's answers, or a reference's."""

FOLDERS = (TABLES_FOLDER, FIGURES_FOLDER, CURVES_FOLDER, INFLUENCES_FOLDER)

WRITTEN = (
    *(MEASUREMENTS_CSV, SUMMARY_CSV, ANSWER_CSV, DIFFERENCES_CSV, AGAINST_CSV, LATENCY_CSV),
    *(ANSWER_JSON, NOUNS_JSON, INDEX_HTML, *FOLDERS),
)
"""What scores may write; of it those that ``score.json`` names are replaced by the next."""


@dataclass(frozen=True)
class EveryRow(KeptRows):
    """Rule that keeps every measure of some metrics; means have the rows of a run."""

    metrics: Collection[str] = tuple(METRICS)

    def keeps(self, condition: Condition, metric: Metric, score: str) -> bool:
        """Whether a measure is kept: all are."""
        return True

    def measures(self, condition: Condition, own_scores: Collection[str]) -> Iterator[RankedFamily]:
        """Measures of the metrics' families."""
        for family, score in super().measures(condition, own_scores):
            if any(metric.name in self.metrics for metric in family.metrics):
                yield family, score


class MeasuredGiven(Measuring):
    """Measures of contestants whose predictions are given.

    Args:
        predictions: of each by its name, by condition; some may lack a condition.
        images: how many each condition has.
        resamples, seed: of the bootstrap of images, where no influence is known.
        groups: by the names of conditions, of each image the group that it is drawn with.
        metrics: of which the families are measured.
        curves: whether curves are drawn.
    """

    def __init__(
        self,
        predictions: Mapping[str, PredictionsByCondition],
        images: Mapping[Condition, int],
        resamples: int = 0,
        seed: int = 0,
        *,
        groups: Mapping[str, GroupNumbers] = MappingProxyType({}),
        metrics: Collection[str] = tuple(METRICS),
        curves: bool = False,
    ) -> None:
        self._predictions, self._images, self._groups = predictions, images, groups
        self._resampling = resamples, seed
        rules = dict.fromkeys(predictions, EveryRow(PRIMARY_SCORE, metrics=metrics))
        units = {RunUnit(name, None, 1.0, 0): own for name, own in predictions.items()}
        drawn = {unit: DrawnUnit(unit, PRIMARY_SCORE, first=True, alone=True) for unit in units}
        super().__init__(images, units, rules, drawn if curves else {}, seed)
        sets = image_sets(images)
        for conditions in tracked(sets, len(sets), "score", "sets of images"):
            first = conditions[0]
            self.measure(conditions, mean_name(first.group) if first.in_mean else None)

    def _entry(self, unit: RunUnit) -> tuple[Entry, Sequence[str]]:
        contestant = Contestant(unit.method, self._members[unit], unit.budget)
        return Entry(contestant), [PRIMARY_SCORE]

    def _frame_of(self, names: Iterable[str]) -> Frame:
        images = {name: self._images[self._conditions[name]] for name in names}
        return Frame(images, self._conditions, *self._resampling, self._groups)

    def _measured(self, unit: RunUnit, condition: Condition) -> dict[MeasureName, MeasuredUnit]:
        predictions = self._predictions[unit.method]
        reference = self._conditions[condition.reference]
        if condition not in predictions or reference not in predictions:
            return {}
        own, rule = predictions[condition], self._rules[unit.method]
        measures = rule.measures(condition, own.own_scores)
        return self._noted(unit, condition, own, predictions[reference], measures)


class Scored(NamedTuple):
    """Scores of contestants, from which tables and figures are made.

    Attributes:
        measurements: the rows of ``measurements.csv``.
        differences: the rows of ``differences.csv``; empty where there is no run beside.
        against: the rows of ``against.csv``; see `AgainstRow`.
        evidence: what the answer follows from.
    """

    results: Results
    measurements: pd.DataFrame
    differences: pd.DataFrame
    against: pd.DataFrame
    evidence: Sequence[HeadlineEvidence]


def score(
    given: Iterable[GivenPredictions], out: Path | None = None, *, resamples: int, seed: int
) -> Scored:
    """Measure methods, with intervals over images, and compare them image by image.

    All must predict the same images.

    Args:
        given: of each method; nothing of it is computed before the folder is checked.
        out: a folder for what a run writes, in place of earlier scores: numbers, tables, figures
            and page; what was scored is told by ``score.json``.
        resamples, seed: of the bootstrap of images, where no influence is known.

    Raises:
        UserError: see `folder_for_scores`; or two have other images or labels.
    """
    require_resampling(resamples, seed)
    folder = None if out is None else folder_for_scores(out)
    first, *others = given = [*given]
    for other in others:
        sizes = _sizes(first), _sizes(other)
        if sizes[0] != sizes[1] or not torch.equal(first.labels, other.labels):
            raise UserError(
                f"{first.method!r} and {other.method!r} hold different images or labels "
                f"({' and '.join(sizes)}); give the same images in the same order, or score them "
                "one by one"
            )
    scored = _scored(given, resamples, seed)
    if folder is not None:
        digests = {each.method: each.sha256 for each in given}
        write_scores(scored, folder, digests, resamples=resamples, seed=seed)
    return scored


@one_torch_thread()
def _scored(given: Sequence[GivenPredictions], resamples: int, seed: int) -> Scored:
    predictions = {each.method: each.predictions for each in given}
    first = given[0]
    images = {condition: own.images for condition, own in first.predictions.items()}
    measured = MeasuredGiven(predictions, images, resamples, seed, curves=True)
    names = Names(
        tasks=(TaskRecord("", "Your images", test_images=len(first.labels)),),
        conditions=condition_records(images),
        methods=tuple(MethodRecord(n, n, primary_score=PRIMARY_SCORE) for n in predictions),
        scores=score_records((probability_scores() | member_scores()).values()),
        metrics=metric_records(first.predictions[LABELLED].classes),
    )
    curves, evidence = measured.tables, measured.evidence
    measurements, summary = curves.pop("measurements"), curves.pop("summary")
    results = Results(summary, names, answer_table(evidence, names), curves=curves)
    rows = [row for each in given for row in each.against]
    against = pd.DataFrame(rows, columns=AgainstRow._fields)
    return Scored(results, measurements, pd.DataFrame(), against, evidence)


def _sizes(given: GivenPredictions) -> str:
    sets = given.predictions.items()
    return ", ".join(f"{values.images:,} {condition.label.lower()}" for condition, values in sets)


def score_files(
    files: Sequence[Path],
    *,
    labels: Path | None = None,
    ood: Sequence[str] = (),
    calibration: Sequence[Path] = (),
    calibration_labels: Path | None = None,
    from_logits: bool = False,
    humans: Path | None = None,
    reference: Path | None = None,
    out: Path | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> Scored:
    """Score a file of predictions for each method; arguments are options of the command ``score``.

    Raises:
        UserError: a file or an option cannot be used.
    """
    require_resampling(resamples, seed)  # before files are read
    require_distinct("FILE, which names a method", [file.stem for file in files])
    shared = {LABELS: labels, CALIBRATION[1]: calibration_labels}
    shared |= {HUMANS: humans, REFERENCE: reference}
    further = {name: [path] * len(files) for name, path in shared.items() if path}
    further |= {CALIBRATION[0]: [*calibration]} if calibration else {}
    for word in ood:
        name, equals, file = word.partition("=")
        if not (name and equals and file):
            raise UserError(f"--ood: {word!r} is no NAME=FILE; write, for example, --ood far=a.npy")
        further.setdefault(f"{OOD}{name}", []).append(Path(file))
    for name, paths in further.items():
        if len(paths) != len(files):
            raise UserError(
                f"{name!r} is given {len(paths)} times for {len(files)} methods; give one file for "
                "each, in their order"
            )
    given = []
    for position, path in enumerate(files):
        own = {name: paths[position] for name, paths in further.items()}
        given.append(read_predictions(path, own, from_logits=from_logits))
    return score(given, out, resamples=resamples, seed=seed)


def folder_for_scores(out: Path) -> Path:
    """The folder, created if it does not exist.

    Scores and a run of the suite must not mix, and nobody's files are to be overwritten.

    Raises:
        UserError: it cannot be written, or holds a run, or such files that are not of earlier
            scores, or a link to another folder.
    """
    folder = writable_folder("--out", out)
    require_own(folder / name for name in FOLDERS)
    earlier = isinstance(read_json(folder / SCORE_JSON).get("written"), list)
    foreign = (RUN_JSON,) if earlier else (RUN_JSON, *WRITTEN, SCORE_JSON)
    for name in foreign:
        if (folder / name).exists():
            raise UserError(
                f"--out {folder}: this folder holds {name}, which is not of earlier scores by this "
                "version; name another folder"
            )
    return folder


def write_scores(scored: Scored, folder: Path, files: Mapping[str, str], **how: int) -> None:
    """Write what a run writes, in place of earlier scores; ``score.json`` tells what was scored.

    Of one contestant nothing compares: there is one table, and no answer.

    Args:
        files: of each method that is not a run's, SHA-256 of its files.
        how: what else decides the numbers.
    """
    results = scored.results
    several = len(results.summary["method"].unique()) > 1
    tables = {
        MEASUREMENTS_CSV: scored.measurements,
        SUMMARY_CSV: results.summary,
        ANSWER_CSV: results.answer if several else pd.DataFrame(),
        DIFFERENCES_CSV: scored.differences,
        AGAINST_CSV: scored.against,
        LATENCY_CSV: results.latency,
    } | {f"{CURVES_FOLDER}/{name}.csv": table for name, table in results.curves.items()}
    with TemporaryDirectory(prefix=".scores-", dir=folder) as temporary:
        new = Path(temporary)
        for name, table in tables.items():
            if len(table):
                write_table(table, new, name)
        for evidence in scored.evidence if several else ():
            evidence.write(new)
        results.names.write(new)
        write_report(new, () if several else [MAIN])
        written = sorted(_written(new))
        earlier = read_json(folder / SCORE_JSON).get("written", [])
        for name in _written(folder):
            if name in earlier:
                (folder / name).unlink()
        record = {"version": suite_version(), **how, "files": {**files}, "written": written}
        write_json(record, folder / SCORE_JSON)
        for name in written:
            (folder / name).parent.mkdir(exist_ok=True)
            (new / name).replace(folder / name)


def _written(folder: Path) -> set[str]:
    """The files of `WRITTEN`."""
    paths = (path for name in WRITTEN for path in (folder / name, *folder.glob(f"{name}/*")))
    return {path.relative_to(folder).as_posix() for path in paths if path.is_file()}
