"""Predictions of others, scored with the suite's metrics, intervals and tables.

They come as the arrays of `benchmarks.external_arrays`, or from a user's own methods, and are read
in blocks of images. The rows of the tables are those of a run's methods with a single replicate.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import file_digest, sha256
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int64
from torch import Tensor

from benchmarks.external_arrays import (
    CALIBRATION,
    LABELS,
    OOD,
    PROBABILITIES,
    AnyArray,
    arrays_in,
    check_arrays,
    check_rows,
)
from benchmarks.external_scores import (
    PRIMARY_SCORE,
    Given,
    MeasuredGiven,
    PredictionsByCondition,
    ScoredMethods,
    folder_for_scores,
    write_scores,
)
from benchmarks.io import UserError, objection_to, printable
from benchmarks.nouns import MethodRecord, Names, TaskRecord
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.progress import tracked
from benchmarks.report.results import Results
from benchmarks.run.configuration import require_resampling
from benchmarks.run.curves import DrawnUnit
from benchmarks.run.image_values import ImageValues, fits_to
from benchmarks.run.measure import answer_table
from benchmarks.run.nouns import condition_records, metric_records, score_records
from benchmarks.schema import ArraysByName
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import CLEAN
from methods import Prediction
from methods.determinism import one_torch_thread
from methods.scores import member_scores, probability_scores

LABELLED = Condition(CLEAN, "Clean", "clean", data="labelled")
"""The images with labels, from which out-of-distribution ones are to be distinguished."""

BLOCK_VALUES = 2**21
"""Probabilities that are read at once."""

BLOCK_MULTIPLE = 16
"""Of so many images blocks are, so that the processor's vectors are filled as by all at once."""


@dataclass(frozen=True, eq=False)
class ExternalPredictions:
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
) -> ExternalPredictions:
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
            if further_file is not None:
                file = further_file
                origins |= dict.fromkeys(_add(arrays, arrays_in(file), names), file)
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


def _add(arrays: ArraysByName, further: ArraysByName, names: Mapping[str, str]) -> Collection[str]:
    """Add arrays under the names that they have among all, which are returned.

    Where two would have one name, as in a file of predictions that names its labels, it is the
    later one of ``names``.
    """
    added = {names[name]: further[name] for name in names if name in further}
    if not added:
        raise UserError(f"the file holds {', '.join(map(repr, further))}; expected one array")
    for name in added.keys() & arrays.keys():
        raise UserError(f"{name!r} is given twice; leave out one of the files")
    arrays.update(added)
    return added.keys()


@one_torch_thread()
def checked_predictions(
    method: str, arrays: Mapping[str, AnyArray], *, from_logits: bool = False
) -> ExternalPredictions:
    """Check arrays by their names, and form what metrics need of each image.

    Raises:
        UserError: one is missing, unknown or malformed.
    """
    check_arrays(arrays)

    def blocks(
        name: str, labels: Int64[Tensor, " images"] | None = None
    ) -> Iterator[StoredPrediction]:
        return blocks_of(name, arrays[name], labels, from_logits=from_logits)

    def known(name: str) -> Int64[Tensor, " images"]:
        return torch.from_numpy(arrays[name].astype(np.int64))

    images, their_labels = CALIBRATION
    held_out = mean_prediction(blocks(images, known(their_labels))) if images in arrays else None
    labels = known(LABELS)
    predictions = {LABELLED: ImageValues(blocks(PROBABILITIES, labels), fits_to(held_out))}
    sets = sorted(name for name in arrays if name.startswith(OOD))
    conditions = out_of_distribution(name.removeprefix(OOD) for name in sets)
    predictions |= {
        condition: ImageValues(blocks(name))
        for name, condition in zip(sets, conditions, strict=True)
    }
    return ExternalPredictions(method, predictions, labels)


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
        what = f"blocks of {name}"
        shown = tracked(starts, len(starts), "read", what)
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


def require_same_images(external: Sequence[ExternalPredictions]) -> None:
    """Methods are compared image by image: all must predict the same ones.

    Raises:
        UserError: two have one name, other labels or other sets of out-of-distribution images.
    """
    first, *others = external
    names = [predictions.method for predictions in external]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two files are called {name!r}; rename one: it names the method")
    for other in others:
        both = f"{first.method!r} and {other.method!r}"
        if _sizes(first) != _sizes(other):
            raise UserError(
                f"{both} hold different images ({_sizes(first)} and {_sizes(other)}); give the "
                "same sets in both files, or score them one by one"
            )
        if not torch.equal(first.labels, other.labels):
            raise UserError(
                f"{both} have different labels; put the images into the same order, or score the "
                "files one by one"
            )


def _sizes(external: ExternalPredictions) -> str:
    sets = external.predictions.items()
    return ", ".join(f"{values.images:,} {condition.label.lower()}" for condition, values in sets)


@one_torch_thread()
def score(
    external: Sequence[ExternalPredictions],
    folder: Path | None = None,
    *,
    resamples: int,
    seed: int,
) -> ScoredMethods:
    """All metrics of each method, with intervals over images, and which of them may be the best.

    Args:
        external: of each method.
        folder: where to write what a run writes, in place of earlier scores: numbers, tables,
            figures and page; what was scored is told by ``score.json``.
        resamples, seed: of the bootstrap of images, where no influence is known.
    """
    units = {RunUnit(each.method, None, 1.0, 0): each.predictions for each in external}
    images = {condition: own.images for condition, own in external[0].predictions.items()}
    drawn = {unit: DrawnUnit(unit, PRIMARY_SCORE, first=True, alone=True) for unit in units}
    measured = MeasuredGiven(Given(units, images, resamples, seed, drawn=drawn))
    names, evidence, tables = _names(external), measured.evidence, measured.tables
    measurements, summary = tables.pop("measurements"), tables.pop("summary")
    results = Results(summary, names, answer_table(evidence, names), curves=tables)
    scored = ScoredMethods(results, measurements, pd.DataFrame(), evidence)
    if folder is not None:
        files = {method.method: method.sha256 for method in external}
        write_scores(scored, folder, files, resamples=resamples, seed=seed)
    return scored


def _names(external: Sequence[ExternalPredictions]) -> Names:
    """What the tables name; methods are called as their files are."""
    return Names(
        tasks=(TaskRecord("", "Your images", (), (), 0, len(external[0].labels), 0, ()),),
        conditions=condition_records(external[0].predictions),
        methods=tuple(
            MethodRecord(each.method, each.method, primary_score=PRIMARY_SCORE) for each in external
        ),
        scores=score_records((probability_scores() | member_scores()).values()),
        metrics=metric_records(external[0].predictions[LABELLED].classes),
    )


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
    external = [
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
    require_same_images(external)
    folder = None if out is None else folder_for_scores(out)
    return score(external, folder, resamples=resamples, seed=seed).results
