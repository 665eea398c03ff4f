"""Checks of arguments, and the suite's errors as those of a library.

The command line makes these checks when it parses options.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral

from benchmarks.io import UserError, objection_to
from methods.determinism import random_state_kept

_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)")

_ARGUMENTS = {"recipe": "recipes", "method": "custom_methods", "only": "stages"}
"""By the name of an option, the argument that is called otherwise."""


class ArgumentError(UserError, ValueError):
    """An argument that cannot be used: names it, what was expected and what to do."""


@contextmanager
def as_library() -> Iterator[None]:
    """A function leaves the global random generators as they were; as a decorator.

    Raises:
        ArgumentError: instead of an error of the suite, with arguments in place of options.
    """
    with random_state_kept():
        try:
            yield
        except ArgumentError:
            raise
        except UserError as error:
            raise ArgumentError(in_arguments(str(error))) from error


def in_arguments(message: str) -> str:
    """A message of the command line about an argument.

    >>> in_arguments("--batch-sizes: 0 is too small"), in_arguments("--recipe: no 'x'")
    ('batch_sizes: 0 is too small', "recipes: no 'x'")
    """
    return _OPTION.sub(lambda found: _ARGUMENTS.get(found[1], found[1].replace("-", "_")), message)


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


def require_one_of(argument: str, name: object, known: Collection[str]) -> None:
    """Check that a name is known.

    Raises:
        ArgumentError: it is not.
    """
    if name not in known:
        raise ArgumentError(f"{argument}: unknown name {name!r}; choose from {', '.join(known)}")
