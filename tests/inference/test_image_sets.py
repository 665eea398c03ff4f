"""Conditions with images of their own: what is averaged, compared and drawn together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from benchmarks.inference.evidence import MeasuredUnit, mean_over, summed_by
from benchmarks.inference.resampling import Frame
from benchmarks.metrics import METRICS
from benchmarks.predictions import StoredPrediction
from benchmarks.run.image_values import ImageValues
from benchmarks.run.measurements import measured, varying
from benchmarks.tasks.task import Condition
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
SAME = Condition("same", "Same", "same", "digits", reference="blurred")
BY_NAME = {c.name: c for c in (CLEAN, BLURRED, MATT, GLOSSY, ODD, UNSEEN, SAME)}

IMAGES = {"clean": 400, "blurred": 400, "far-matt": 300, "far-glossy": 150, "odd": 200}

WRITERS = np.random.default_rng(8).integers(40, size=400)
"""Of the clean and the blurred images, which are the same."""


def made_up() -> dict[str, StoredPrediction]:
    """`unseen` and `same` are other conditions' images."""
    random, made = np.random.default_rng(3), {}
    for name, images in IMAGES.items():
        labels = torch.from_numpy(random.integers(5, size=images))
        logits = random.normal(size=(1, images, 5))
        logits[:, np.arange(images), labels] += 1.5 if name == "clean" else 0.7
        prediction = Prediction.of_logits(torch.from_numpy(logits))
        made[name] = StoredPrediction(prediction, None if name == "odd" else labels)
    return made | {"unseen": made["odd"], "same": made["blurred"]}


MADE = made_up()


def measure(metric: str, condition: Condition, *together: Condition) -> MeasuredUnit:
    """In a row with the images of other conditions, and of their references."""
    family = METRICS[metric].family([METRICS[metric]])
    names = sorted({name for c in (condition, *together) for name in (c.name, c.reference)})
    frame = Frame(
        {name: len(MADE[name].prediction.mean) for name in names},
        BY_NAME,
        *(200, 0),
        dict.fromkeys(("clean", "blurred", "same"), WRITERS),
    )
    score = "predictive_entropy" if "score" in family.needs else ""
    own, reference = (
        ImageValues([MADE[name]], measures=lambda _: [(family, score)])
        for name in (condition.name, condition.reference)
    )
    (each,) = measured([(family, score)], own, reference)
    (varied,) = varying(each, frame, condition).values()
    return varied


def variance(measured: MeasuredUnit) -> float:
    return float(np.square(summed_by(measured.groups, measured.row[None])).sum())


def entropy(name: str) -> NDArray[np.float64]:
    own: NDArray[np.float64] = stats.entropy(MADE[name].prediction.mean.numpy(), axis=1)
    return own


def test_a_mean_over_sets_of_images_averages_them_all() -> None:
    """Independent sets: the variance of a mean of two is a quarter of the sum of theirs."""
    measures, right = [], []
    for condition in (MATT, GLOSSY):
        measures.append({("accuracy", ""): measure("accuracy", condition, MATT, GLOSSY)})
        stored = MADE[condition.name]
        right.append((stored.prediction.mean.argmax(dim=1) == stored.labels).double().numpy())
    averaged = mean_over(measures)["accuracy", ""]
    assert averaged.value == pytest.approx(np.mean([values.mean() for values in right]))
    expected = sum(values.var() / len(values) for values in right) / 4
    assert variance(averaged) == pytest.approx(expected, rel=1e-5)


def placements(condition: Condition) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By an image of the condition, and of its reference, the share of pairs that are in order."""
    own, other = entropy(condition.name), entropy(condition.reference)
    won = (own[:, None] > other) + 0.5 * (own[:, None] == other)
    return won.mean(axis=1), won.mean(axis=0)


def by_writer(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of an image's deviations, of the mean over all, by who wrote it."""
    deviations = (values - values.mean()) / len(values)
    return np.array([deviations[writer == WRITERS].sum() for writer in range(40)])


@pytest.mark.parametrize("condition", [ODD, UNSEEN])
def test_detection_is_against_the_conditions_own_reference(condition: Condition) -> None:
    """DeLong, DeLong & Clarke-Pearson 1988; the images of a writer are drawn together."""
    own, other = placements(condition)
    expected = own.var() / len(own) + np.square(by_writer(other)).sum()
    assert variance(measure("auroc", condition)) == pytest.approx(expected, rel=1e-5)


def test_a_writers_images_are_drawn_with_their_blurred_ones() -> None:
    expected = sum(by_writer(values) for values in placements(BLURRED))
    found = variance(measure("auroc", BLURRED))
    assert found == pytest.approx(np.square(expected).sum(), rel=1e-5)


def test_a_condition_of_its_references_images_is_drawn_with_it() -> None:
    """The same predictions under both, so that each draw detects nothing: AUROC one half."""
    same = measure("auroc", SAME, CLEAN)
    assert same.value == 0.5
    assert same.row == pytest.approx(0, abs=1e-9)
