"""Arrays of predictions by their names, and what is wrong with them.

- ``probabilities``: [members, images, classes], or [images, classes] of one member;
- ``labels``: [images], whole numbers from 0;
- ``ood_<name>``, any number of them: probabilities of out-of-distribution images;
- ``calibration_probabilities`` and ``calibration_labels``: the same of images that the model has
  not been trained on, which conformal sets and the temperature are fitted to;
- ``humans`` and ``reference``: other distributions of the labelled images, [images, classes]: how
  many people gave each class, and probabilities.

Logits may stand in place of all probabilities, where whoever gives them says so. What would make a
number silently wrong is refused: every error names the array, what is wrong with it, what was
expected and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.io import UserError, objection_to, printable

PROBABILITIES, LABELS = "probabilities", "labels"
"""The names of the two arrays that there must be."""

OOD = "ood_"
"""The prefix of the names of arrays of out-of-distribution images."""

CALIBRATION = ("calibration_probabilities", "calibration_labels")
"""The names of both arrays of calibration images."""

HUMANS, REFERENCE = "humans", "reference"
"""The names of what predictions are compared with."""

LABELS_OF = {PROBABILITIES: LABELS, CALIBRATION[0]: CALIBRATION[1]}
"""Names of labels, by that of the predictions of the same images."""

EXAMPLE = "np.savez(file, probabilities=…, labels=…)"

SUM_TOLERANCE = 1e-3
"""Largest distance of a row's sum from 1: half precision; the metrics allow as much."""

NEGATIVE_TOLERANCE = 1e-6
"""Largest distance below 0 that rounding may leave; the probability then counts as 0."""

AnyArray = NDArray[Any]


class ArrayError(UserError):
    """What is wrong with an array, behind its name.

    Attributes:
        array: the name.
    """

    def __init__(self, array: str, wrong: str) -> None:
        super().__init__(f"{array!r} {wrong}")
        self.array = array


@contextmanager
def beginning_with(
    what: object, origins: Mapping[str, object] = MappingProxyType({})
) -> Iterator[None]:
    """A `UserError` begins with what was given, or with the origin of the array it is about."""
    try:
        yield
    except UserError as error:
        about = origins.get(getattr(error, "array", ""), what)
        raise UserError(f"{printable(str(about))}: {error}") from error


