"""How rows are formed: by influence or by resamples, and of conditions that share images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.inference.resampling import Frame, ImageSet
from benchmarks.metrics import METRICS
from benchmarks.metrics.metric import Family, Influences, MetricInputs, MetricsByResample, Weights
from benchmarks.tasks.task import Condition
from tests.runs import CONDITIONS

IMAGES, FEWER, RESAMPLES = 60, 20, 130
CLEAN, ROTATED, NOISE = (CONDITIONS[name] for name in ("clean", "rotated-030", "ood-uniform_noise"))

Floats = NDArray[np.float64]


class Compared(Family):
    """The difference of means of images and of their reference's; no influence is known."""

    needs = frozenset({"reference"})

    def per_image(self, arrays: MetricInputs) -> None:
        raise NotImplementedError

    def evaluate(
        self,
        prepared: tuple[Floats, Floats],
        weights: Weights,
        reference_weights: Weights,
    ) -> MetricsByResample:
        own, reference = prepared
        values: MetricsByResample = own @ weights - reference @ reference_weights
        values[0, values[1] < 0] = np.nan
        return values


class ByInfluence(Compared):
    """The same; the values are taken as influences."""

    def influence(self, prepared: Any) -> Influences:
        return Influences(*prepared)


def values(images: int, seed: int) -> Floats:
    drawn = np.random.default_rng(seed).normal(size=(2, images))
    return drawn - drawn.mean(axis=1, keepdims=True)


def frame(images: dict[str, int]) -> Frame:
    return Frame(images, CONDITIONS, RESAMPLES, seed=0)


def test_an_image_and_its_rotation_have_one_place() -> None:
    """A condition of fewer images has the first ones of its set."""
    own, reference = values(FEWER, 0), values(IMAGES, 1)
    family = ByInfluence([METRICS["auroc"], METRICS["fpr95"]])
    rows, undefined = frame({ROTATED.name: FEWER, "clean": IMAGES}).rows(
        family, (own, reference), ROTATED
    )
    expected = reference / IMAGES
    expected[:, :FEWER] += own / FEWER
    assert rows == pytest.approx(expected)
    assert undefined.tolist() == [0, 0]


def test_images_of_their_own_stand_beside_the_others() -> None:
    own, reference = values(FEWER, 0), values(IMAGES, 1)
    family = ByInfluence([METRICS["auroc"], METRICS["fpr95"]])
    rows, _ = frame({NOISE.name: FEWER, "clean": IMAGES}).rows(family, (own, reference), NOISE)
    assert rows == pytest.approx(np.hstack([own / FEWER, reference / IMAGES]))


def test_unknown_influences_are_as_undefined_in_every_draw() -> None:
    own = values(IMAGES, 0)
    own[1, 3] = np.nan
    family = METRICS["nll"].family([METRICS["nll"]])
    rows, undefined = frame({"clean": IMAGES}).rows(family, own, CLEAN)
    assert undefined.tolist() == [0, 1]
    assert not rows[1].any()


def drawn(name: str, images: int) -> Weights:
    of_set = ImageSet.of(CONDITIONS[name], CONDITIONS)
    return np.concatenate(list(of_set.weights(images, RESAMPLES, 0)), axis=1)


def weights_of_both(condition: str) -> tuple[Weights, Weights]:
    own = drawn(condition, IMAGES if condition == ROTATED.name else FEWER)
    return own[:FEWER], drawn("clean", IMAGES)


@pytest.mark.parametrize("condition", [ROTATED, NOISE], ids=["paired", "of its own"])
def test_rows_of_resamples_have_their_covariance(condition: Condition) -> None:
    own, reference = values(FEWER, 0), values(IMAGES, 1)
    family = Compared([METRICS["auroc"], METRICS["fpr95"]])
    sizes = {condition.name: FEWER, "clean": IMAGES}
    rows, undefined = frame(sizes).rows(family, (own, reference), condition)
    evaluated = family.evaluate((own, reference), *weights_of_both(condition.name))
    assert (rows @ rows.T)[1, 1] == pytest.approx(evaluated[1].var(ddof=1))
    defined = np.isfinite(evaluated[0])
    assert undefined.tolist() == [(~defined).mean(), 0]
    assert 0.2 < undefined[0] < 0.8
    squares = np.square(evaluated[0, defined] - evaluated[0, defined].mean()).sum()
    assert (rows @ rows.T)[0, 0] == pytest.approx(squares / (RESAMPLES - 1))
