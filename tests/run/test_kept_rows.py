"""Which rows are kept: how many of each kind of condition, and of a whole run."""

from __future__ import annotations

from collections import Counter

from benchmarks.run.configuration import configuration_of, stored_scores
from benchmarks.run.image_values import every_measure
from benchmarks.run.measurements import KeptRows
from benchmarks.run.plan import Plan


def test_preset_full_writes_few_rows() -> None:
    """At most a fifth of those that there are."""
    plan, rows = Plan(configuration_of("full")), Counter[bool]()
    own = tuple(stored_scores(plan.configuration))
    for method, kind in plan.configuration.classes.items():
        (first, *_) = (unit for unit in plan.units() if unit.method == method)
        conditions = plan.conditions_of(first)
        groups = {each.group: each for each in conditions if each.in_mean}
        for every in (False, True):
            rule = KeptRows(kind.primary_score, every)
            rows[every] += sum(
                rule.keeps(condition, metric, score)
                for condition in conditions
                for family, score in rule.measures(condition, own)
                for metric in family.metrics
            )
            rows[every] += sum(
                rule.keeps_mean(condition, metric, score)
                for condition in groups.values()
                for family, score in every_measure(own)
                for metric in family.metrics
            )
    assert 0 < rows[False] <= rows[True] / 5
