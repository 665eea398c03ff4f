"""A method's predictions, from files or arrays, checked and read in blocks of images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import file_digest, sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from benchmarks.intake.against import AgainstRow, rows_against, shares_of
from benchmarks.intake.checks import (
    CALIBRATION,
    HUMANS,
    LABELS,
    LABELS_OF,
    OOD,
    PROBABILITIES,
    REFERENCE,
    AnyArray,
    as_array,
    beginning_with,
    check_arrays,
    check_rows,
)
from benchmarks.intake.formats import arrays_in, arrays_named
from benchmarks.io import UserError, objection_to
from benchmarks.predictions import StoredPrediction
from benchmarks.progress import ask, tracked
from benchmarks.run.derived import with_member_scores
from benchmarks.run.image_values import ImageValues, fits_to
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import CLEAN
from methods import Prediction
from methods.determinism import one_torch_thread
from methods.scores import member_scores

LABELLED = Condition(CLEAN, "Clean", "clean", data="labelled")
"""The images with labels, from which out-of-distribution ones are to be distinguished."""

BLOCK_VALUES = 2**21
"""Probabilities that are read at once."""

BLOCK_MULTIPLE = 16
"""Divisor of a block's images, so that the processor's vectors are filled as by all at once."""

PredictionsByCondition = Mapping[Condition, ImageValues]
"""What metrics need of a method's predictions of some images."""


@dataclass(frozen=True, eq=False)
class GivenPredictions:
    """One method's predictions for labelled and for out-of-distribution images.

    Attributes:
        method: its name: in files, the file's name without its ending.
        predictions: by condition, ``clean`` for the labelled images first.
        labels: of these.
        sha256: of the files; empty where there is none.
        against: what they are against other distributions of the labelled images.
    """

    method: str
    predictions: PredictionsByCondition
    labels: Int64[Tensor, " images"]
    sha256: str = ""
    against: Sequence[AgainstRow] = ()


def read_predictions(
    path: Path,
    further: Mapping[str, Path] = MappingProxyType({}),
    *,
    from_logits: bool = False,
) -> GivenPredictions:
    """Read and check a method's files; one of a single array may be larger than the memory.

    Args:
        path: named as the method.
        further: files of arrays that it does not hold, by their names; that of calibration images
            may hold their labels.

    Raises:
        UserError: a file cannot be read, or an array is missing, unknown or malformed.
    """
    with beginning_with(path):
        arrays = arrays_in(path)
        if objection := objection_to(path.stem):
            raise UserError(f"the file's name, which names the method, {objection}")
    origins: dict[str, Path] = {}
    for name, file in further.items():
        with beginning_with(file):
            added = arrays_named(name, file)
            for twice in added.keys() & arrays.keys():
                raise UserError(f"{twice!r} is given twice; leave out one of the files")
        arrays |= added
        origins |= dict.fromkeys(added, file)
    with beginning_with(path, origins):
        checked = checked_predictions(path.stem, arrays, from_logits=from_logits)
    digest = sha256()
    for file in (path, *further.values()):
        with file.open("rb") as content:
            file_digest(content, lambda: digest)
    return replace(checked, sha256=digest.hexdigest())


def predictions_by_method(
    predictions: Mapping[str, Any],
    ood: Mapping[str, Any],
    calibration: Any,
    shared: Mapping[str, Any],
    *,
    from_logits: bool = False,
) -> Iterator[GivenPredictions]:
    """Check the arrays of each method, from those of each set of images by method.

    Args:
        predictions, ood, calibration, from_logits: see `benchmarks.api.score_predictions`.
        shared: arrays of all methods by their names; ``None`` where there is none.

    Raises:
        TypeError: the calibration images have no labels.
        UserError: there are no predictions of some method, or they are malformed.
    """
    sets = {PROBABILITIES: predictions} | {f"{OOD}{name}": own for name, own in ood.items()}
    if calibration is not None:
        if not isinstance(calibration, (tuple, list)) or len(calibration) != 2:
            raise TypeError("calibration: expected a pair (probabilities, labels)")
        sets[CALIBRATION[0]] = calibration[0]
        shared = {**shared, CALIBRATION[1]: calibration[1]}
    for method in predictions:
        arrays = {name: array for name, array in shared.items() if array is not None}
        for name, given in sets.items():
            # What is of no method by name is of the only one.
            own = given if isinstance(given, Mapping) else dict.fromkeys([*predictions][:1], given)
            if {*predictions} - own.keys():
                raise UserError(
                    f"{name}: there are predictions of {', '.join(own)}; expected a dictionary "
                    f"with those of each method: {', '.join(predictions)}"
                )
            arrays[name] = own[method]
        with beginning_with(repr(method)):
            checked = checked_predictions(method, arrays, from_logits=from_logits)
        yield checked


