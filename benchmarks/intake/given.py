"""Contestants whose predictions are given: they enter at the stage `measure`.

They come as the arrays of `benchmarks.intake.formats`, or from a user's own methods, and are read
in blocks of images. The rows of the tables are those of a run's methods with a single replicate.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import file_digest, sha256
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int64
from torch import Tensor

from benchmarks.inference.evidence import (
    Entry,
    GroupNumbers,
    HeadlineEvidence,
    MeasuredUnit,
    MeasureName,
)
from benchmarks.inference.resampling import Frame
from benchmarks.intake.formats import (
    CALIBRATION,
    LABELS,
    OOD,
    PROBABILITIES,
    AnyArray,
    arrays_in,
    check_arrays,
    check_rows,
)
from benchmarks.io import (
    UserError,
    objection_to,
    printable,
    read_json,
    require_own,
    writable_folder,
    write_json,
)
from benchmarks.metrics import METRICS, Metric
from benchmarks.nouns import Contestant, MethodRecord, Names, TaskRecord
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.progress import tracked
from benchmarks.report import write_report
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import MAIN
from benchmarks.run.configuration import require_resampling
from benchmarks.run.curves import DrawnUnit
from benchmarks.run.image_values import ImageValues, RankedFamily, fits_to
from benchmarks.run.measure import Measuring, answer_table, image_sets
from benchmarks.run.measurements import KeptRows
from benchmarks.run.nouns import condition_records, metric_records, score_records
from benchmarks.schema import write_table
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import (
    ANSWER_CSV,
    ANSWER_JSON,
    CLEAN,
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
from methods import Prediction, UncertaintyMethod
from methods.determinism import one_torch_thread
from methods.scores import member_scores, probability_scores
from methods.version import suite_version

LABELLED = Condition(CLEAN, "Clean", "clean", data="labelled")
"""The images with labels, from which out-of-distribution ones are to be distinguished."""

BLOCK_VALUES = 2**21
"""Probabilities that are read at once."""

BLOCK_MULTIPLE = 16
"""Of so many images blocks are, so that the processor's vectors are filled as by all at once."""

PRIMARY_SCORE = UncertaintyMethod.primary_score
"""The score by which all of them rank images first."""

SCORE_JSON = "score.json"
"""What was scored, by which version."""

DIFFERENCES_CSV = "differences.csv"
"""By which methods differ from those of a run, beside which they were scored."""

TABLES = (MEASUREMENTS_CSV, SUMMARY_CSV, ANSWER_CSV, DIFFERENCES_CSV)
"""Those of what was scored."""

FOLDERS = (TABLES_FOLDER, FIGURES_FOLDER, CURVES_FOLDER, INFLUENCES_FOLDER)
"""Those in which files of earlier scores are removed: those that ``score.json`` names."""

PredictionsByCondition = Mapping[Condition, ImageValues]
"""What metrics need of a method's predictions of some images."""


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


