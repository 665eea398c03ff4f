"""The rule, applied to what a run keeps: the best, better than one network, worth; and any pair.

All of it follows from `HeadlineEvidence`: ``answer.csv`` can be made again from ``influences/``,
for any of the contestants, beside those of another sitting, or of others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmarks.inference.best import judge
from benchmarks.inference.differences import budget_each, difference, own_estimate
from benchmarks.inference.evidence import Contestant, HeadlineEvidence, evidence_in
from benchmarks.inference.intervals import Interval, unreliable
from benchmarks.inference.worth import worth_of
from benchmarks.nouns import Names
from benchmarks.schema import AnswerRow

ALONE = "there is no other contestant of this budget"
OF_SCALE = "only ensembles have this budget"
NOT_FINITE = "a value is infinite"
OTHER_IMAGES = "it is fitted on other images than the others"
NO_NETWORKS: Mapping[str, str] = MappingProxyType({})
NO_ENSEMBLES = "the run has no deep ensembles of several sizes"


def answer(
    evidence: Iterable[HeadlineEvidence], single_networks: Mapping[str, str] = NO_NETWORKS
) -> list[AnswerRow]:
    """The rows of ``answer.csv``.

    Args:
        evidence: of each measure.
        single_networks: the methods that are a network of the recipe, and nothing else, with the
            score that each is compared by first.
    """
    return [row for each in evidence for row in _rows(each, single_networks)]


def _rows(evidence: HeadlineEvidence, single_networks: Mapping[str, str]) -> Iterator[AnswerRow]:
    """Of a measure, a row a contestant; the ensemble of one is the network alone, and has none."""
    named = list(enumerate(evidence.contestants))
    several = evidence.networks > 1
    shown = {k: each for k, each in named if several[k] or not evidence.is_scale[k]}
    said: dict[int, dict[str, Any]] = {}
    for budget in sorted({each.budget for each in shown.values()}):
        own = [k for k, each in shown.items() if each.budget == budget]
        if several[own].all():
            said |= {k: {"reason": OF_SCALE} for k in own}
        else:
            alone = [
                k
                for k in own
                if shown[k].score in ("", single_networks.get(shown[k].method))
                and shown[k].method in single_networks
            ]
            said |= _judged(evidence, own, alone[0] if alone else None)
    ladder = {
        int(evidence.networks[k]): k
        for k, each in sorted(named, key=lambda item: item[1].budget)
        if evidence.is_scale[k] and budget_each(evidence, k) == 1
    }
    for k, contestant in shown.items():
        value = float(evidence.means[k])
        interval = _interval(evidence, [k], own_estimate(evidence, k).half_width)
        value, lower, upper = interval.around(value)
        yield AnswerRow(
            **contestant._asdict(),
            **_named(evidence),
            value=value,
            lower=lower,
            upper=upper,
            status="ok" if math.isfinite(value) else "undefined",
            **said[k],
            **_worth(evidence, k, ladder),
        )


def _named(evidence: HeadlineEvidence) -> dict[str, Any]:
    metric, condition = evidence.measure.metric, evidence.condition
    return {"condition": condition, "metric": metric, "images": evidence.images}


def _judged(
    evidence: HeadlineEvidence, own: Sequence[int], alone: int | None
) -> dict[int, dict[str, Any]]:
    """What the rule says of the contestants of a budget, or why it does not apply to them."""
    split = evidence.split[own[0] if alone is None else alone]
    replicates, _ = max(Counter(map(int, evidence.counts[own])).items(), key=itemgetter(1, 0))
    said: dict[int, dict[str, Any]] = {}
    for k in own:
        count = evidence.counts[k]
        if not math.isfinite(evidence.means[k]):
            said[k] = {"reason": NOT_FINITE}
        elif evidence.split[k] != split:
            said[k] = {"reason": OTHER_IMAGES}
        elif count != replicates:
            said[k] = {"reason": f"of replicates it has {count}, and most others {replicates}"}
        elif reason := _interval(evidence, [k], 0.0).reason:
            said[k] = {"reason": reason}
    compared = [k for k in own if k not in said]
    if len(compared) < 2:
        return said | {k: {"reason": ALONE} for k in compared}
    place = compared.index(alone) if alone in compared else None
    judgement = judge(evidence.chosen(compared), place)
    for position, k in enumerate(compared):
        best = bool(judgement.best[position])
        said[k] = {"best": "yes" if best else "no"}
        if best:
            said[k]["stays"] = round(float(judgement.stays[position]), 2)
        if place is not None and k != alone:
            apart = Interval(float(judgement.half_widths[position]))
            parts = apart.around(float(evidence.means[k] - evidence.means[alone]))
            names = ("difference", "difference_lower", "difference_upper")
            said[k] |= dict(zip(names, parts, strict=True))
    return said


def _worth(evidence: HeadlineEvidence, k: int, ladder: Mapping[int, int]) -> dict[str, Any]:
    if k in ladder.values():
        texts: tuple[str, ...] = (f"{evidence.networks[k]}",) * 3
        reason = ""
    elif len(ladder) < 2:
        texts, reason = ("", "", ""), NO_ENSEMBLES
    elif evidence.split[k] != evidence.split[max(ladder.values())]:
        texts, reason = ("", "", ""), OTHER_IMAGES
    else:
        worth = worth_of(evidence, k, ladder)
        texts, reason = worth.texts(list(ladder)), worth.reason
    names = ("worth", "worth_lower", "worth_upper", "worth_reason")
    return dict(zip(names, (*texts, reason), strict=True))


def _interval(evidence: HeadlineEvidence, own: Sequence[int], half_width: float) -> Interval:
    """An interval of some contestants, or why there is none."""
    undefined = evidence.undefined[list(own)]
    reason = unreliable(evidence.measure.metric, evidence.images, undefined)
    return Interval(math.nan if reason else half_width, reason)


class PairRow(NamedTuple):
    """A measure of two contestants.

    Attributes:
        metric, condition, images: as in `AnswerRow`.
        first, second: their values; NaN if one has none.
        difference, lower, upper: of the first less the second, with a plain 95 % interval.
        reason: why there is no difference, or what the interval leaves out.
    """

    metric: str
    condition: str
    images: int
    first: float
    second: float
    difference: float
    lower: float
    upper: float
    reason: str = ""


def compared(folder: Path, first: Contestant, second: Contestant) -> list[PairRow]:
    """Two contestants of a run by each measure.

    Args:
        folder: of the run.
        first, second: each by its primary score where its score is empty.

    Raises:
        UserError: the run has kept nothing, or a file is damaged.
    """
    names = Names.read(folder)
    return [pair(evidence, names, first, second) for evidence in evidence_in(folder)]


def pair(
    evidence: HeadlineEvidence, names: Names, first: Contestant, second: Contestant
) -> PairRow:
    """Two contestants by a measure, each by its primary score where its score is empty."""
    known = {by_primary(each, names): k for k, each in enumerate(evidence.contestants)}
    places = [known.get(each) for each in (first, second)]
    own = [k for k in places if k is not None]
    values = [math.nan if k is None else float(evidence.means[k]) for k in places]
    row = PairRow(**_named(evidence), first=values[0], second=values[1], **_NO_DIFFERENCE)
    if len(own) < 2:
        return row._replace(reason="one of the two has no value by this measure")
    if not all(map(math.isfinite, values)):
        return row._replace(reason=NOT_FINITE)
    if evidence.split[own[0]] != evidence.split[own[1]]:
        return row._replace(reason=OTHER_IMAGES)
    apart = difference(evidence, *own)
    interval = _interval(evidence, own, apart.estimate.half_width)
    value, lower, upper = interval.around(apart.estimate.value)
    reason = interval.reason or apart.note
    return row._replace(difference=value, lower=lower, upper=upper, reason=reason)


_NO_DIFFERENCE: dict[str, Any] = dict.fromkeys(("difference", "lower", "upper"), math.nan)


def contestants_in(folder: Path) -> list[Contestant]:
    """Those that can be compared, by their primary scores where they have these.

    Raises:
        UserError: the run has kept nothing, or a file is damaged.
    """
    names = Names.read(folder)
    every = (c for evidence in evidence_in(folder) for c in evidence.contestants)
    return sorted({by_primary(contestant, names) for contestant in every})


def by_primary(contestant: Contestant, names: Names) -> Contestant:
    """Without the score, where it is the method's primary one."""
    is_primary = contestant.score == names.method(contestant.method).primary_score
    return contestant._replace(score="") if is_primary else contestant
