"""What a claim is, and how its verdict is computed from numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

import numpy as np

from benchmarks import vocabulary
from benchmarks.claims.predictor import RecipePredictor
from benchmarks.records import Quantity

Numbers = Mapping[Quantity, list[float]]
"""What was measured: of each quantity a value a network, or a single one; NaN where undefined."""


class Verdict(StrEnum):
    """How a measurement compares with a claim."""

    REPRODUCED = vocabulary.REPRODUCED
    PARTLY = vocabulary.PARTLY
    NOT_REPRODUCED = vocabulary.NOT_REPRODUCED
    NOT_TESTABLE = "not testable here"

    @classmethod
    def of(cls, *, whole: bool, part: bool) -> Verdict:
        """Whether the claim holds, or else a part of it."""
        if whole:
            return cls.REPRODUCED
        return cls.PARTLY if part else cls.NOT_REPRODUCED


class Judgement(NamedTuple):
    """A verdict, and its reason in a line."""

    verdict: Verdict
    why: str


class NotTestableError(Exception):
    """A claim cannot be measured in this run; the message is the reason."""


@dataclass(frozen=True)
class Claim:
    """A statement of the article, how it is measured, and when it holds.

    Attributes:
        id: its name in tables.
        statement: the article's, in our words.
        place: where it is made in the article.
        weight: ``central`` to the article, ``supporting`` it, or a ``check`` of the setting.
        rule: when it holds; thresholds were fixed before any result was known.
        measure: the numbers of one recipe; raises `NotTestableError` where there can be none.
        judge: the rule. It depends on these numbers alone, so a reader can judge again.
        figure: the name of the report's figure, less the recipe.
        against: what speaks against the claim, or limits what the verdict tells.
        least_networks: with fewer the claim cannot be measured.
        task: the task that it is about.
    """

    id: str
    statement: str
    place: str
    weight: Literal["central", "supporting", "check"]
    rule: str
    measure: Callable[[RecipePredictor], Numbers]
    judge: Callable[[Numbers], Judgement]
    figure: str = ""
    against: str = ""
    least_networks: int = 1
    task: str = "mnist"


def by_networks(parts: Mapping[str, Sequence[bool]]) -> Judgement:
    """The verdict of a rule that counts networks, from what holds for each of them.

    Reproduced if all parts together hold for at least half of the networks, partly if for at least
    a tenth.

    >>> by_networks({"up": [True, True, False], "down": [True, False, False]})
    Judgement(verdict=<Verdict.PARTLY: 'partly'>, why='up: 2 of 3 networks; down: 1; both: 1')
    """
    flags = np.array(list(parts.values()), dtype=bool)
    together, networks = int(flags.all(axis=0).sum()), flags.shape[1]
    first, *others = [f"{part}: {sum(holds)}" for part, holds in parts.items()]
    both = [f"{'both' if len(parts) == 2 else 'all'}: {together}"] if others else []
    counts = [f"{first} of {networks} networks", *others, *both]
    verdict = Verdict.of(whole=2 * together >= networks, part=10 * together >= networks)
    return Judgement(verdict, "; ".join(counts))


def by_parts(parts: Mapping[str, bool]) -> Judgement:
    """The verdict of a rule that counts no networks: reproduced if all parts hold, partly if some.

    >>> by_parts({"accuracy 0.995": True, "falls over bins": False})
    Judgement(verdict=<Verdict.PARTLY: 'partly'>, why='accuracy 0.995: yes; falls over bins: no')
    """
    verdict = Verdict.of(whole=all(parts.values()), part=any(parts.values()))
    listed = [f"{part}: {'yes' if holds else 'no'}" for part, holds in parts.items()]
    return Judgement(verdict, "; ".join(listed))
