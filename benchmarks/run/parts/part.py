"""A part of a run, as ``--part i/n`` names it."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

from benchmarks.errors import UserError


class Part(NamedTuple):
    """One of several parts that a run is divided into.

    Attributes:
        number: from 1.
        of: how many parts there are.

    >>> str(Part.named("2/4"))
    '2/4'
    """

    number: int
    of: int

    @classmethod
    def named(cls, text: str) -> Self:
        """The part that a text such as ``2/4`` names.

        Raises:
            UserError: it names none.
        """
        numbers = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text, re.ASCII)
        if numbers is None or not 1 <= int(numbers[1]) <= int(numbers[2]):
            raise UserError(
                f"--part: {text!r} names no part; write i/n with i from 1 to n, for example 2/4"
            )
        return cls(int(numbers[1]), int(numbers[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
