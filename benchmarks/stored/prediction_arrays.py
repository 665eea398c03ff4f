"""What the arrays of a prediction file must be, whoever wrote them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.stored.arrays import Arrays, DamagedArraysError

SCORE = "score:"
"""The prefix of the names of scores in a prediction file."""

MEMBER_VALUE = "members:"
"""The prefix of the names of metrics of the members in a prediction file."""

SOURCE = "source:"
"""The prefix of the names of hashes of what computed these values, in a prediction file."""

MACHINE = "machine"
"""The name of what a prediction was computed by, in files that say it."""

REMARK = "remark"
"""The name of a method's remark on its fit, in a prediction file that has one."""

REASON = "reason:"
"""The prefix of the names of reasons why scores have no values, in a prediction file."""

ROUNDING = 2e-6
"""How far a row may be from a sum of 1: as far as the methods' contract allows, then rounded."""


def require_sound(arrays: Arrays, images: int | None = None) -> None:
    """Stop where arrays lack, do not fit together, or hold what is no probability or label.

    Args:
        arrays: of a prediction file.
        images: how many the prediction is of, where that is known.

    Raises:
        DamagedArraysError: the reason.
    """
    mean = _array(arrays, "mean", "f")
    if mean.ndim != 2 or 0 in mean.shape:
        raise DamagedArraysError(f"mean is {mean.shape}; expected (images, classes)")
    count, classes = mean.shape
    if images is not None and count != images:
        raise DamagedArraysError(f"it is of {count} images; expected {images}")
    members = int(_array(arrays, "members", "iu", ()))
    if members < 0:
        raise DamagedArraysError(f"members is {members}")
    _require_distribution("mean", mean, total=1)
    if members and "votes" in arrays:
        _require_distribution("votes", _array(arrays, "votes", "iu", mean.shape), total=members)
    else:
        _require_distribution("vote_share", _array(arrays, "vote_share", "f", mean.shape), total=1)
    if not np.isfinite(_array(arrays, "expected_entropy", "f", (count,))).all():
        raise DamagedArraysError("expected_entropy is not finite")
    for name in arrays:
        if name.startswith((SCORE, MEMBER_VALUE)):
            _array(arrays, name, "fiub", (count,))
        elif name.startswith(SOURCE):
            _array(arrays, name, "iu", ())
        elif name in (REMARK, MACHINE) or name.startswith(REASON):
            _array(arrays, name, "U", ())
    if "labels" in arrays:
        labels = _array(arrays, "labels", "iu", (count,))
        if labels.min() < 0 or labels.max() >= classes:
            raise DamagedArraysError(f"labels are not from 0 to {classes - 1}")


def _array(
    arrays: Arrays, name: str, kinds: str, shape: tuple[int, ...] | None = None
) -> NDArray[Any]:
    if name not in arrays:
        raise DamagedArraysError(f"it has no {name!r}")
    array = arrays[name]
    if array.dtype.kind not in kinds:
        raise DamagedArraysError(f"{name} is of the type {array.dtype}")
    if shape is not None and array.shape != shape:
        raise DamagedArraysError(f"{name} is {array.shape}; expected {shape}")
    return array


def _require_distribution(name: str, rows: NDArray[Any], total: int) -> None:
    # NaN is neither: each comparison with it is false.
    sums = rows.sum(axis=1, dtype=np.float64)
    if not ((rows >= 0).all() and (np.abs(sums - total) <= ROUNDING * total).all()):
        raise DamagedArraysError(f"the rows of {name} are not from 0, with a sum of {total}")
