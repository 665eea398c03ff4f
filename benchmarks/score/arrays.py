"""Arrays of external predictions, and checks: names, axes, labels, sizes, and each row.

They come from files or from the memory, and are read in blocks of images. Every error names the
array, what is wrong with it, what was expected and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.io import UserError, objection_to

EXAMPLE = "np.savez(file, probabilities=…, labels=…)"

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Source:
    """An array in memory, or one that the system maps into it, with what messages call it."""

    name: str
    values: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """Its axes."""
        return self.values.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its numbers."""
        return self.values.dtype

    def part(self, axis: int, start: int, stop: int) -> Array:
        """The array from ``start`` to ``stop`` along an axis."""
        chosen: Array = self.values[(slice(None),) * axis + (slice(start, stop),)]
        return chosen


ROUNDING = 1e-3
"""How far a row may be from a sum of 1: half precision; the metrics allow as much."""


class Check(Protocol):
    """Looks at an array block by block."""

    def is_sound(self, block: Array, start: int) -> bool:
        """Whether this block [members, images, classes], and all before it, are sound."""

    def require_sound(self, hint: Callable[[], str]) -> None:
        """All blocks were sound; the hint is asked for where one was not.

        Raises:
            UserError: one was not.
        """


def unsound(array: Array) -> NDArray[np.bool_]:
    """Which rows are no distribution."""
    with np.errstate(all="ignore"):  # whatever the numbers are
        sums = array.sum(axis=-1, dtype=np.float64)
        sound: NDArray[np.bool_] = (np.abs(sums - 1) <= ROUNDING) & (array >= 0).all(axis=-1)
    return ~sound


class ProbabilityCheck:
    """Counts the rows of an array that are no distribution, and remembers the first."""

    def __init__(self, array: Source) -> None:
        self._array = array
        self._unsound = 0
        self._first: tuple[int, int] | None = None
        self._row = np.zeros(0)

    def is_sound(self, block: Array, start: int) -> bool:
        """See `Check`."""
        wrong = unsound(block)
        self._unsound += int(wrong.sum())
        if wrong.any():
            member, image = map(int, np.argwhere(wrong)[0])
            if self._first is None or (member, start + image) < self._first:
                self._first = member, start + image
                self._row = block[member, image].astype(np.float64)
        return self._first is None

    @np.errstate(all="ignore")
    def require_sound(self, hint: Callable[[], str]) -> None:
        """See `Check`."""
        if self._first is None:
            return
        name, row = self._array.name, self._row
        member, image = self._first
        of_member = f"member {member}, " if len(self._array.shape) == 3 else ""
        if not np.isfinite(row).all():
            wrong = f"holds {row[~np.isfinite(row)][0]}"
            remedy = "; find its origin: metrics of it would be NaN too"
        else:
            wrong = f"holds {row.min():.4g}" if (row < 0).any() else f"sums to {row.sum():.6g}"
            remedy = hint() or f"; {_remedy(name, row)}"
        rows = prod(self._array.shape[:-1])
        raise UserError(
            f"{self._unsound:,} of {rows:,} rows of {name!r} are not probabilities; the first "
            f"({of_member}image {image}) {wrong}; expected non-negative numbers that sum to 1"
            f"{remedy}"
        )


class LogitCheck:
    """Counts the rows of an array that are no logits, and whether any is no distribution."""

    def __init__(self, array: Source) -> None:
        self._array = array
        self._not_finite = 0
        self._first: tuple[int, int] | None = None
        self._any_logits = False

    def is_sound(self, block: Array, start: int) -> bool:
        """See `Check`."""
        wrong = ~np.isfinite(block).all(axis=-1)
        self._not_finite += int(wrong.sum())
        if wrong.any() and self._first is None:
            member, image = map(int, np.argwhere(wrong)[0])
            self._first = member, start + image
        self._any_logits |= bool(unsound(block).any())
        return self._first is None

    def require_sound(self, hint: Callable[[], str]) -> None:
        """See `Check`."""
        name, rows = self._array.name, prod(self._array.shape[:-1])
        if self._first is not None:
            raise UserError(
                f"{self._not_finite:,} of {rows:,} rows of {name!r} are not finite; the first is "
                "that of member {}, image {}; expected logits".format(*self._first)
            )
        if not self._any_logits:
            raise UserError(
                f"all rows of {name!r} sum to 1, as probabilities do; expected logits: leave out "
                "--from-logits"
            )


def _remedy(name: str, row: NDArray[np.float64]) -> str:
    if (row <= 0).all() and abs(np.exp(row).sum() - 1) <= ROUNDING:
        return f"if these are logarithms, save np.exp({name})"
    if -ROUNDING <= row.min() < 0 and abs(row.sum() - 1) <= ROUNDING:
        return f"if this is rounding, save {name}.clip(0)"
    if (row >= 0).all() and abs(row.sum() - 1) < 0.1:
        return f"save {name} / {name}.sum(axis=-1, keepdims=True)"
    return (
        f"if these are logits, save scipy.special.softmax({name}, axis=-1), or say so by "
        "--from-logits"
    )


PROBABILITIES, LABELS, OOD = "probabilities", "labels", "ood_"
"""The names of the arrays; the last is the prefix of those for out-of-distribution images."""

HELD_OUT = ("calibration_probabilities", "calibration_labels")
"""The names of both arrays of calibration images, if there are such."""

BLOCK_VALUES = 2**21
"""Probabilities that are read at once."""

MULTIPLE = 16
"""Of so many images blocks are, so that the processor's vectors are filled as by all at once."""