class MeasuredGiven(Measuring):
    """What is measured of contestants whose predictions are given.

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


@dataclass(frozen=True, eq=False)
class GivenPredictions:
    """One method's predictions for labelled and for out-of-distribution images.

    Attributes:
        method: its name: in files, the file's name without its ending.
        predictions: by condition, ``clean`` for the labelled images first.
        labels: of these.
        sha256: of the files; empty where there is none.
    """

    method: str
    predictions: PredictionsByCondition
    labels: Int64[Tensor, " images"]
    sha256: str = ""


def read_predictions(
    path: Path,
    *,
    labels: Path | None = None,
    ood: Mapping[str, Path] | None = None,
    calibration: Path | None = None,
    calibration_labels: Path | None = None,
    from_logits: bool = False,
) -> GivenPredictions:
    """Read and check a method's files; one of a single array may be larger than the memory.

    Args:
        path: named as the method.
        labels, ood, calibration, calibration_labels: files of what it does not hold, ``ood`` by the
            names of sets of images; a file of calibration images may hold their labels.
        from_logits: whether all are logits.

    Raises:
        UserError: a file cannot be read, or an array is missing, unknown or malformed.
    """
    # Each further file, and what its arrays are among all.
    further: list[tuple[Path | None, dict[str, str]]] = [
        (labels, {PROBABILITIES: LABELS, LABELS: LABELS}),
        *((file, {PROBABILITIES: f"{OOD}{name}"}) for name, file in (ood or {}).items()),
        (calibration, dict(zip((PROBABILITIES, LABELS), CALIBRATION, strict=True))),
        (calibration_labels, dict.fromkeys((PROBABILITIES, LABELS), CALIBRATION[1])),
    ]
    file, files, origins = path, [path], dict[str, Path]()
    try:
        arrays = arrays_in(path)
        if objection := objection_to(path.stem):
            raise UserError(f"the file's name, which names the method, {objection}")
        for further_file, names in further:
            if further_file is None:
                continue
            file = further_file
            held = arrays_in(file)
            # Where two would have one name, as in a file of predictions with labels, the later.
            added = {names[name]: held[name] for name in names if name in held}
            if not added:
                raise UserError(f"the file holds {', '.join(map(repr, held))}; expected one array")
            for name in added.keys() & arrays.keys():
                raise UserError(f"{name!r} is given twice; leave out one of the files")
            arrays |= added
            origins |= dict.fromkeys(added, file)
            files.append(file)
        file = path
        checked = checked_predictions(path.stem, arrays, from_logits=from_logits)
    except UserError as error:
        for name, own in origins.items():  # of whose array the message says what is wrong
            about = f"\n{name!r} ", f" rows of {name!r} ", f" {name!r} are "
            file = own if any(words in f"\n{error}" for words in about) else file
        raise UserError(f"{printable(str(file))}: {error}") from error
    digest = sha256()
    for file in files:
        with file.open("rb") as content:
            file_digest(content, lambda: digest)
    return replace(checked, sha256=digest.hexdigest())


@one_torch_thread()
def checked_predictions(
    method: str, arrays: Mapping[str, AnyArray], *, from_logits: bool = False
) -> GivenPredictions:
    """Check arrays by their names, and form what metrics need of each image.

    Raises:
        UserError: one is missing, unknown or malformed.
    """
    check_arrays(arrays)

    def blocks(name: str, labels: str = "") -> Iterator[StoredPrediction]:
        classes = torch.from_numpy(arrays[labels].astype(np.int64)) if labels else None
        return blocks_of(name, arrays[name], classes, from_logits=from_logits)

    held_out = mean_prediction(blocks(*CALIBRATION)) if CALIBRATION[0] in arrays else None
    predictions = {LABELLED: ImageValues(blocks(PROBABILITIES, LABELS), fits_to(held_out))}
    sets = sorted(name for name in arrays if name.startswith(OOD))
    conditions = out_of_distribution(name.removeprefix(OOD) for name in sets)
    predictions |= {c: ImageValues(blocks(n)) for n, c in zip(sets, conditions, strict=True)}
    return GivenPredictions(method, predictions, torch.from_numpy(arrays[LABELS].astype(np.int64)))


def blocks_of(
    name: str, array: AnyArray, labels: Int64[Tensor, " images"] | None, *, from_logits: bool
) -> Iterator[StoredPrediction]:
    """The prediction in blocks of images, each checked before the next is read.

    Raises:
        UserError: some rows are no probabilities, or no logits.
    """
    members = array if array.ndim == 3 else array[None]
    at_once = BLOCK_VALUES // (members.shape[0] * members.shape[2])
    starts = range(0, members.shape[1], max(at_once // BLOCK_MULTIPLE, 1) * BLOCK_MULTIPLE)
    shown: Iterable[int] = starts
    if len(starts) > 1:
        shown = tracked(starts, len(starts), "read", f"blocks of {name}")
    for start in shown:
        block = members[:, start : start + starts.step]
        check_rows(name, block, start, one_member=array.ndim == 2, from_logits=from_logits)
        # Native byte order and a type that torch knows; single precision stays as small as it is.
        kind = np.float32 if block.dtype.itemsize <= 4 else np.float64
        values = torch.from_numpy(np.require(block, dtype=kind, requirements=["C", "W"]))
        prediction = (
            Prediction.of_logits(values) if from_logits else Prediction.of(values.clamp(min=0))
        )
        own_labels = None if labels is None else labels[start : start + block.shape[1]]
        yield with_scores(prediction, own_labels)


def with_scores(
    prediction: Prediction, labels: Int64[Tensor, " images"] | None
) -> StoredPrediction:
    """With the scores of its members, and of their logits if it has them."""
    given = {"members": prediction.member_probabilities, "logits": prediction.member_logits}
    unknown = torch.full((len(prediction.mean),), torch.nan, dtype=torch.float64)
    scores = {
        name: unknown if (values := given[need]) is None else score.function(values)
        for name, score in member_scores().items()
        for need in score.needs
        if score.function and (need == "members" or given[need] is not None)
    }
    return StoredPrediction(replace(prediction, scores=scores), labels)


def mean_prediction(blocks: Iterable[StoredPrediction]) -> StoredPrediction:
    """Of calibration images: no more is fitted to."""
    means, labels = zip(*((block.prediction.mean, block.labels) for block in blocks), strict=True)
    return StoredPrediction(Prediction.of(torch.cat(means)[None]), torch.cat(labels))


def out_of_distribution(labels: Iterable[str]) -> Iterator[Condition]:
    """Conditions of such sets; what a condition's name may not hold is in its label alone."""
    plain_names: list[str] = []
    for label in labels:
        plain = "ood-" + re.sub("[^a-z0-9_-]+", "-", label.lower())
        plain_names.append(plain)
        same = plain_names.count(plain)
        name = plain if same == 1 else f"{plain}-{same}"
        yield Condition(
            name=name,
            label=label,
            group="out-of-distribution",
            data=label,
            labels="none",
            reason="out-of-distribution images have no label",
            paired_with=name,
            in_mean=True,
        )


