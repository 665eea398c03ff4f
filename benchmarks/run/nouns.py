"""The records of a run's nouns, from the registers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.nouns import (
    ConditionRecord,
    MethodRecord,
    MetricRecord,
    Nouns,
    RecipeRecord,
    ScoreRecord,
    TaskRecord,
)
from benchmarks.predictions import RunUnit
from benchmarks.run.chosen_scores import scores_of
from benchmarks.run.plan import Plan
from benchmarks.tasks import Task
from benchmarks.tasks.conditions import Condition, mean_label
from benchmarks.vocabulary import SELF_TRAINED, mean_name
from methods import METHODS, UncertaintyMethod
from methods.scores import Score

REPOSITORY = Path(__file__).parents[2]


def nouns_of(plan: Plan, metrics: tuple[MetricRecord, ...] = ()) -> Nouns:
    """Everything that the plan's report names; metrics where anything is measured."""
    methods = METHODS | plan.configuration.classes
    return Nouns(
        tasks=(_task(plan.task),),
        conditions=condition_records(plan.conditions),
        methods=tuple(_method(plan, method) for method in methods.values()),
        scores=score_records(scores_of(plan.configuration).values()),
        metrics=metrics,
        recipes=tuple(_recipe(plan, name) for name in _by_task(plan)),
    )


def condition_records(conditions: Iterable[Condition]) -> tuple[ConditionRecord, ...]:
    """The conditions, and the mean over each group after its last one."""
    records: list[ConditionRecord] = []
    ordered = list(conditions)
    for position, condition in enumerate(ordered):
        records.append(_condition(condition))
        later = {one.group for one in ordered[position + 1 :] if not one.subset}
        averaged = [one for one in ordered if one.group == condition.group and one.in_mean]
        if averaged and not condition.subset and condition.group not in later:
            records.append(_mean(averaged))
    return tuple(records)


def method_record(method: type[UncertaintyMethod]) -> MethodRecord:
    """A method's class fields."""
    own_training = () if method.pooled else ("own training",)
    known = list(METHODS.values())
    return MethodRecord(
        name=method.name,
        label=method.label or method.name,
        in_text=method.in_text,
        citation=method.citation,
        group=method.group,
        size=method.size or "",
        symbol=method.symbol,
        counts_networks=method.counts_networks,
        needs=(*sorted(method.needs), *own_training),
        exact=method.exact,
        slow=method.slow,
        primary_score=method.primary_score,
        probabilities_of=method.probabilities_of,
        shares_networks=method.pooled,
        position=known.index(method) if method in known else -1,
        usual_sizes=tuple(map(str, method.usual_sizes)),
    )


def score_records(scores: Iterable[Score]) -> tuple[ScoreRecord, ...]:
    """The scores that tables name."""
    return tuple(map(_score, scores))


def metric_records() -> tuple[MetricRecord, ...]:
    """The register of metrics."""
    # Here, not above: methods are timed where what metrics need is not installed.
    from benchmarks.metrics import METRICS

    return tuple(map(_metric, METRICS.values()))


def _method(plan: Plan, method: type[UncertaintyMethod]) -> MethodRecord:
    """Also how many images it is fitted on, where that is not its recipe's affair."""
    record = method_record(method)
    if method.pooled or method.name not in plan.configuration.classes:
        return record
    split = plan.split(RunUnit(SELF_TRAINED, method.name, None, 0))
    return replace(record, images=plan.task.images_to_train_with(split))


def _task(task: Task) -> TaskRecord:
    return TaskRecord(
        name=task.name,
        label=task.label,
        shape=tuple(map(str, task.shape)),
        classes=task.classes,
        training_images=task.training_images,
        test_images=task.test_images,
        calibration_images=task.calibration_images,
        article_images=tuple(map(str, task.article_images)),
    )


def _condition(condition: Condition) -> ConditionRecord:
    return ConditionRecord(
        name=condition.name,
        label=condition.label,
        group=condition.group,
        data=condition.data,
        severity=float("nan") if condition.severity is None else float(condition.severity),
        unit=condition.unit,
        labels=condition.labels,
        reason=condition.reason,
        reference=condition.reference,
        paired_with=condition.paired_with,
        subset=condition.subset,
        in_mean=condition.in_mean,
    )


def _mean(averaged: list[Condition]) -> ConditionRecord:
    first = averaged[0]
    return ConditionRecord(
        name=mean_name(first.group),
        label=mean_label(averaged),
        group=first.group,
        data=first.data,
        unit=first.unit,
        reference=first.reference,
        paired_with=first.paired_with,
        is_mean=True,
    )


def _score(score: Score) -> ScoreRecord:
    return ScoreRecord(
        name=score.name,
        label=score.label,
        unit=score.unit,
        citation=score.citation,
        formula=score.formula,
        needs=tuple(sorted(score.needs)),
        fitted=score.fit is not None,
        in_figures=score.in_figures,
    )


def _metric(metric: Any) -> MetricRecord:
    path, function = _origin(metric)
    return MetricRecord(
        name=metric.name,
        label=metric.label,
        unit=metric.unit,
        better=metric.better,
        family=metric.family.__name__,
        needs=tuple(sorted(metric.needs)),
        biased=metric.biased,
        margin=metric.margin,
        shown=metric.shown,
        summary=metric.summary,
        formula=metric.formula,
        edge_cases=metric.edge_cases,
        source=metric.source,
        path=path,
        function=function,
        coverage=metric.coverage,
        level=metric.level,
        nominal=metric.nominal,
    )


def _recipe(plan: Plan, name: str) -> RecipeRecord:
    recipe, own = plan.configuration.recipe(name), plan.task.recipe(name)
    reported = own.reported if own.epochs == recipe.epochs else None
    training, validation = reported or (math.nan, math.nan)
    return RecipeRecord(
        name=recipe.name,
        network=recipe.network.name,
        split=recipe.split,
        images=plan.task.images_to_train_with(recipe.split),
        loss=recipe.loss,
        shuffled=recipe.shuffled,
        mean=_numbers(recipe.mean),
        std=_numbers(recipe.std),
        dropout=float(recipe.dropout),
        optimiser=recipe.optimiser,
        schedule=recipe.schedule,
        weight_decay=float(recipe.weight_decay),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=float(recipe.learning_rate),
        reported_training=training,
        reported_validation=validation,
        l2_penalty=float(recipe.l2_penalty),
    )


def _numbers(values: float | tuple[float, ...]) -> tuple[str, ...]:
    return tuple(map(str, values if isinstance(values, tuple) else (values,)))


def _by_task(plan: Plan) -> list[str]:
    """The recipes of the run in the order of the task, whose first is the main one."""
    chosen = set(plan.configuration.recipes)
    return [recipe.name for recipe in plan.task.every_recipe if recipe.name in chosen]


def _origin(metric: Any) -> tuple[str, str]:
    """The file within the repository that computes a metric, and what in it.

    The metric's own function, or its family where that has no name.
    """
    own = inspect.isfunction(metric.function) and metric.function.__name__ != "<lambda>"
    code = metric.function if own else metric.family
    file = Path(inspect.getsourcefile(code) or "").resolve()
    inside = file.is_relative_to(REPOSITORY)
    return file.relative_to(REPOSITORY).as_posix() if inside else "", code.__qualname__
