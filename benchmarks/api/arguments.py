"""Checks of arguments that several functions share: names of what is given, and whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

from benchmarks.api.errors import ArgumentError
from benchmarks.escaping.names import objection_to


def require_named(argument: str, given: object, example: str) -> None:
    """Check that something is a dictionary by names that can be shown.

    Args:
        argument: what the message calls it.
        given: what was given.
        example: of what is expected.

    Raises:
        TypeError: it is no dictionary, or a name is no text.
        ArgumentError: a name cannot be shown.
    """
    if not isinstance(given, Mapping):
        raise TypeError(
            f"{argument}: this is a {type(given).__name__}; expected a dictionary, such as "
            f"{example}"
        )
    for name in given:
        if not isinstance(name, str):
            raise TypeError(f"{argument}: the name {name!r} is a {type(name).__name__}, no text")
        if objection := objection_to(name):
            raise ArgumentError(f"{argument}: the name {name!r} {objection}")


def require_whole(**numbers: object) -> None:
    """Check that arguments are whole numbers, as those of the command line are.

    Raises:
        TypeError: one is something else.

    >>> require_whole(seed=1.5)
    Traceback (most recent call last):
    TypeError: seed: 1.5 is a float; expected a whole number
    """
    for argument, number in numbers.items():
        if not isinstance(number, Integral):
            kind = type(number).__name__
            raise TypeError(f"{argument}: {number!r} is a {kind}; expected a whole number")
