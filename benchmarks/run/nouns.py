"""The nouns of a run, from the registers."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable
from typing import Any

from benchmarks.nouns import (
    ConditionRecord,
    MethodRecord,
    MetricRecord,
    Names,
    RecipeRecord,
    ScoreRecord,
    TaskRecord,
    record_of,
)
from benchmarks.predictions import RunUnit
from benchmarks.run.configuration import scores_of
from benchmarks.run.plan import Plan
from benchmarks.tasks.task import Condition, mean_label
from benchmarks.vocabulary import mean_name
from methods import METHODS, UncertaintyMethod
from methods.scores import Score

SYMBOLS = {"passes": "T", "samples": "S", "views": "V"}
"""Symbols of sizes in print; others have M."""


def nouns_of(
    plan: Plan, metrics: tuple[MetricRecord, ...] = (), left_out: Collection[str] = ()
) -> Names:
    """Nouns that the plan's report names.

    Args:
        metrics: where anything is measured.
        left_out: the conditions whose images cannot be had.
    """
    methods = METHODS | plan.configuration.classes
    recipe_images = plan.task.images_to_train_with(plan.recipe.split)
    return Names(
        tasks=(record_of(TaskRecord, plan.task),),
        conditions=condition_records(plan.conditions, left_out),
        methods=tuple(_method(plan, method) for method in methods.values()),
        scores=score_records(scores_of(plan.configuration).values()),
        metrics=metrics,
        recipes=(record_of(RecipeRecord, plan.recipe, images=recipe_images),),
    )


def condition_records(
    conditions: Iterable[Condition], left_out: Collection[str] = ()
) -> tuple[ConditionRecord, ...]:
    """The conditions, and the mean over each group after its last one.

    That over images of no class is one over those that can be had.
    """
    ordered, records = list(conditions), list[ConditionRecord]()
    last = {condition.group: condition for condition in ordered if not condition.subset}
    for condition in ordered:
        records.append(record_of(ConditionRecord, condition, is_mean=False))
        alike = (other for other in ordered if other.group == condition.group and other.in_mean)
        averaged = [other for other in alike if other.labelled or other.name not in left_out]
        if averaged and condition is last.get(condition.group):
            own: dict[str, object] = {"severity": None, "in_mean": False, "is_mean": True}
            own |= {"name": mean_name(condition.group), "label": mean_label(averaged)}
            records.append(record_of(ConditionRecord, averaged[0], **own))
    return tuple(records)


def score_records(scores: Iterable[Score]) -> tuple[ScoreRecord, ...]:
    """The scores that tables name."""
    return tuple(record_of(ScoreRecord, noun, fitted=noun.fit is not None) for noun in scores)


def metric_records(classes: int) -> tuple[MetricRecord, ...]:
    """The register of metrics, for so many classes."""
    # Here, not above: methods are timed where what metrics need is not installed.
    from benchmarks.metrics import METRICS

    return tuple(
        record_of(MetricRecord, m, guessing=m.guessing and m.guessing(classes), **_origin(m))
        for m in METRICS.values()
    )


def _origin(metric: Any) -> dict[str, str]:
    """The file within the repository that computes a metric, and what in it.

    The metric's own function, or its family where that has no name.
    """
    own = inspect.isfunction(metric.function) and metric.function.__name__ != "<lambda>"
    code = metric.function if own else metric.family
    return {"path": f"{code.__module__.replace('.', '/')}.py", "function": code.__qualname__}


def _method(plan: Plan, method: type[UncertaintyMethod]) -> MethodRecord:
    """A method, with the number of its images where that is not its recipe's affair."""
    known, images = list(METHODS.values()), 0
    if not method.pooled and method.name in plan.configuration.classes:
        split = plan.split(RunUnit(method.name, None, 1.0, 0))
        images = plan.task.images_to_train_with(split)
    return record_of(
        MethodRecord,
        method,
        label=method.label or method.name,
        symbol=SYMBOLS.get(method.size or "", "M"),
        needs=(*sorted(method.needs), *(() if method.pooled else ("own training",))),
        position=known.index(method) if method in known else -1,
        images=images,
        is_network=method.name in plan.configuration.classes and plan.is_network(method.name),
    )
