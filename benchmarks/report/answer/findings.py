"""A finding as a title: which method leads by a measure, and from how many tests separate it.

What is said of values is said of those measured, and what is said of differences is what tests say:
so a title is never false.
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.nouns import Variant
from benchmarks.report.editorial import TESTED_INSTEAD
from benchmarks.report.number_format import rounded
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.vocabulary import SIGNIFICANT

EXTREMES = {"higher": "highest", "lower": "lowest"}


class Finding(NamedTuple):
    """The leader by a quantity among the largest sizes of one recipe's methods.

    Attributes:
        separated, others: from how many of the other methods tests separate it, and how many
            there are.
    """

    leader: Variant
    value: float
    half_width: float
    separated: int
    others: int


def finding(results: Results, quantity: Quantity) -> Finding | None:
    """Who leads; ``None`` where nobody has a value, or no value is better than another.

    Args:
        results: those of one recipe.
    """
    better = results.names.metric(quantity.metric).better
    if better not in EXTREMES:
        return None
    rows = {
        variant: row
        for variant in results.largest
        if (row := results.find(variant, quantity)) and row["value"] == row["value"]
    }
    if not rows:
        return None
    leader = (max if better == "higher" else min)(rows, key=lambda one: rows[one]["value"])
    tested = quantity._replace(metric=TESTED_INSTEAD.get(quantity.metric, quantity.metric))
    others = [one for one in rows if one != leader]
    separated = sum(_is_better(results, leader, one, tested) for one in others)
    row = rows[leader]
    half_width = (row["upper"] - row["lower"]) / 2
    return Finding(leader, row["value"], half_width, separated, len(others))


def _is_better(results: Results, one: Variant, other: Variant, quantity: Quantity) -> bool:
    """Whether a test says so; what was not tested, it does not."""
    tested = results.tested(one, other, quantity)
    if tested is None or not tested.p_value < SIGNIFICANT:
        return False
    return (tested.difference > 0) == (results.names.metric(quantity.metric).better == "higher")


def title(results: Results, quantity: Quantity) -> str:
    """The finding as a title; empty where there is none."""
    found = finding(results, quantity)
    if found is None:
        return ""
    metric = results.names.metric(quantity.metric)
    name = results.names.in_text(found.leader.method)
    size = f" ({results.names.size(found.leader)})" if found.leader.members not in ("", "1") else ""
    value = rounded(found.value, found.half_width)[0]
    images = results.label_of(quantity.condition)
    said = f"{name[:1].upper()}{name[1:]}{size} has the {EXTREMES[metric.better]} {metric.label}"
    return f"{said} ({images}: {value}){_separated(found)}"


def _separated(found: Finding) -> str:
    """From how many others.

    >>> _separated(Finding(Variant("", ""), 0.5, 0.1, 2, 3))
    ', separated by tests from 2 of 3 others'
    """
    if not found.others:
        return ""
    if found.separated == found.others:
        return ", separated by tests from every other" if found.others > 1 else ", shown by a test"
    if not found.separated:
        return ", not separated from others by tests"
    return f", separated by tests from {found.separated} of {found.others} others"
