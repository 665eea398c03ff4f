"""Where arrays of external predictions come from: files read in parts, or the memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

EXAMPLE = "np.savez(file, probabilities=…, labels=…)"

Array = NDArray[Any]


class Parts(Protocol):
    """An array of which parts are read."""

    def part(self, axis: int, start: int, stop: int) -> Array:
        """The array from ``start`` to ``stop`` along an axis.

        Raises:
            UserError: its file is damaged.
        """


class Source(Protocol):
    """An array, of which only name, shape and type are known before it is opened."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its axes."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its numbers."""

    def named(self, name: str) -> Self:
        """The same under another name, for messages."""

    def opened(self) -> AbstractContextManager[Parts]:
        """The array, ready to be read.

        Raises:
            UserError: it is damaged, or there is no space for it.
        """


@dataclass(frozen=True, eq=False)
class GivenArray:
    """An array in memory, or one that the system maps into it."""

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

    def named(self, name: str) -> Self:
        """The same under another name."""
        return replace(self, name=name)

    @contextmanager
    def opened(self) -> Iterator[Parts]:
        """The array itself."""
        yield self

    def part(self, axis: int, start: int, stop: int) -> Array:
        """The array from ``start`` to ``stop`` along an axis."""
        chosen: Array = self.values[(slice(None),) * axis + (slice(start, stop),)]
        return chosen
