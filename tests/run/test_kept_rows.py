"""Which rows are kept: how many of each kind of condition, and of a whole run."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from benchmarks.metrics import METRICS
from benchmarks.run.configuration import configuration_of, stored_scores
from benchmarks.run.image_values import every_measure
from benchmarks.run.measurements import OF_SEVERITIES, KeptRows
from benchmarks.run.plan import Plan
from benchmarks.tasks.task import Condition
from tests.runs import CONDITIONS

PRIMARY, OWN = "predictive_entropy", ("knn", "own")
RULE = KeptRows(PRIMARY)
CORRUPTED = next(one for one in CONDITIONS.values() if one.group == "corrupted")

Kept = list[tuple[str, str]]
"""Metrics and scores."""


def of_condition(condition: Condition, rule: KeptRows = RULE, own: tuple[str, ...] = OWN) -> Kept:
    return [
        (metric.name, score)
        for family, score in rule.measures(condition, own)
        for metric in family.metrics
        if rule.keeps(condition, metric, score)
    ]


def of_mean(condition: Condition, rule: KeptRows = RULE, own: tuple[str, ...] = OWN) -> Kept:
    return [
        (metric.name, score)
        for family, score in every_measure(own)
        for metric in family.metrics
        if rule.keeps_mean(condition, metric, score)
    ]


@pytest.mark.parametrize("name", ["clean", "rotated-045", CORRUPTED.name, "ood-uniform_noise"])
def test_each_condition_has_the_few_measures_that_are_looked_at(name: str) -> None:
    condition = CONDITIONS[name]
    kept, is_clean = of_condition(condition), condition.name == condition.reference
    assert len(set(kept)) == len(kept)
    of_sets = [metric for metric, _ in kept if METRICS[metric].level]
    assert bool(of_sets) == is_clean
    by_primary = {metric for metric, score in kept if score in ("", PRIMARY)} - {*of_sets}
    assert len(by_primary) >= 10
    if condition.is_one_of_many:
        details = {metric for metric in by_primary if METRICS[metric].shown == "detail"}
        assert details <= set(OF_SEVERITIES)
    if not condition.labelled:
        for each in (kept, of_mean(replace(condition, in_mean=True))):
            assert ("auroc", PRIMARY) in each
            assert not any("labels" in METRICS[metric].needs for metric, _ in each)


def test_preset_full_writes_few_rows() -> None:
    """At most a fifth of those that there are."""
    plan, rows = Plan(configuration_of("full")), Counter[bool]()
    own = tuple(stored_scores(plan.configuration))
    for method, kind in plan.configuration.classes.items():
        (first, *_) = (unit for unit in plan.units() if unit.method == method)
        conditions = plan.conditions_of(first)
        groups = {one.group: one for one in conditions if one.in_mean}
        for every in (False, True):
            rule = KeptRows(kind.primary_score, every)
            rows[every] += sum(len(of_condition(one, rule, own)) for one in conditions)
            rows[every] += sum(len(of_mean(one, rule, own)) for one in groups.values())
    assert 0 < rows[False] <= rows[True] / 5
