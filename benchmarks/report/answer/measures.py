"""Measures in words: what one is called, and the values of two choices by it."""

from __future__ import annotations

import math

from benchmarks.report.answer.decision import Decision
from benchmarks.report.answer.evidence import Candidate, Evidence, Relation
from benchmarks.report.number_format import rounded
from benchmarks.report.read.comparisons import Quantity


def with_relation(relations: dict[Quantity, Relation], relation: Relation) -> list[Quantity]:
    """Those by which tests say so."""
    return [quantity for quantity, found in relations.items() if found is relation]


def values_of(
    evidence: Evidence,
    decision: Decision,
    pair: tuple[Candidate, Candidate],
    quantity: Quantity,
    sign: str,
) -> str:
    """The means of both, to the same decimals, for example ``Accuracy ↑ 0.980 → 0.989``."""
    rows = [row for one in pair if (row := evidence.value(one, quantity))]
    half = max(((row["upper"] - row["lower"]) / 2 for row in rows), default=math.nan)
    shown = [rounded(row["value"], half)[0] for row in rows]
    arrow = evidence.results.names.printed(quantity.metric).arrow
    return f"{measure(evidence, decision, quantity, arrow)} {f' {sign} '.join(shown)}"


def measure(evidence: Evidence, decision: Decision, quantity: Quantity, arrow: str = "") -> str:
    """What a measure is called; with its condition where there are several."""
    results = evidence.results
    several = len({one.condition for one in decision.quantities}) > 1
    condition = f"({results.label_of(quantity.condition)})" if several else ""
    name = results.names.printed(quantity.metric).name
    return " ".join(filter(None, (name, arrow, condition)))
