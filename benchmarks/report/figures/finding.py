"""A finding as a title: which method leads by a measure, and from how many tests separate it."""

from __future__ import annotations

from benchmarks.report.answer.candidates import label
from benchmarks.report.editorial import TESTED_INSTEAD
from benchmarks.report.number_format import rounded
from benchmarks.report.results import Candidate, Quantity, Results
from benchmarks.vocabulary import SIGNIFICANT

EXTREMES = {"higher": ("highest", 1), "lower": ("lowest", -1)}
"""What the best value is called by which value is better, and the sign of a better difference."""


def title(results: Results, quantity: Quantity) -> str:
    """Who leads among the largest sizes of one recipe's methods, and what tests say of the others.

    What is said of values is said of those measured, and what is said of differences is what tests
    say: so a title is never false. Empty where nobody has a value, or none is better than another.
    """
    metric = results.names.metric(quantity.metric)
    rows = {
        variant: row
        for variant in results.largest
        if (row := results.find(variant, quantity)) and row["value"] == row["value"]
    }
    if not rows or metric.better not in EXTREMES:
        return ""
    extreme, sign = EXTREMES[metric.better]
    leader = max(rows, key=lambda variant: sign * rows[variant]["value"])
    tested = quantity._replace(metric=TESTED_INSTEAD.get(quantity.metric, quantity.metric))
    tests = [results.tested(leader, other, tested) for other in rows if other != leader]
    separated = sum(
        test is not None and test.p_value < SIGNIFICANT and sign * test.difference > 0
        for test in tests
    )
    row = rows[leader]
    value = rounded(row["value"], (row["upper"] - row["lower"]) / 2)[0]
    name = label(results, Candidate(results.recipes[0], *leader))
    of = f"({results.label_of(quantity.condition)}: {value})"
    if not tests:
        return f"{metric.label} of {name} {of}"
    others = f"separated by tests from {separated} of {len(tests)} others"
    return f"{name} has the {extreme} {metric.label} {of}, {others}"