HINT_IMAGES, HINT_VALUES = 100, 2**20
"""Of so many images, or of fewer if there are many values, rows show which axis is which."""


def require_names(arrays: Mapping[str, Source]) -> None:
    """Arrays go by their names: ``probabilities``, ``labels``, and ``ood_<name>`` if there are any.

    And both of `HELD_OUT`, or neither.

    Raises:
        UserError: one is missing, or has another name, or one that cannot be shown.
    """
    required = (PROBABILITIES, LABELS)
    missing = [name for name in required if name not in arrays]
    ood = {name for name in arrays if name.startswith(OOD) and name != OOD}
    unknown = sorted(arrays.keys() - {*required, *HELD_OUT} - ood)
    if missing or unknown:
        held = ", ".join(f"{name!r} {list(arrays[name].shape)}" for name in sorted(arrays))
        raise UserError(
            f"the file holds {held or 'no array'}; expected {PROBABILITIES!r}, {LABELS!r} and, for "
            f"out-of-distribution images, '{OOD}<name>'"
            + (f"; missing: {_quoted(missing)}" if missing else "")
            + (f"; rename or leave out: {_quoted(unknown)}" if unknown else "")
            + f"; write it with {EXAMPLE}"
            + (", or name the file of the labels by --labels" if missing == [LABELS] else "")
        )
    if len(absent := [name for name in HELD_OUT if name not in arrays]) == 1:
        raise UserError(
            f"the file holds one of {_quoted(HELD_OUT)}; save {absent[0]!r}, too, or leave out both"
        )
    for name in sorted(ood):
        if objection := objection_to(name.removeprefix(OOD)):
            raise UserError(f"the name of the array {name!r} {objection}")


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def require_label_form(labels: Source) -> None:
    """The labels are [images], whole numbers, at least one.

    Raises:
        UserError: they are not, or there are too many images.
    """
    shape, axes = list(labels.shape), len(labels.shape)
    if axes == 2 and min(labels.shape) > 1:
        raise UserError(
            f"{labels.name!r} has the shape {shape}; expected [images], one class per image: if "
            f"these are one-hot, save {labels.name}.argmax(axis=1)"
        )
    if axes != 1:
        raise UserError(
            f"{labels.name!r} has the shape {shape}; expected [images]: save {labels.name}.ravel()"
        )
    if labels.dtype.kind not in "iu":
        raise UserError(
            f"{labels.name!r} are {labels.dtype}, not whole numbers; if these are classes from 0, "
            f"save {labels.name}.astype(int)"
        )
    if not shape[0]:
        raise UserError(f"{labels.name!r} is empty; expected the class of at least one image")


def require_classes(
    labels: Array, *, classes: int, name: str = LABELS, first_image: int = 0
) -> None:
    """Labels are classes from 0.

    Args:
        labels: of all images, or of some.
        classes: how many there are.
        name: what messages call the labels.
        first_image: of which image the first label is.

    Raises:
        UserError: some are not.
    """
    outside = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(outside):
        first = outside[0]
        from_one = labels.min() == 1 and labels.max() == classes
        hint = f": if you count them from 1, save {name} - 1" if from_one else ""
        raise UserError(
            f"{len(outside):,} of {len(labels):,} {name!r} are not a class; the first is "
            f"{labels[first]}, of image {first_image + first}; expected 0 to {classes - 1}{hint}"
        )


def members_and_classes(array: Source) -> tuple[int, int]:
    """How many of both there are, by an array's shape."""
    return array.shape[0] if len(array.shape) == 3 else 1, array.shape[-1]


def blocks_of(array: Source) -> list[tuple[int, int]]:
    """Starts and ends of blocks of images, each of few enough probabilities."""
    images = array.shape[-2]
    values = prod(members_and_classes(array))
    step = max(MULTIPLE, BLOCK_VALUES // values // MULTIPLE * MULTIPLE)
    return [(start, min(start + step, images)) for start in range(0, images, step)]


def require_form(array: Source) -> None:
    """Numbers, as [members, images, classes] or [images, classes].

    Raises:
        UserError: they are not, there are none, or too many of an image.
    """
    name, shape = array.name, list(array.shape)
    if array.dtype.kind not in "fiu":
        raise UserError(f"{name!r} has the type {array.dtype}; expected floating-point numbers")
    if len(shape) not in (2, 3):
        raise UserError(
            f"{name!r} has the shape {shape}; expected [members, images, classes] or "
            "[images, classes]"
        )
    if not prod(shape):
        raise UserError(f"{name!r} is empty: it has the shape {shape}")


def require_same_members(array: Source, probabilities: Source) -> None:
    """Out-of-distribution images are predicted by the members and for the classes of the others.

    Raises:
        UserError: they are not.
    """
    members, classes = members_and_classes(probabilities)
    if members_and_classes(array) != (members, classes):
        raise UserError(
            f"{array.name!r} has the shape {list(array.shape)}; expected [members, images, "
            f"classes] with {members} members and {classes} classes, as the labelled images have"
        )


def axis_order_hint(array: Source, images: int) -> str:
    """What to do, if in another order the axes would be as expected."""
    shape = array.shape
    for order in permutations(range(len(shape))):
        values = prod(shape) // shape[order[-2]]
        if shape[order[-2]] == images and values <= HINT_VALUES:
            some = array.part(order[-2], 0, min(HINT_IMAGES, max(1, HINT_VALUES // values)))
            if not unsound(some.transpose(order)).any():
                return (
                    f": axis {order[-2]} looks like the images, so save "
                    f"probabilities.transpose{order}"
                )
    return ""