def as_array(values: Any, name: str) -> AnyArray:
    """A tensor, an array or a list of numbers, as an array.

    Raises:
        ArrayError: it is none.
    """
    try:
        if not isinstance(values, Tensor):
            return np.asarray(values)
        # NumPy knows no bfloat16.
        known = values.float() if values.dtype == torch.bfloat16 else values
        array: AnyArray = known.detach().cpu().numpy()
        return array
    except (TypeError, ValueError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise ArrayError(
            name,
            f"is no array of numbers ({why}); give members with equally many images and classes",
        ) from error


def check_arrays(arrays: Mapping[str, AnyArray]) -> None:
    """Names, shapes and labels fit together; of the predictions no number is read.

    Raises:
        UserError: an array is missing, unknown or malformed.
    """
    sets = sorted(name for name in arrays if name.startswith(OOD))
    needed = {PROBABILITIES, LABELS} | ({*CALIBRATION} if arrays.keys() & {*CALIBRATION} else set())
    unknown = arrays.keys() - needed - {HUMANS, REFERENCE, *sets}
    unknown |= {name for name in sets if objection_to(name.removeprefix(OOD))}
    if (missing := needed - arrays.keys()) or unknown:
        held = ", ".join(f"{name!r} {list(arrays[name].shape)}" for name in sorted(arrays))
        raise UserError(
            f"there is {held or 'no array'}; expected {', '.join(map(repr, sorted(needed)))}, and "
            f"'{OOD}<name>', a name that can be shown, for out-of-distribution images"
            + "".join(f"; add {name!r}" for name in sorted(missing))
            + "".join(f"; rename or leave out {name!r}" for name in sorted(unknown))
            + f": write all with {EXAMPLE}, or name the file of the labels by --labels"
        )
    labels_of = {name: arrays[own] for name, own in LABELS_OF.items() if name in arrays}
    images = {name: len(np.atleast_1d(labels)) for name, labels in labels_of.items()}
    check_predictions({name: arrays[name] for name in (*labels_of, *sets)}, images)
    for name, labels in labels_of.items():
        check_labels(labels, arrays[PROBABILITIES].shape[-1], name=LABELS_OF[name])


def check_predictions(
    arrays: Mapping[str, AnyArray], images: Mapping[str, int], classes: int = 0
) -> None:
    """Predictions are numbers, alike in members and classes, and of the images that are meant.

    Args:
        arrays: by their names, [members, images, classes] or [images, classes].
        images: how many some of them are of.
        classes: how many there are; by default as many as the first has.

    Raises:
        ArrayError: one is not.
    """
    members = 0
    for name, array in arrays.items():
        shape = (1, *array.shape)[-3:]
        members, classes = members or shape[0], classes or shape[-1]
        count = images.get(name) or max(1, *shape[:-1][-1:])
        fits = shape == (members, count, classes) and 2 <= array.ndim <= 3
        if not (fits and array.size and array.dtype.kind in "fiu"):
            raise ArrayError(
                name,
                f"has the shape {list(array.shape)} and the type {array.dtype}; expected numbers "
                f"[members, images, classes], or [images, classes] of one member, with {members} "
                f"members, {count:,} images and {classes} classes, as labels and other arrays have",
            )


def check_labels(
    labels: AnyArray, classes: int, *, name: str = LABELS, first_image: int = 0
) -> None:
    """Labels are classes: whole numbers [images], from 0.

    Args:
        labels: of all images, or of those from ``first_image`` on.

    Raises:
        ArrayError: they are not.
    """
    if labels.ndim != 1 or not labels.size or labels.dtype.kind not in "iu":
        raise ArrayError(
            name,
            f"has the shape {list(labels.shape)} and the type {labels.dtype}; expected [images], "
            "of each the position of its class, a whole number from 0: save "
            f"{name}.argmax(axis=1) of one-hot rows, else {name}.ravel().astype(int)",
        )
    outside = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(outside):
        first = outside[0]
        raise ArrayError(
            name,
            f"has {len(outside):,} of {len(labels):,} that are not a class; the first is "
            f"{labels[first]}, of image {first_image + first}; expected 0 to {classes - 1}: if you "
            f"count them from 1, save {name} - 1",
        )


@np.errstate(all="ignore")
def check_rows(name: str, block: AnyArray, first_image: int, *, from_logits: bool) -> None:
    """The rows of a block of images are probabilities, or logits.

    Args:
        block: [members, images, classes].
        first_image: the position of its first image.

    Raises:
        ArrayError: some are not.
    """
    sums = np.asarray(block.sum(axis=-1, dtype=np.float64))
    sound = (abs(sums - 1) <= SUM_TOLERANCE) & (block >= -NEGATIVE_TOLERANCE).all(axis=-1)
    expected = (
        "probabilities, finite non-negative numbers that sum to 1: take the softmax of logits, or "
        "say --from-logits; the exponential of logarithms; and divide others by their sums"
    )
    if from_logits:
        if first_image == 0 and sound.all():
            raise ArrayError(
                name, "has rows that sum to 1; expected logits: leave out --from-logits"
            )
        expected = "logits, finite numbers, or -inf for the probability 0"
        sound = np.asarray((block < np.inf).all(axis=-1) & (block > -np.inf).any(axis=-1))
    if not sound.all():
        member, image = map(int, np.argwhere(~sound)[0])
        row = block[member, image]
        raise ArrayError(
            name,
            f"has {(~sound).sum():,} of {sound.size:,} rows that cannot be used; the first, of "
            f"member {member} and image {first_image + image}, holds {row.min():.4g} to "
            f"{row.max():.4g} and sums to {sums[member, image]:.6g}; expected {expected}",
        )
