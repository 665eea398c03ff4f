"""Anyone's predictions, read from a file; refused where a number would silently be wrong.

The file is an ``.npz``, ``np.savez(file, probabilities=…, labels=…, ood_<name>=…)``, with

- ``probabilities``: [members, images, classes], or [images, classes] of one member;
- ``labels``: [images], whole numbers from 0;
- ``ood_<name>``, as many as there are: probabilities of out-of-distribution images.

Arrays of other names are taken for ``probabilities`` (floating point, two or three axes) and
``labels`` (whole numbers) where only one of each could be meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.errors import UserError
from benchmarks.predictions import StoredPrediction
from benchmarks.tasks.conditions import CONDITIONS, Condition
from benchmarks.vocabulary import CLEAN
from methods import Prediction

PROBABILITIES, LABELS, OOD = "probabilities", "labels", "ood_"

ROUNDING = 1e-3
"""How far a row may be from a sum of 1: half precision; the measures allow as much."""

EXAMPLE = "np.savez(file, probabilities=…, labels=…)"

Array = NDArray[Any]
Arrays = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class ExternalPredictions:
    """What somebody's method thinks of labelled images, and of sets of out-of-distribution ones.

    Attributes:
        method: what it is called: the file's name without its ending.
        sha256: of the file.
        shards: by condition, ``clean`` for the labelled images first.
    """

    method: str
    sha256: str
    predictions: Mapping[Condition, StoredPrediction]


def read_predictions(path: Path) -> ExternalPredictions:
    """Read and check a file.

    Raises:
        UserError: it cannot be read, or what it holds is not as it should be; names the array, what
            is wrong with it and what to do.
    """
    try:
        predictions = _checked(_read(path))
        return ExternalPredictions(path.stem, sha256(path.read_bytes()).hexdigest(), predictions)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def require_same_images(external: list[ExternalPredictions]) -> None:
    """Methods are compared image by image: all must have judged the same ones.

    Raises:
        UserError: two have one name, other labels or other sets of out-of-distribution images.
    """
    first, *others = external
    names = [one.method for one in external]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two files are called {name!r}; rename one: the name is the method's")
    for other in others:
        both = f"{first.method!r} and {other.method!r}"
        if _sizes(first) != _sizes(other):
            raise UserError(
                f"{both} judged other images ({_told(first)} here, {_told(other)} there); give the "
                "same sets in both files, or score them one by one"
            )
        labels = [one.predictions[CONDITIONS[CLEAN]].labels for one in (first, other)]
        if labels[0] is None or labels[1] is None or not torch.equal(labels[0], labels[1]):
            raise UserError(
                f"{both} have other labels; put the images into the same order, or score the files "
                "one by one"
            )


def _sizes(external: ExternalPredictions) -> dict[str, int]:
    return {c.name: len(stored.prediction.mean) for c, stored in external.predictions.items()}


def _told(external: ExternalPredictions) -> str:
    return ", ".join(f"{images:,} {condition}" for condition, images in _sizes(external).items())


def _read(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise UserError(f"this is one array (.npy), without labels; save both by {EXAMPLE}")
            with archive:
                return {name: _array(archive, name) for name in archive.files}
    except UserError:
        raise
    except OSError as error:
        raise UserError(
            f"the file cannot be read ({error.strerror or 'it is damaged'}); give one that "
            f"{EXAMPLE} wrote"
        ) from error
    # What other bytes raise is up to zipfile, zlib and NumPy, and is nearly anything.
    except Exception as error:
        raise UserError(f"this is no .npz file, or a damaged one; write it by {EXAMPLE}") from error


def _array(archive: Any, name: str) -> Array:
    try:
        array = archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise UserError(
            f"the array {name!r} holds Python objects, not numbers; save np.stack(…) of them"
        ) from error
    if not isinstance(array, np.ndarray):
        raise UserError(f"{name!r} in it is no array; write the file by {EXAMPLE}")
    return array


def _checked(arrays: Arrays) -> dict[Condition, StoredPrediction]:
    ood = [name for name in arrays if name.startswith(OOD) and name != OOD]
    rest = {name: array for name, array in arrays.items() if name not in ood}
    of_members = _meant(PROBABILITIES, rest, lambda a: a.dtype.kind == "f" and a.ndim in (2, 3))
    of_labels = _meant(LABELS, rest, lambda a: a.dtype.kind in "iu")
    if unknown := rest.keys() - {of_members, of_labels}:
        raise UserError(
            f"it also holds {_listed(rest, unknown)}, which could be meant for anything; leave it "
            f"out, or call it {OOD}<name> if these are predictions for out-of-distribution images"
        )
    labels = _axis_of_labels(of_labels, arrays[of_labels])
    members = _members(of_members, arrays[of_members], images=len(labels))
    _require_classes(of_labels, labels, classes=members.shape[2])
    predictions = {CONDITIONS[CLEAN]: _stored(members, labels)}
    for name in sorted(ood):
        condition = Condition(f"ood-{name.removeprefix(OOD)}", dataset=name.removeprefix(OOD))
        predictions[condition] = _stored(_ood_members(name, arrays[name], members), None)
    return predictions


def _meant(role: str, arrays: Arrays, fits: Callable[[Array], bool]) -> str:
    """The name of the array that has this role: it is called so, or no other fits."""
    if role in arrays:
        return role
    other = {PROBABILITIES: LABELS, LABELS: PROBABILITIES}[role]
    fitting = [name for name, array in arrays.items() if name != other and fits(array)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UserError(
            f"more than one array could be meant for the {role}: {_listed(arrays, fitting)}; call "
            f"the right one {role!r} and leave out the others"
        )
    held = f"it holds {_listed(arrays, arrays)}" if arrays else "it holds no such array at all"
    raise UserError(f"there is no array {role!r}: {held}; write the file by {EXAMPLE}")


def _listed(arrays: Arrays, names: Any) -> str:
    return ", ".join(f"{name!r} {list(arrays[name].shape)}" for name in sorted(names))


def _axis_of_labels(name: str, labels: Array) -> Array:
    shape = list(labels.shape)
    if labels.ndim == 2 and min(labels.shape) > 1:
        raise UserError(
            f"{name!r} has the shape {shape}; expected [images], a class each: if these are "
            f"one-hot, save {name}.argmax(axis=1)"
        )
    if labels.ndim != 1:
        raise UserError(f"{name!r} has the shape {shape}; expected [images]: save {name}.ravel()")
    if labels.dtype.kind not in "iu":
        raise UserError(
            f"{name!r} are {labels.dtype}, not whole numbers; if these are classes from 0, save "
            f"{name}.astype(int)"
        )
    if not len(labels):
        raise UserError(f"{name!r} is empty; expected the class of at least one image")
    return labels


def _require_classes(name: str, labels: Array, *, classes: int) -> None:
    outside = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(outside):
        first = outside[0]
        from_one = labels.min() == 1 and labels.max() == classes
        hint = f": if you count them from 1, save {name} - 1" if from_one else ""
        raise UserError(
            f"{len(outside):,} of {len(labels):,} {name!r} are no class, the first is "
            f"{labels[first]} of image {first}; expected 0 to {classes - 1}{hint}"
        )


def _members(name: str, array: Array, *, images: int) -> Array:
    """The array as [members, images, classes], checked."""
    _require_numbers(name, array)
    if array.shape[-2] != images:
        raise UserError(
            f"{name!r} has the shape {list(array.shape)}, but there are {images:,} labels; "
            "expected [members, images, classes] or [images, classes]"
            f"{_reordered(name, array, images)}"
        )
    _require_distributions(name, array, _reordered(name, array, images))
    return array if array.ndim == 3 else array[None]


def _ood_members(name: str, array: Array, members: Array) -> Array:
    """The array as [members, images, classes], of as many members and classes as the others."""
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
        raise UserError(f"{name!r} is of the type {array.dtype}; expected floating-point numbers")
    if array.ndim not in (2, 3):
        raise UserError(
            f"{name!r} has the shape {list(array.shape)}; expected [members, images, classes] or "
            "[images, classes]"
        )
    if not array.size:
        raise UserError(f"{name!r} is empty: it has the shape {list(array.shape)}")


def _reordered(name: str, array: Array, images: int) -> str:
    """What to do, if in another order the axes would be as expected."""
    for order in permutations(range(array.ndim)):
        rotated = array.transpose(order)
        if rotated.shape[-2] == images and not _unsound(rotated).any():
            return f": axis {order[-2]} looks like the images, so save {name}.transpose{order}"
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
        hint = "; find out where it comes from, a measure of it would be NaN too"
    elif (row < 0).any():
        wrong = f"holds {row.min():.4g}"
        hint = hint or f"; {_remedy(name, row)}"
    else:
        wrong = f"sums to {row.sum():.6g}"
        hint = hint or f"; {_remedy(name, row)}"
    raise UserError(
        f"{unsound.sum():,} of {unsound.size:,} rows of {name!r} are no probabilities, the first "
        f"({where}) {wrong}; expected numbers from 0 on with a sum of 1{hint}"
    )


def _remedy(name: str, row: NDArray[np.float64]) -> str:
    if (row <= 0).all() and abs(np.exp(row).sum() - 1) <= ROUNDING:
        return f"if these are logarithms, save np.exp({name})"
    if -ROUNDING <= row.min() < 0 and abs(row.sum() - 1) <= ROUNDING:
        return f"if this is rounding, save {name}.clip(0)"
    if (row >= 0).all() and abs(row.sum() - 1) < 0.1:
        return f"save {name} / {name}.sum(axis=-1, keepdims=True)"
    return f"if these are logits, save scipy.special.softmax({name}, axis=-1)"


def _stored(members: Array, labels: Array | None) -> StoredPrediction:
    # Native byte order and a type that torch knows; single precision stays as small as it is.
    kept = members.astype(np.float32 if members.dtype.itemsize <= 4 else np.float64)
    return StoredPrediction(
        Prediction.of(torch.from_numpy(kept)),
        None if labels is None else torch.from_numpy(labels.astype(np.int64)),
    )
