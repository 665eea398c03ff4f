"""The rule, applied to what a run keeps: the best, better than one network, worth; and any pair.

All of it follows from `HeadlineEvidence`: ``answer.csv`` can be made again from ``influences/``,
for any of the contestants, beside those of another sitting, or of others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from benchmarks.inference.best import judge
from benchmarks.inference.differences import difference, own_estimate
from benchmarks.inference.evidence import HeadlineEvidence
from benchmarks.inference.intervals import Interval, unreliable_in
from benchmarks.inference.worth import worth_of
from benchmarks.nouns import Contestant, Names
from benchmarks.schema import AnswerRow

ALONE = "there is no other contestant of this budget"
OF_SCALE = "only ensembles have this budget"
NOT_FINITE = "a value is infinite"
OTHER_IMAGES = "it is fitted on other images than the others"
NO_ENSEMBLES = "the run has no deep ensembles of several sizes"


def answer(
    evidence: Iterable[HeadlineEvidence], single_networks: Mapping[str, str]
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
    entries, contestants = evidence.entries, evidence.contestants
    single = {(method, by) for method, score in single_networks.items() for by in ("", score)}
    shown = [k for k, each in enumerate(entries) if each.networks > 1 or not each.is_scale]
    said: dict[int, dict[str, Any]] = {}
    for budget in sorted({contestants[k].budget for k in shown}):
        own = [k for k in shown if contestants[k].budget == budget]
        if all(entries[k].networks > 1 for k in own):
            said |= {k: {"reason": OF_SCALE} for k in own}
        else:
            alone = (k for k in own if entries[k].kind[:2] in single)
            said |= _judged(evidence, own, next(alone, None))
    scale = (k for k, each in enumerate(entries) if each.is_scale and each.kind[-1] == 1)
    ladder = dict(sorted((entries[k].networks, k) for k in scale))
    for k in shown:
        interval = _interval(evidence, [k], own_estimate(evidence, k).half_width)
        value, lower, upper = interval.around(float(evidence.means[k]))
        yield AnswerRow(
            **contestants[k]._asdict(),
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
    return {"condition": condition, "metric": metric, "images": evidence.drawn.images}


def _judged(
    evidence: HeadlineEvidence, own: Sequence[int], alone: int | None
) -> dict[int, dict[str, Any]]:
    """What the rule says of the contestants of a budget, or why it does not apply to them."""
    split = evidence.entries[own[0] if alone is None else alone].split
    replicates, _ = max(Counter(map(int, evidence.counts[own])).items(), key=itemgetter(1, 0))
    said: dict[int, dict[str, Any]] = {}
    for k in own:
        count = evidence.counts[k]
        if not math.isfinite(evidence.means[k]):
            said[k] = {"reason": NOT_FINITE}
        elif evidence.entries[k].split != split:
            said[k] = {"reason": OTHER_IMAGES}
        elif count != replicates:
            said[k] = {"reason": f"of replicates it has {count}, and most others {replicates}"}
        elif reason := unreliable_in(evidence, [k]):
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
    """What a contestant is worth, or why nothing.

    Args:
        ladder: the deep ensembles by size, ascending.
    """
    names = ("worth", "worth_lower", "worth_upper")
    if k in ladder.values():
        return dict.fromkeys(names, f"{evidence.entries[k].networks}")
    if len(ladder) < 2:
        return {"worth_reason": NO_ENSEMBLES}
    if evidence.entries[k].split != evidence.entries[ladder[max(ladder)]].split:
        return {"worth_reason": OTHER_IMAGES}
    worth = worth_of(evidence, k, ladder)
    texts = zip(names, worth.texts(list(ladder)), strict=True)
    return {**dict(texts), "worth_reason": worth.reason}


def _interval(evidence: HeadlineEvidence, own: Sequence[int], half_width: float) -> Interval:
    """An interval of some contestants, or why there is none."""
    reason = unreliable_in(evidence, own)
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
    difference: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    reason: str = ""


def pair(
    evidence: HeadlineEvidence, names: Names, first: Contestant, second: Contestant
) -> PairRow:
    """Two contestants by a measure, each by its primary score where its score is empty."""
    known = {names.by_primary(each): k for k, each in enumerate(evidence.contestants)}
    places = [known.get(each) for each in (first, second)]
    own = [k for k in places if k is not None]
    values = [math.nan if k is None else float(evidence.means[k]) for k in places]
    row = PairRow(**_named(evidence), first=values[0], second=values[1])
    if len(own) < 2:
        return row._replace(reason="one of the two has no value by this measure")
    if not all(map(math.isfinite, values)):
        return row._replace(reason=NOT_FINITE)
    if len({evidence.entries[k].split for k in own}) > 1:
        return row._replace(reason=OTHER_IMAGES)
    apart = difference(evidence, *own)
    interval = _interval(evidence, own, apart.estimate.half_width)
    value, lower, upper = interval.around(apart.estimate.value)
    reason = interval.reason or apart.note
    return row._replace(difference=value, lower=lower, upper=upper, reason=reason)
