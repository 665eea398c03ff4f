"""What a claim is, and how a verdict is computed from the rows that it measures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool

from benchmarks.claims.numbers import ValueRange, share_of_networks
from benchmarks.claims.predictor import Predictor
from benchmarks.report import editorial
from methods.networks.recipes import ARTICLE, ARTICLE_LOGITS

HALF, TENTH = 0.5, 0.1
"""Of the networks, for most of which or for some of which a claim must hold."""

Weight = Literal["central", "supporting", "detail", "check"]
"""How much the article rests on a claim."""

ARTICLE_RECIPES = (ARTICLE.name, ARTICLE_LOGITS.name)
"""The recipes by which claims are judged; the verdicts by the first one's networks count."""

FEWEST_COUNTED = 6
"""With fewer networks the interval of a share reaches below a half even if all of them hold."""


class ClaimVerdict(StrEnum):
    """How a measurement compares with a claim."""

    REPRODUCED = editorial.REPRODUCED
    PARTLY = editorial.PARTLY
    NOT_REPRODUCED = editorial.NOT_REPRODUCED
    NOT_TESTABLE = "not testable here"

    @classmethod
    def of(cls, *, whole: bool, part: bool) -> ClaimVerdict:
        """Whether the claim holds, or else a part of it."""
        if whole:
            return cls.REPRODUCED
        return cls.PARTLY if part else cls.NOT_REPRODUCED


class RulePart(NamedTuple):
    """What a rule compares, for a table.

    Attributes:
        what: is compared.
        shown: its value, with its 95 % interval where it has one.
        holds: whether it is as the claim says; ``None`` where the rule does not ask.
    """

    what: str
    shown: str
    holds: bool | None = None


class Judgement(NamedTuple):
    """A verdict, its reason in one or more sentences, and the numbers that decided."""

    verdict: ClaimVerdict
    why: str
    parts: tuple[RulePart, ...] = ()


class NotTestableError(Exception):
    """A claim cannot be measured in this run; the message is the reason, a sentence."""


@dataclass(frozen=True)
class Claim:
    """A statement of the article, how it is measured, and when it holds.

    Attributes:
        id: its name in tables.
        statement: the article's, in our words.
        place: where the article makes it; follows "the article's".
        weight: ``central`` to the article, ``supporting`` it, a ``detail`` of a plot, or a
            ``check`` of the setting.
        rule: when it holds; every part of it counts only if its 95 % interval says so.
        measure: the numbers, each a table that `rows` makes; raises `NotTestableError` where there
            can be none.
        judge: the rule. It depends on these numbers alone, so a reader can judge again.
        figure: the name of the report's figure.
        against: what speaks against the claim, or limits what the verdict tells.
        least_networks: with fewer the claim cannot be measured.
        task: the task that it is about.
    """

    id: str
    statement: str
    place: str
    weight: Weight
    rule: str
    measure: Callable[[Predictor], Iterable[pd.DataFrame]]
    judge: Callable[[pd.DataFrame], Judgement]
    figure: str = ""
    against: str = ""
    least_networks: int = 1
    task: str = "mnist"


def by_networks(parts: Mapping[str, Sequence[bool] | Bool[np.ndarray, " networks"]]) -> Judgement:
    """The verdict of a rule that counts networks, from what holds for each of them.

    Reproduced if the 95 % interval of the share of networks for which all parts hold together lies
    above a half, partly reproduced if it lies above a tenth.

    Args:
        parts: by a sentence without its full stop, such as "It rises", for which networks it holds.

    Raises:
        NotTestableError: there are fewer than six networks.

    >>> by_networks({"It rises": [True] * 9 + [False]}).why
    'It rises in 9 of 10 networks: 90 % (95 % interval: 55 to 100 %).'
    """
    together = [all(holds) for holds in zip(*parts.values(), strict=True)]
    if len(together) < FEWEST_COUNTED:
        raise NotTestableError(
            f"A rule that counts networks takes at least {FEWEST_COUNTED}; there are "
            f"{len(together)}."
        )
    share = share_of_networks(together)
    count = f"in {sum(together)} of {len(together)} networks: {share.percent(named=True)}."
    if len(parts) == 1:
        why = f"{next(iter(parts))} {count}"
    else:
        conditions = f"{'Both' if len(parts) == 2 else 'All'} conditions hold {count}"
        alone = (f"{part} in {sum(holds)} networks." for part, holds in parts.items())
        why = " ".join([conditions, *alone])
    return Judgement(ClaimVerdict.of(whole=share.above(HALF), part=share.above(TENTH)), why)


def asked(what: str, value: ValueRange, holds: bool, shown: str = "") -> RulePart:
    """A part that a rule asks for, by the interval of a value; ``shown``: other than its decimals.

    Raises:
        NotTestableError: there is no interval, as of a single network.
    """
    if math.isnan(value.lower):
        raise NotTestableError(f"There is no interval to judge by: {what}.")
    return RulePart(what, shown or value.text("+.3f"), holds)


def by_parts(parts: Iterable[RulePart], why: str) -> Judgement:
    """The verdict of a rule of several parts: reproduced if all hold, partly reproduced if some.

    Args:
        why: ``{held}`` stands for the number of parts that hold, ``{asked}`` for that of all.

    >>> parts = [RulePart("rise", "0.2", True), RulePart("fall", "0.1", False)]
    >>> by_parts(parts, "{held} of {asked} hold.")[:2]
    (<ClaimVerdict.PARTLY: 'partly reproduced'>, '1 of 2 hold.')
    """
    listed = tuple(parts)
    holds = [part.holds for part in listed if part.holds is not None]
    verdict = ClaimVerdict.of(whole=all(holds), part=any(holds))
    return Judgement(verdict, why.format(held=sum(holds), asked=len(holds)), listed)