@one_torch_thread()
def score(
    given: Sequence[GivenPredictions], folder: Path | None = None, *, resamples: int, seed: int
) -> Scored:
    """All metrics of each method, with intervals over images, and which of them may be the best.

    Methods are compared image by image: all must predict the same ones.

    Args:
        given: of each method.
        folder: where to write what a run writes, in place of earlier scores: numbers, tables,
            figures and page; what was scored is told by ``score.json``.
        resamples, seed: of the bootstrap of images, where no influence is known.

    Raises:
        UserError: two have one name, other labels or other sets of out-of-distribution images.
    """
    first = given[0]
    for other in given[1:]:
        both = f"{first.method!r} and {other.method!r}"
        sizes = _sizes(first), _sizes(other)
        if sizes[0] != sizes[1]:
            raise UserError(
                f"{both} hold different images ({' and '.join(sizes)}); give the same sets in both "
                "files, or score them one by one"
            )
        if not torch.equal(first.labels, other.labels):
            raise UserError(
                f"{both} have different labels; put the images into the same order, or score the "
                "files one by one"
            )
    images = {condition: own.images for condition, own in first.predictions.items()}
    predictions = {each.method: each.predictions for each in given}
    measured = MeasuredGiven(predictions, images, resamples, seed, curves=True)
    names = Names(
        tasks=(TaskRecord("", "Your images", (), (), 0, len(first.labels), 0, ()),),
        conditions=condition_records(images),
        methods=tuple(MethodRecord(n, n, primary_score=PRIMARY_SCORE) for n in predictions),
        scores=score_records((probability_scores() | member_scores()).values()),
        metrics=metric_records(first.predictions[LABELLED].classes),
    )
    curves, evidence = measured.tables, measured.evidence
    measurements, summary = curves.pop("measurements"), curves.pop("summary")
    results = Results(summary, names, answer_table(evidence, names), curves=curves)
    scored = Scored(results, measurements, pd.DataFrame(), evidence)
    if folder is not None:
        digests = {each.method: each.sha256 for each in given}
        write_scores(scored, folder, digests, resamples=resamples, seed=seed)
    return scored


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
    out: Path | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> Results:
    """Score a file of predictions for each method, as the command ``score`` does.

    Args:
        files: one for each method; several are compared image by image.
        labels, calibration_labels: files of labels that the others do not hold.
        ood: ``NAME=FILE``, predictions of out-of-distribution images; of each set one for each
            method, in their order.
        calibration: likewise files with predictions of calibration images.
        from_logits: whether all predictions are logits.
        out: a folder for numbers, tables, figures and a page.
        resamples, seed: of the bootstrap of images, where no influence is known.

    Raises:
        UserError: a file or an option cannot be used.
    """
    require_resampling(resamples, seed)
    sets: dict[str, list[Path]] = {}
    for word in ood:
        name, equals, file = word.partition("=")
        if not (name and equals and file):
            raise UserError(f"--ood: {word!r} is no NAME=FILE; write, for example, --ood far=a.npy")
        sets.setdefault(name, []).append(Path(file))
    given = {f"--ood {name}": paths for name, paths in sets.items()}
    for option, paths in (given | ({"--calibration": calibration} if calibration else {})).items():
        if len(paths) != len(files):
            raise UserError(
                f"{option} is given {len(paths)} times for {len(files)} methods; give one file for "
                "each, in their order"
            )
    read = [
        read_predictions(
            path,
            labels=labels,
            ood={name: paths[position] for name, paths in sets.items()},
            calibration=calibration[position] if calibration else None,
            calibration_labels=calibration_labels,
            from_logits=from_logits,
        )
        for position, path in enumerate(files)
    ]
    names = [each.method for each in read]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two files are called {name!r}; rename one: it names the method")
    folder = None if out is None else folder_for_scores(out)
    return score(read, folder, resamples=resamples, seed=seed).results


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
    names = (*TABLES, LATENCY_CSV, NOUNS_JSON, INDEX_HTML, *FOLDERS, SCORE_JSON)
    taken = [name for name in names if (folder / name).exists()]
    if taken and not isinstance(read_json(folder / SCORE_JSON).get("written"), list):
        raise UserError(
            f"--out {folder}: this folder holds {taken[0]}, but no {SCORE_JSON} of earlier scores "
            "by this version; name another folder"
        )
    return folder


