"""Checks of the arrays in a file of external predictions: names, axes, numbers, sums, labels.

Every error names the array, what is wrong with it, what was expected and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import UserError

PROBABILITIES, LABELS, OOD = "probabilities", "labels", "ood_"
"""The names of the arrays; the last is the prefix of those for out-of-distribution images."""

ROUNDING = 1e-3
"""How far a row may be from a sum of 1: half precision; the metrics allow as much."""

EXAMPLE = "np.savez(file, probabilities=…, labels=…)"

Array = NDArray[Any]


def require_names(arrays: Mapping[str, Array]) -> None:
    """Arrays go by their names: ``probabilities``, ``labels``, and ``ood_<name>`` if there are any.

    Raises:
        UserError: one is missing, or has another name.
    """
    required = (PROBABILITIES, LABELS)
    missing = [name for name in required if name not in arrays]
    ood = {name for name in arrays if name.startswith(OOD) and name != OOD}
    unknown = sorted(arrays.keys() - {*required} - ood)
    if missing or unknown:
        held = ", ".join(f"{name!r} {list(arrays[name].shape)}" for name in sorted(arrays))
        raise UserError(
            f"the file holds {held or 'no array'}; expected {PROBABILITIES!r}, {LABELS!r} and, for "
            f"out-of-distribution images, '{OOD}<name>'"
            + (f"; missing: {_quoted(missing)}" if missing else "")
            + (f"; rename or leave out: {_quoted(unknown)}" if unknown else "")
            + f"; write it with {EXAMPLE}"
        )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def checked_labels(labels: Array) -> Array:
    """The labels, which are [images], whole numbers, at least one.

    Raises:
        UserError: they are not.
    """
    shape = list(labels.shape)
    if labels.ndim == 2 and min(labels.shape) > 1:
        raise UserError(
            f"'labels' has the shape {shape}; expected [images], one class per image: if these are "
            f"one-hot, save labels.argmax(axis=1)"
        )
    if labels.ndim != 1:
        raise UserError(f"'labels' has the shape {shape}; expected [images]: save labels.ravel()")
    if labels.dtype.kind not in "iu":
        raise UserError(
            f"'labels' are {labels.dtype}, not whole numbers; if these are classes from 0, save "
            f"labels.astype(int)"
        )
    if not len(labels):
        raise UserError("'labels' is empty; expected the class of at least one image")
    return labels


def require_classes(labels: Array, *, classes: int) -> None:
    """Labels are classes from 0.

    Raises:
        UserError: some are not.
    """
    outside = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(outside):
        first = outside[0]
        from_one = labels.min() == 1 and labels.max() == classes
        hint = ": if you count them from 1, save labels - 1" if from_one else ""
        raise UserError(
            f"{len(outside):,} of {len(labels):,} 'labels' are not a class; the first is "
            f"{labels[first]}, of image {first}; expected 0 to {classes - 1}{hint}"
        )


def checked_members(array: Array, *, images: int) -> Array:
    """The probabilities of the labelled images as [members, images, classes].

    Raises:
        UserError: their shape or their rows are not as they should be.
    """
    _require_numbers(PROBABILITIES, array)
    hint = _axis_order_hint(array, images)
    if array.shape[-2] != images:
        raise UserError(
            f"'probabilities' has the shape {list(array.shape)}, but there are {images:,} "
            f"labels; expected [members, images, classes] or [images, classes]{hint}"
        )
    _require_distributions(PROBABILITIES, array, hint)
    return array if array.ndim == 3 else array[None]


def checked_ood_members(name: str, array: Array, members: Array) -> Array:
    """The probabilities as [members, images, classes], for as many members and classes as others.

    Raises:
        UserError: their shape or their rows are not as they should be.
    """
    _require_numbers(name, array)
    stacked = array if array.ndim == 3 else array[None]
    expected = (len(members), members.shape[2])
    if (len(stacked), stacked.shape[2]) != expected:
        raise UserError(
            f"{name!r} has the shape {list(array.shape)}; expected [members, images, classes] with "
            f"{expected[0]} members and {expected[1]} classes, as the labelled images have"
        )
    _require_distributions(name, array, "")
    return stacked


def _require_numbers(name: str, array: Array) -> None:
    if array.dtype.kind not in "fiu":
        raise UserError(f"{name!r} has the type {array.dtype}; expected floating-point numbers")
    if array.ndim not in (2, 3):
        raise UserError(
            f"{name!r} has the shape {list(array.shape)}; expected [members, images, classes] or "
            "[images, classes]"
        )
    if not array.size:
        raise UserError(f"{name!r} is empty: it has the shape {list(array.shape)}")


def _axis_order_hint(array: Array, images: int) -> str:
    """What to do, if in another order the axes would be as expected."""
    for order in permutations(range(array.ndim)):
        reordered = array.transpose(order)
        if reordered.shape[-2] == images and not _unsound(reordered).any():
            return (
                f": axis {order[-2]} looks like the images, so save probabilities.transpose{order}"
            )
    return ""


def _unsound(array: Array) -> NDArray[np.bool_]:
    """Which rows are no distribution."""
    sums = array.sum(axis=-1, dtype=np.float64)
    sound: NDArray[np.bool_] = (np.abs(sums - 1) <= ROUNDING) & (array >= 0).all(axis=-1)
    return ~sound


def _require_distributions(name: str, array: Array, hint: str) -> None:
    unsound = _unsound(array)
    if not unsound.any():
        return
    first = tuple(map(int, np.argwhere(unsound)[0]))
    row = array[first].astype(np.float64)
    where = f"image {first[-1]}" if len(first) == 1 else f"member {first[0]}, image {first[1]}"
    if not np.isfinite(row).all():
        wrong = f"holds {row[~np.isfinite(row)][0]}"
        hint = "; find its origin: metrics of it would be NaN too"
    else:
        wrong = f"holds {row.min():.4g}" if (row < 0).any() else f"sums to {row.sum():.6g}"
        hint = hint or f"; {_remedy(name, row)}"
    raise UserError(
        f"{unsound.sum():,} of {unsound.size:,} rows of {name!r} are not probabilities; the first "
        f"({where}) {wrong}; expected non-negative numbers that sum to 1{hint}"
    )


def _remedy(name: str, row: NDArray[np.float64]) -> str:
    if (row <= 0).all() and abs(np.exp(row).sum() - 1) <= ROUNDING:
        return f"if these are logarithms, save np.exp({name})"
    if -ROUNDING <= row.min() < 0 and abs(row.sum() - 1) <= ROUNDING:
        return f"if this is rounding, save {name}.clip(0)"
    if (row >= 0).all() and abs(row.sum() - 1) < 0.1:
        return f"save {name} / {name}.sum(axis=-1, keepdims=True)"
    return f"if these are logits, save scipy.special.softmax({name}, axis=-1)"
