"""The suite's errors as those of a library, and the caller's random state as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.errors import UserError
from methods.seeds import random_state_kept

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
