"""Whether tests put two methods in one order in every setting, by each measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from benchmarks.across.rankings import choices_of, images_of
from benchmarks.across.settings import Setting
from benchmarks.report.answer.evidence import Evidence, Relation
from benchmarks.report.answer.situations import judged_by


@dataclass(frozen=True)
class Orders:
    """How many pairs of methods are in what order, by one measure.

    A pair is in order in a setting if a test says that one method is better there.

    Attributes:
        images: what the condition is called in the settings.
        pairs: those that were tested in every setting.
        everywhere: in the same order in every setting.
        somewhere: in one order in some settings, and in none in the others.
        reversed: in one order in a setting, and in the other order in another one.
        nowhere: in no order in any setting.
    """

    condition: str
    images: str
    metric: str
    pairs: int
    everywhere: int
    somewhere: int
    reversed: int
    nowhere: int


ORDERED = "everywhere", "somewhere", "reversed", "nowhere"
"""In what order a pair may be: the fields of `Orders` that count them."""


def in_order(found: Sequence[Orders]) -> Iterator[str]:
    """The counts of all measures in a sentence; none where no pair was tested everywhere."""
    if found:
        alike, some, opposite, _ = (sum(getattr(one, kind) for one in found) for kind in ORDERED)
        yield (
            f"Over all measures, tests order {alike:,} pairs of methods alike in every setting, "
            f"{some:,} in some settings alone, and {opposite:,} in opposite ways."
        )


def orders(settings: Sequence[Setting]) -> Iterator[Orders]:
    """Of each measure of the table of decisions by which all settings have tested pairs."""
    evidence = [Evidence(one.results) for one in settings]
    choices = [choices_of(one) for one in settings]
    shared = [choice for choice in choices[0] if all(choice in some for some in choices)]
    for quantity in judged_by(settings[0].results):
        found = Counter[str]()
        for one, other in combinations(shared, 2):
            relations = [
                each.relation(of[one], of[other], quantity)
                for each, of in zip(evidence, choices, strict=True)
            ]
            if Relation.UNTESTED not in relations:
                found[_kept(relations)] += 1
        if found:
            images = images_of(quantity.condition, settings)
            counts = (found[kind] for kind in ORDERED)
            yield Orders(
                *(quantity.condition, images, quantity.metric, found.total()),
                *counts,
            )


def _kept(relations: Sequence[Relation]) -> str:
    ordered = [one for one in relations if one in (Relation.BETTER, Relation.WORSE)]
    if not ordered:
        return "nowhere"
    if len(set(ordered)) > 1:
        return "reversed"
    return "everywhere" if len(ordered) == len(relations) else "somewhere"
