"""The shards of a run: what each of several machines computes that share no folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Self

from benchmarks.errors import UserError
from benchmarks.vocabulary import PREDICT, TRAIN

DIVIDED = (TRAIN, PREDICT)
"""The stages that are divided; later ones need what all shards have predicted."""

EPOCH, BY_PASS, COSTLY, EXACT = 9.0, 0.15, 60.0, 80_000.0
"""What an epoch costs for each test image, and the prediction of an image by a pass with dropout, a
costly method and a slow one, as measured with the kernels; one network's prediction costs 1."""


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


class Work(NamedTuple):
    """What cannot be divided: the networks that it needs, and what it costs.

    Attributes:
        networks: each a recipe and a number.
        training: the cost of one of them.
        predicting: all other cost.
    """

    networks: frozenset[tuple[str, int]]
    training: float
    predicting: float

    def beside(self, trained: frozenset[tuple[str, int]] = frozenset()) -> float:
        """Its cost where these networks are trained already."""
        return self.predicting + self.training * len(self.networks - trained)


def shares(works: Sequence[Work], shards: int) -> list[list[int]]:
    """The positions of each shard's works: the costliest first, each where the sum is then least.

    >>> one, other = (Work(frozenset({("plain", n)}), 5, 1) for n in (0, 1))
    >>> shares([one, other, one], 2)
    [[0, 2], [1]]
    """
    given: list[list[int]] = [[] for _ in range(shards)]
    sums, trained = [0.0] * shards, [frozenset[tuple[str, int]]()] * shards
    for position in sorted(range(len(works)), key=lambda position: -works[position].beside()):
        work = works[position]
        after = [sums[shard] + work.beside(trained[shard]) for shard in range(shards)]
        least = after.index(min(after))
        given[least].append(position)
        sums[least], trained[least] = after[least], trained[least] | work.networks
    return [sorted(positions) for positions in given]
