"""Anyone's predictions, checked: refused where a number would silently be wrong.

They are arrays by their names, such as ``np.savez(file, probabilities=…, labels=…, ood_<name>=…)``
writes:

- ``probabilities``: [members, images, classes], or [images, classes] of one member;
- ``labels``: [images], whole numbers from 0;
- ``ood_<name>``, any number of them: probabilities of out-of-distribution images;
- ``calibration_probabilities`` and ``calibration_labels``: the same of images that the model has
  not been trained on, which conformal sets and the temperature are fitted to.

Logits may stand in place of all probabilities, where whoever gives them says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from benchmarks.inference.image_values import ImageValues, fits_to
from benchmarks.io import UserError
from benchmarks.predictions import StoredPrediction
from benchmarks.progress import tracked
from benchmarks.score.arrays import (
    HELD_OUT,
    LABELS,
    OOD,
    PROBABILITIES,
    Array,
    Check,
    LogitCheck,
    ProbabilityCheck,
    Source,
    axis_order_hint,
    blocks_of,
    require_classes,
    require_form,
    require_label_form,
    require_names,
    require_same_members,
)
from benchmarks.score.conditions import LABELLED, out_of_distribution
from benchmarks.tasks.conditions import Condition
from methods import Prediction
from methods.determinism import one_torch_thread
from methods.scores import member_scores

Labels = Int64[Tensor, " images"]

LINES = 10
"""Of progress, where there is no terminal."""


@dataclass(frozen=True, eq=False)
class ExternalPredictions:
    """One external method's predictions for labelled and for out-of-distribution images.

    Attributes:
        method: its name: the file's name without its ending.
        sha256: of the file, and of those beside it; empty where there is none.
        predictions: by condition, ``clean`` for the labelled images first.
        labels: of these.
    """

    method: str
    sha256: str
    predictions: Mapping[Condition, ImageValues]
    labels: Labels


@one_torch_thread()
def given_predictions(
    method: str, arrays: Mapping[str, Source], *, from_logits: bool = False
) -> ExternalPredictions:
    """Check arrays, by the names that a file has.

    Raises:
        UserError: one is missing, unknown or malformed.
    """
    predictions, labels = _predictions(arrays, from_logits=from_logits)
    return ExternalPredictions(method, "", predictions, labels)


def require_same_images(external: list[ExternalPredictions]) -> None:
    """Methods are compared image by image: all must predict the same ones.

    Raises:
        UserError: two have one name, other labels or other sets of out-of-distribution images.
    """
    first, *others = external
    names = [one.method for one in external]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two files are called {name!r}; rename one: it names the method")
    for other in others:
        both = f"{first.method!r} and {other.method!r}"
        if _sizes(first) != _sizes(other):
            raise UserError(
                f"{both} hold different images ({_sizes_text(first)} and {_sizes_text(other)}); "
                "give the same sets in both files, or score them one by one"
            )
        if not torch.equal(first.labels, other.labels):
            raise UserError(
                f"{both} have different labels; put the images into the same order, or score the "
                "files one by one"
            )


def _sizes(external: ExternalPredictions) -> dict[str, int]:
    return {condition.name: one.images for condition, one in external.predictions.items()}


def _sizes_text(external: ExternalPredictions) -> str:
    return ", ".join(f"{images:,} {condition}" for condition, images in _sizes(external).items())


def _predictions(
    arrays: Mapping[str, Source], *, from_logits: bool
) -> tuple[dict[Condition, ImageValues], Labels]:
    """By condition, and the labels; all headers are checked before anything else is read."""
    require_names(arrays)
    probabilities, labels = arrays[PROBABILITIES], arrays[LABELS]
    held_out = [arrays[name] for name in HELD_OUT if name in arrays]
    taken = {PROBABILITIES, LABELS, *HELD_OUT}
    sets = {name: arrays[name] for name in sorted(arrays.keys() - taken)}
    others = (*sets.values(), *held_out[:1])
    for of_labels in (labels, *held_out[1:]):
        require_label_form(of_labels)
    for array in (probabilities, *others):
        require_form(array)
    known = _labels(probabilities, labels)
    for array in others:
        require_same_members(array, probabilities)
    calibration = _calibration(*held_out, from_logits=from_logits) if held_out else None
    blocks = _checked(probabilities, known, from_logits=from_logits)
    predictions = {LABELLED: ImageValues(blocks, fits_to(calibration))}
    conditions = out_of_distribution([name.removeprefix(OOD) for name in sets])
    for condition, array in zip(conditions, sets.values(), strict=True):
        predictions[condition] = ImageValues(_checked(array, None, from_logits=from_logits))
    return dict(predictions), known


def _labels(array: Source, labels: Source) -> Labels:
    """The labels of an array's images, each one of its classes."""
    _require_images(array, labels.shape[0])
    require_classes(labels.values, classes=array.shape[-1], name=labels.name)
    return torch.from_numpy(labels.values.astype(np.int64))


def _calibration(array: Source, labels: Source, *, from_logits: bool) -> StoredPrediction:
    """The mean prediction of the calibration images: no more is fitted to."""
    known = _labels(array, labels)
    checked = _checked(array, known, from_logits=from_logits)
    mean = torch.cat([block.prediction.mean for block in checked])
    return StoredPrediction(Prediction.of(mean[None]), known)


def _require_images(array: Source, images: int) -> None:
    if array.shape[-2] != images:
        raise UserError(
            f"{array.name!r} has the shape {list(array.shape)}, but there are {images:,} "
            "labels; expected [members, images, classes] or [images, classes]"
            + axis_order_hint(array, images)
        )


def _checked(
    array: Source, labels: Labels | None, *, from_logits: bool
) -> Iterator[StoredPrediction]:
    """The prediction in blocks of images, as long as they are probabilities, or logits.

    Raises:
        UserError: some are not; after the last block.
    """
    check: Check = LogitCheck(array) if from_logits else ProbabilityCheck(array)
    predicted = Prediction.of_logits if from_logits else Prediction.of
    blocks = blocks_of(array)
    read = (
        (start, _stacked(array.part(len(array.shape) - 2, start, stop))) for start, stop in blocks
    )
    what = f"blocks of {array.name}"
    shown = tracked(read, len(blocks), "read", what, most_lines=LINES)
    for start, block in shown if len(blocks) > 1 else read:
        if check.is_sound(block, start):
            of_block = None if labels is None else labels[start : start + block.shape[1]]
            yield with_scores(predicted(_native(block)), of_block)
    images = array.shape[-2]
    labelled = labels is not None
    check.require_sound(lambda: axis_order_hint(array, images) if labelled else "")


def with_scores(prediction: Prediction, labels: Labels | None) -> StoredPrediction:
    """With the scores of its members; there are neither logits nor features."""
    members = prediction.member_probabilities
    unknown = torch.full((len(prediction.mean),), torch.nan, dtype=torch.float64)
    scores = {
        name: unknown if members is None else score.of(members)
        for name, score in member_scores().items()
        if score.of
    }
    return StoredPrediction(replace(prediction, scores=scores), labels)


def _stacked(block: Array) -> Array:
    """As [members, images, classes], also of one member."""
    return block if block.ndim == 3 else block[None]


def _native(block: Array) -> Tensor:
    # Native byte order and a type that torch knows; single precision stays as small as it is.
    kind = np.float32 if block.dtype.itemsize <= 4 else np.float64
    return torch.from_numpy(np.require(block, dtype=kind, requirements=["C", "W"]))