def write_scores(scored: Scored, folder: Path, files: Mapping[str, str], **how: int) -> None:
    """Write what a run writes, in place of earlier scores; ``score.json`` tells what was scored.

    Of one contestant nothing compares: there is one table, and no answer.

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
    several = len(results.summary["method"].unique()) > 1
    for name, table in {
        MEASUREMENTS_CSV: scored.measurements,
        SUMMARY_CSV: results.summary,
        ANSWER_CSV: results.answer if several else pd.DataFrame(),
        DIFFERENCES_CSV: scored.differences,
        LATENCY_CSV: results.latency,
        SCORE_LATENCY_CSV: results.score_latency,
    }.items():
        (folder / name).unlink(missing_ok=True)
        if len(table):
            write_table(table, folder, name)
    for name, table in results.curves.items():
        if len(table):
            write_table(table, folder / CURVES_FOLDER, f"{name}.csv")
    (folder / ANSWER_JSON).unlink(missing_ok=True)
    for evidence in scored.evidence if several else ():
        evidence.write(folder)
    results.names.write(folder)
    write_report(folder, () if several else [MAIN])
    written = sorted(name for name, _ in _in_folders(folder) - others)
    write_json(record | {"written": written}, folder / SCORE_JSON)


def _in_folders(folder: Path) -> set[tuple[str, int]]:
    """The files in `FOLDERS`, each with the time at which it was written."""
    paths = (path for name in FOLDERS for path in folder.glob(f"{name}/*") if path.is_file())
    return {(path.relative_to(folder).as_posix(), path.stat().st_mtime_ns) for path in paths}