@one_torch_thread()
def checked_predictions(
    method: str, arrays: Mapping[str, Any], *, from_logits: bool = False
) -> GivenPredictions:
    """Check arrays by their names, and form what metrics need of each image.

    Args:
        arrays: see `benchmarks.intake.checks`.

    Raises:
        UserError: one is missing, unknown or malformed.
    """
    given = {name: as_array(values, name) for name, values in arrays.items()}
    check_arrays(given)

    def blocks(name: str) -> Iterator[StoredPrediction]:
        own = given[LABELS_OF[name]] if name in LABELS_OF else None
        labels = None if own is None else torch.from_numpy(own.astype(np.int64))
        return blocks_of(name, given[name], labels, from_logits=from_logits)

    held_out = mean_prediction(blocks(CALIBRATION[0])) if CALIBRATION[0] in given else None
    known = torch.from_numpy(given[LABELS].astype(np.int64))
    others = [name for name in (HUMANS, REFERENCE) if name in given]
    votes, means = list[Tensor](), list[Tensor]()

    def watched() -> Iterator[StoredPrediction]:
        for block in blocks(PROBABILITIES):
            votes.append(block.prediction.mean.argmax(dim=1))
            means.extend([block.prediction.mean] if others else [])
            yield block

    labelled = ImageValues(watched(), fits_to(held_out))
    ask_about_order(method, known, torch.cat(votes))
    sets = sorted(name for name in given if name.startswith(OOD))
    conditions = out_of_distribution(name.removeprefix(OOD) for name in sets)
    predictions = {LABELLED: labelled} | {
        condition: ImageValues(blocks(name))
        for name, condition in zip(sets, conditions, strict=True)
    }
    rows: list[AgainstRow] = []
    for name in others:
        shares = shares_of(name, given[name], known, labelled.classes)
        rows += rows_against(name, shares, method, torch.cat(means), labelled)
    return GivenPredictions(method, predictions, known, against=rows)


def ask_about_order(
    method: str, labels: Int64[Tensor, " images"], votes: Int64[Tensor, " images"]
) -> None:
    """A question where another order of the columns is right far more often."""
    classes = int(torch.cat([labels, votes]).max()) + 1
    pairs = torch.bincount(labels * classes + votes, minlength=classes**2)
    confusion = pairs.reshape(classes, classes).numpy()
    images, right = len(labels), np.trace(confusion)
    label, column = linear_sum_assignment(confusion, maximize=True)
    best = confusion[label, column].sum()
    if best > max(images / 2, 2 * right):
        moved = np.flatnonzero(label != column)[0]
        ask(
            "score",
            f"{method}: {right / images:.1%} of the images are right, but {best / images:.1%} in "
            f"another order of the columns, such as column {column[moved]} for class "
            f"{label[moved]}: are they in the order of the labels?",
        )


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
        check_rows(name, block, start, from_logits=from_logits)
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
    """A prediction with the scores of its members, and of their logits if it has them."""
    known = {"members"} if prediction.member_logits is None else {"members", "logits"}
    scores = {name: score for name, score in member_scores().items() if score.needs <= known}
    return with_member_scores(replace(prediction, scores={}), labels, scores)


def mean_prediction(blocks: Iterable[StoredPrediction]) -> StoredPrediction:
    """Mean prediction of calibration images; nothing is fitted to more."""
    means, labels = zip(*((block.prediction.mean, block.labels) for block in blocks), strict=True)
    return StoredPrediction(Prediction.of(torch.cat(means)[None]), torch.cat(labels))


def out_of_distribution(labels: Iterable[str]) -> Iterator[Condition]:
    """Conditions of such sets; what a condition's name may not hold is in its label alone."""
    known: list[str] = []
    for label in labels:
        plain = "ood-" + re.sub("[^a-z0-9_-]+", "-", label.lower())
        known.append(plain)
        same = known.count(plain)
        yield Condition(
            name := plain if same == 1 else f"{plain}-{same}",
            label,
            group="out-of-distribution",
            data=label,
            labels="none",
            reason="out-of-distribution images have no label",
            paired_with=name,
            in_mean=True,
        )
