"""Checks of arguments by their types, which the command line makes when it parses options."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from numbers import Integral

from benchmarks.api.errors import ArgumentError
from benchmarks.escaping import objection_to


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


def require_whole(argument: str, *numbers: object) -> None:
    """Check that numbers are whole.

    Raises:
        TypeError: one is something else.

    >>> require_whole("seed", 1.5)
    Traceback (most recent call last):
    TypeError: seed: 1.5 is a float; expected a whole number
    """
    for number in numbers:
        if not isinstance(number, Integral) or isinstance(number, bool):
            kind = type(number).__name__
            raise TypeError(f"{argument}: {number!r} is a {kind}; expected a whole number")


def require_text(argument: str, *names: object) -> None:
    """Check that names are text.

    Raises:
        TypeError: one is something else.
    """
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{argument}: {name!r} is a {type(name).__name__}; expected a name")


def require_one_of(argument: str, name: object, known: Collection[str]) -> None:
    """Check that a name is known.

    Raises:
        ArgumentError: it is not.
    """
    if name not in known:
        raise ArgumentError(f"{argument}: unknown name {name!r}; choose from {', '.join(known)}")


def require_folder_name(argument: str, name: object) -> None:
    """Check that a name of a folder is not empty: `Path` would take it for the current one.

    Raises:
        ArgumentError: it is.
    """
    if isinstance(name, str) and not name.strip():
        raise ArgumentError(
            f"{argument}: the name is empty; name a folder, or write '.' for this one"
        )
