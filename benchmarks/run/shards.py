"""The shards of a run: what each of several machines computes that share no folder.

Shard i of n has every n-th group of run units, from the i-th on.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Self

from benchmarks.io import UserError
from benchmarks.vocabulary import PREDICT, TRAIN

DIVIDED = (TRAIN, PREDICT)
"""The stages that are divided; later ones need what all shards have predicted."""


class Shard(NamedTuple):
    """A shard, as ``--shard i/n`` names it.

    Attributes:
        number: from 1.
        of: how many shards there are.
        only_trains: whether nothing is predicted: then no network is trained in two shards.
    """

    number: int
    of: int
    only_trains: bool = False

    @classmethod
    def named(cls, text: str, only: str | None = None) -> Self:
        """The shard that a text such as ``2/4`` names, of a stage or of both.

        Raises:
            UserError: it names none, or the stage is not divided.
        """
        numbers = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text, re.ASCII)
        if numbers is None or not 1 <= int(numbers[1]) <= int(numbers[2]):
            raise UserError(
                f"--shard: {text!r} names no shard; write i/n with i from 1 to n, for example 2/4"
            )
        if only not in (None, *DIVIDED):
            raise UserError(
                f"--shard divides {' and '.join(DIVIDED)}, not {only}; leave it out where the "
                "folders of all shards are together"
            )
        return cls(int(numbers[1]), int(numbers[2]), only == TRAIN)

    @property
    def name(self) -> str:
        """In names of files."""
        return f"{self.number}-of-{self.of}"

    @property
    def next_step(self) -> str:
        """What is to be done now."""
        if self.only_trains:
            then = "copy the networks of all to each machine, and go on with --only predict"
        else:
            then = "copy their folders into one, and run it there without --shard and --only"
        return f"this was shard {self.number} of {self.of}; when all have ended, {then}"
