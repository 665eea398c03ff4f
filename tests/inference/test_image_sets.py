"""Conditions with images of their own: what is gathered together, averaged and compared."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from benchmarks.inference.intervals import Relations
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.questions import Budgets
from benchmarks.schema import Comparison
from benchmarks.tasks.task import Condition
from methods import Prediction
from tests.measuring import Predictions, compared, gathered

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
SAME = Condition("same", "Same", "same", "digits", reference="blurred")

IMAGES = {"clean": 400, "blurred": 400, "far-matt": 300, "far-glossy": 150, "odd": 200}
UNITS = [
    RunUnit(method, size, budget, 0)
    for method, size, budget in (("deep_ensemble", 3, 3), ("shared", 3, 1), ("softmax", None, 1))
]


def made_up() -> Predictions:
    """`shared` has the deep ensemble's, `unseen` and `same` are other conditions' images."""
    random, made = np.random.default_rng(3), {}
    ensemble, shared, softmax = UNITS
    for name, images in IMAGES.items():
        labels = torch.from_numpy(random.integers(5, size=images))
        for unit, members in ((ensemble, 3), (softmax, 1)):
            logits = random.normal(size=(members, images, 5))
            logits[:, np.arange(images), labels] += 1.5 if name == "clean" else 0.7
            prediction = Prediction.of_logits(torch.from_numpy(logits))
            made[unit, name] = StoredPrediction(prediction, None if name == "odd" else labels)
        made[shared, name] = made[ensemble, name]
    for unit in UNITS:
        made |= {(unit, "unseen"): made[unit, "odd"], (unit, "same"): made[unit, "blurred"]}
    return made


MADE = made_up()


def right(unit: RunUnit, condition: str) -> NDArray[np.float64]:
    stored = MADE[unit, condition]
    return (stored.prediction.mean.argmax(dim=1) == stored.labels).double().numpy()


def pair(row: Comparison) -> set[str]:
    return {row.method, row.other_method}


def test_a_mean_over_sets_of_images_averages_them_all() -> None:
    """Independent sets: the variance of a mean of two is a quarter of the sum of theirs."""
    known = gathered(MADE, (CLEAN, MATT, GLOSSY), ["accuracy"], resamples=2000)
    result = compared(known, Relations(Budgets(frozenset(["deep_ensemble"]))))
    (row,) = [
        row
        for row in result.comparisons
        if (row.condition, row.question) == ("far-mean", "")
        and pair(row) == {"deep_ensemble", "softmax"}
    ]
    ensemble, _, softmax = UNITS
    of_softmax = [right(softmax, name) for name in ("far-matt", "far-glossy")]
    apart = [right(ensemble, name) for name in ("far-matt", "far-glossy")]
    apart = [one - other for one, other in zip(apart, of_softmax, strict=True)]

    def half_width(sets: list[NDArray[np.float64]]) -> float:
        error = math.sqrt(sum(values.var() / len(values) for values in sets)) / 2
        return stats.t.ppf(0.975, 149) * error  # the fewer images count the degrees of freedom

    assert row.difference == pytest.approx(np.mean([v.mean() for v in apart]), abs=1e-5)
    assert row.upper - row.difference == pytest.approx(half_width(apart), rel=1e-5)
    assert (row.images, row.effect_size) == (150, None)
    interval = result.intervals["softmax", "1", 1, "far-mean", "", "accuracy"]
    assert interval.half_width == pytest.approx(half_width(of_softmax))


@pytest.mark.parametrize(("condition", "reference"), [(ODD, "blurred"), (UNSEEN, "clean")])
def test_detection_is_against_the_conditions_own_reference(
    condition: Condition, reference: str
) -> None:
    """DeLong, DeLong & Clarke-Pearson 1988."""
    known = gathered(MADE, (CLEAN, BLURRED, ODD, condition), ["auroc"], resamples=2000)
    own, other = (
        stats.entropy(MADE[UNITS[2], name].prediction.mean.numpy(), axis=1)
        for name in ("odd", reference)
    )
    won = (own[:, None] > other).astype(float)
    variance = won.mean(axis=1).var() / 200 + won.mean(axis=0).var() / 400
    key = ("softmax", "1", 1, condition.name, "predictive_entropy", "auroc")
    expected = stats.t.ppf(0.975, 199) * math.sqrt(variance)
    assert compared(known).intervals[key].half_width == pytest.approx(expected, rel=1e-6)


def test_a_condition_of_its_references_images_is_drawn_with_it() -> None:
    """The same predictions under both, so that each resample detects nothing: AUROC one half."""
    known = gathered(MADE, (CLEAN, BLURRED, SAME), ["auroc"])["same"].metrics["auroc"]
    columns = known.columns(known.values)
    assert {value for values in known.values.values() for value in values.values()} == {0.5}
    assert known.covariance(columns).every == pytest.approx(np.zeros((len(columns),) * 2))
