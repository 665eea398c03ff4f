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
NAMES = (
    *("clean", "subset-clean", "rotated-045", "rotated-120", CORRUPTED.name),
    *("natural-digits", "subset-rotated-045", "ood-uniform_noise"),
)

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


def kept_of(name: str) -> Kept:
    if name.endswith("-mean"):
        group = name.removesuffix("-mean")
        return of_mean(next(one for one in CONDITIONS.values() if one.group == group))
    return of_condition(CONDITIONS[name])


@pytest.mark.parametrize("name", [*NAMES, "rotated-mean", "corrupted-mean"])
def test_each_condition_has_few_measures(name: str) -> None:
    kept, condition = kept_of(name), CONDITIONS.get(name)
    assert len(set(kept)) == len(kept)
    of_sets = [metric for metric, _ in kept if METRICS[metric].level]
    is_clean = condition is not None and condition.name == condition.reference
    levels = [metric.name for metric in METRICS.values() if metric.level]
    assert of_sets == (levels if is_clean or condition is None else [])
    by_primary = [one for one, score in kept if score in ("", PRIMARY) and one not in of_sets]
    is_single = condition is not None and condition.is_one_of_many and not condition.subset
    assert len(by_primary) >= 10
    if is_single:
        details = {one for one in by_primary if METRICS[one].shown == "detail"}
        assert details <= set(OF_SEVERITIES)
    by_others = {metric for metric, score in kept if score not in ("", PRIMARY)}
    unlabelled = condition is not None and not condition.labelled
    expected = {"auroc"} if unlabelled else set[str]()
    if is_clean or name == "corrupted-mean":
        expected = {"augrc"} | ({"misclassification_auroc"} if is_clean else set())
    assert by_others == expected
    if unlabelled:
        assert not any("labels" in METRICS[metric].needs for metric, _ in kept)


def test_mean_over_images_of_no_class_has_no_measure_of_labels() -> None:
    noise = replace(CONDITIONS["ood-uniform_noise"], in_mean=True)
    assert all("labels" not in METRICS[metric].needs for metric, _ in of_mean(noise))
    assert ("auroc", PRIMARY) in of_mean(noise)


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
