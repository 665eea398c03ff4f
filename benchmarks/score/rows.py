"""Checks of the rows of external predictions: probabilities that sum to 1, or finite logits.

Every error names the array, the first wrong row, what was expected and what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import UserError
from benchmarks.score.sources import Array, Source

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
