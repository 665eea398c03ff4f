"""Conditions with images of their own: what is drawn together, averaged and compared."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from benchmarks.inference.comparison.comparisons import Estimates, compare
from benchmarks.inference.comparison.relations import Relations
from benchmarks.inference.resampling import resample
from benchmarks.inference.resampling_tasks import resampling_tasks
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.schema import Comparison
from benchmarks.tasks.conditions import Condition
from methods import Prediction

CLEAN = Condition("clean", "Clean", "clean", "digits")
BLURRED = Condition("blurred", "Blurred", "blurred", "digits")
MATT = Condition("far-matt", "Matt", "far", "matt", paired_with="far-matt", in_mean=True)
GLOSSY = Condition("far-glossy", "Glossy", "far", "glossy", paired_with="far-glossy", in_mean=True)
ODD = Condition(
    *("odd", "Odd", "odd", "odd"), labels="none", reference="blurred", paired_with="odd"
)
UNSEEN = Condition(
    *("unseen", "Unseen", "odd", "odd"), labels="none", reference="clean", paired_with="odd"
)

IMAGES = {"clean": 400, "blurred": 400, "far-matt": 300, "far-glossy": 150, "odd": 200}
UNITS = [
    RunUnit("standard", "deep_ensemble", 3, 0),
    RunUnit("standard", "shared", 3, 0),
    RunUnit("standard", "softmax", None, 0),
]
CONDITIONS = (CLEAN, BLURRED, MATT, GLOSSY, ODD)


def predictions() -> dict[tuple[str, str], StoredPrediction]:
    """By method and condition; `shared` has the deep ensemble's."""
    random = np.random.default_rng(3)
    made = {}
    for name, images in IMAGES.items():
        labels = torch.from_numpy(random.integers(5, size=images))
        for method, members in (("deep_ensemble", 3), ("softmax", 1)):
            logits = random.normal(size=(members, images, 5))
            logits[:, np.arange(images), labels] += 1.5 if name == "clean" else 0.7
            prediction = Prediction.of_logits(torch.from_numpy(logits))
            made[method, name] = StoredPrediction(prediction, None if name == "odd" else labels)
        made["shared", name] = made["deep_ensemble", name]
    return made


MADE = predictions()


def estimated(
    conditions: tuple[Condition, ...] = CONDITIONS,
    shared: dict[str, str] | None = None,
    *,
    metric: str = "",
    resamples: int = 2000,
) -> Estimates:
    """Of the families that have the metric, if one is named: all others would take most time."""
    done = Estimates.joined(())
    for task in resampling_tasks([("standard",)], conditions):
        if metric and metric not in [one.name for one in task.metrics]:
            continue
        resampled = resample(
            task,
            UNITS,
            lambda unit, name: MADE.get((unit.method, "odd" if name == "unseen" else name)),
            resamples=resamples,
            seed=0,
        )
        if resampled is not None:
            of_task = compare(task, resampled, Relations(shared or {}))
            done.intervals.update(of_task.intervals)
            done.comparisons.extend(of_task.comparisons)
    return done


def right(method: str, condition: str) -> np.ndarray:
    stored = MADE[method, condition]
    return (stored.prediction.mean.argmax(dim=1) == stored.labels).double().numpy()


def test_a_mean_over_sets_of_images_averages_them_all() -> None:
    """Independent sets: the variance of a mean of two is a quarter of the sum of theirs."""
    result = estimated(metric="accuracy")
    means = [
        row
        for row in result.comparisons
        if (row.condition, row.metric) == ("far-mean", "accuracy") and row.method != "shared"
    ]
    (row,) = [one for one in means if one.other_method == "softmax"]
    apart = [
        right("deep_ensemble", name) - right("softmax", name) for name in ("far-matt", "far-glossy")
    ]
    assert row.difference == pytest.approx(np.mean([values.mean() for values in apart]), abs=1e-5)
    error = math.sqrt(sum(values.var() / len(values) for values in apart)) / 2
    half_width = stats.t.ppf(0.975, 149) * error  # the fewer images count the degrees of freedom
    assert row.upper - row.difference == pytest.approx(half_width, rel=0.06)
    assert (row.images, row.effect_size) == (150, None)
    interval = result.intervals["standard", "softmax", "1", "far-mean", "", "accuracy"]
    variance = sum(right("softmax", name).var() / n for name, n in list(IMAGES.items())[2:4])
    expected = stats.t.ppf(0.975, 149) * math.sqrt(variance) / 2
    assert interval.half_width == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize(("condition", "reference"), [(ODD, "blurred"), (UNSEEN, "clean")])
def test_detection_is_against_the_conditions_own_reference(
    condition: Condition, reference: str
) -> None:
    """DeLong, DeLong & Clarke-Pearson 1988."""
    result = estimated((CLEAN, BLURRED, condition), metric="auroc")
    own, other = (
        stats.entropy(MADE["softmax", name].prediction.mean.numpy(), axis=1)
        for name in ("odd", reference)
    )
    won = (own[:, None] > other).astype(float)
    variance = won.mean(axis=1).var(ddof=1) / 200 + won.mean(axis=0).var(ddof=1) / 400
    key = ("standard", "softmax", "1", condition.name, "predictive_entropy", "auroc")
    expected = stats.t.ppf(0.975, 199) * math.sqrt(variance)
    assert result.intervals[key].half_width == pytest.approx(expected, rel=0.06)


def test_a_condition_of_its_references_images_is_drawn_with_it() -> None:
    """The same predictions under both, so that each resample detects nothing: AUROC one half."""
    same = Condition("same", "Same", "same", "digits", reference="blurred")
    made = MADE | {(unit.method, "same"): MADE[unit.method, "blurred"] for unit in UNITS}
    for task in resampling_tasks([("standard",)], (CLEAN, BLURRED, same)):
        resampled = resample(
            *(task, UNITS, lambda unit, name: made[unit.method, name]), resamples=100, seed=0
        )
        names = [metric.name for metric in task.metrics]
        if resampled is not None and "auroc" in names and task.score == "predictive_entropy":
            where = names.index("auroc"), resampled.conditions.index("same")
            assert resampled.estimates[where] == pytest.approx([0.5] * 3)
            assert np.abs(resampled.covariance[where]).max() < 1e-20
            return
    pytest.fail("no task resamples AUROC")


def test_metrics_of_shared_probabilities_are_tested_once() -> None:
    result = estimated(shared={"shared": "deep_ensemble"}, resamples=100)
    by_score = {bool(row.score) for row in result.comparisons if "shared" in pair(row)}
    assert by_score == {True}
    assert any(pair(row) == {"deep_ensemble", "softmax"} for row in result.comparisons)
    apart = estimated(resamples=100)
    assert any("shared" in pair(row) for row in apart.comparisons if not row.score)


def pair(row: Comparison) -> set[str]:
    return {row.method, row.other_method}
