"""Intervals cover the truth in 95 % of simulated test sets whose truth is known.

An image has a difficulty, a replicate a skill, and each pair an effect; so images and replicates
are crossed, as they are in a run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from benchmarks.inference.evidence import Covariance
from benchmarks.inference.intervals import Estimate, Side, estimate, paired, unpaired
from benchmarks.inference.resampling import image_weights
from benchmarks.metrics import METRICS, calibration
from benchmarks.metrics.calibration import BinnedImages
from benchmarks.metrics.detection import Detection, flagging_order
from benchmarks.metrics.metric import each_once, weighted_means

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]

RUNS, IMAGES, RESAMPLES = 2000, 400, 512

SKILL, DIFFICULTY, BOTH = 0.4, 1.2, 0.6

MEASURES: dict[str, Callable[[Floats], Floats]] = {
    "accuracy": lambda margin: (margin > 0).astype(float),
    "nll": lambda margin: np.logaddexp(0, -margin),
    "brier": lambda margin: 2 / (1 + np.exp(margin)) ** 2,
}
"""Of two classes, from the true one's logit."""

SHORT_AND_LONG = ["accuracy", "nll", pytest.param("brier", marks=pytest.mark.long)]


def weights(seed: int, images: int = IMAGES) -> NDArray[np.uint8]:
    return np.concatenate(list(image_weights(images, RESAMPLES, seed)), axis=1)


def margins(
    random: np.random.Generator, replicates: int, skill: Floats, difficulty: Floats
) -> Floats:
    """The true class's logit, [replicates, images]."""
    own = random.normal(size=(replicates, len(difficulty)))
    return 1.5 + SKILL * skill[:, None] + DIFFICULTY * difficulty + BOTH * own


@cache
def truth(measure: str, *, skill: float | None = None, edge: float = 0.0) -> float:
    """The mean over images and, unless their skill is given, replicates, by integration."""
    spread = math.hypot(DIFFICULTY, BOTH, SKILL if skill is None else 0.0)
    points, mass = np.polynomial.hermite_e.hermegauss(180)
    if measure == "accuracy":
        return float(stats.norm.cdf((1.5 + edge + SKILL * (skill or 0)) / spread))
    values = MEASURES[measure](1.5 + edge + SKILL * (skill or 0) + spread * points)
    return float((values * mass).sum() / mass.sum())


def over_resamples(contributions: Floats, drawn: NDArray[np.uint8]) -> Floats:
    """Covariance of the rows' means."""
    return np.atleast_2d(np.cov(weighted_means(contributions, drawn)))


def binned(confidence: Floats, correct: NDArray[np.bool_], inner_edges: Floats) -> BinnedImages:
    bin_of_image = np.searchsorted(inner_edges, confidence).astype(np.int32)
    return BinnedImages(confidence, correct, bin_of_image, inner_edges)


def covered(result: list[Estimate], true: float) -> float:
    return float(np.mean([abs(one.value - true) <= one.half_width for one in result]))


def excludes_zero(difference: Estimate) -> bool:
    return abs(difference.value) > difference.half_width


@pytest.mark.parametrize("replicates", [1, 5, 10])
@pytest.mark.parametrize("measure", SHORT_AND_LONG)
def test_means(measure: str, replicates: int) -> None:
    random, drawn = np.random.default_rng(replicates), weights(0)
    result = []
    for _ in range(RUNS):
        skill = random.normal(size=replicates) if replicates > 1 else np.zeros(1)
        values = MEASURES[measure](margins(random, replicates, skill, random.normal(size=IMAGES)))
        result.append(estimate(values.mean(axis=1), over_resamples(values, drawn), IMAGES))
    true = truth(measure) if replicates > 1 else truth(measure, skill=0.0)
    assert 0.93 <= covered(result, true) <= 0.97


@pytest.mark.parametrize("replicates", [1, 5])
def test_auroc(replicates: int) -> None:
    random = np.random.default_rng(replicates)
    clean, ood = weights(1, 150), weights(2, 150)
    once, family = each_once(150), Detection([METRICS["auroc"]])
    result = []
    for _ in range(RUNS):
        shift = 1.2 + (SKILL * random.normal(size=replicates) if replicates > 1 else np.zeros(1))
        difficulty = random.normal(size=(2, 1, 150))
        scores = difficulty + BOTH * random.normal(size=(2, replicates, 150))
        ranked = [flagging_order(n, p + s) for n, p, s in zip(*scores, shift, strict=True)]
        values = np.concatenate([family.evaluate(one, once, once)[0] for one in ranked])
        resampled = np.concatenate([family.evaluate(one, ood, clean) for one in ranked])
        result.append(estimate(values, np.atleast_2d(np.cov(resampled)), 150))
    spread = math.sqrt(2 * (1 + BOTH**2) + (SKILL**2 if replicates > 1 else 0))
    assert 0.93 <= covered(result, float(stats.norm.cdf(1.2 / spread))) <= 0.97


def in_pairs(means: Floats, of_one: int, covariance: Floats, images: int = IMAGES) -> Estimate:
    return paired(*sides(means, of_one), Covariance.between_replicates(covariance), images)


def of_other_networks(means: Floats, of_one: int, covariance: Floats) -> Estimate:
    return unpaired(*sides(means, of_one), Covariance.between_replicates(covariance), IMAGES)


def sides(means: Floats, of_one: int) -> tuple[Side, Side]:
    return (
        Side.of(means[:of_one], range(of_one)),
        Side.of(means[of_one:], range(of_one, len(means))),
    )


@pytest.mark.parametrize(
    ("difference", "of_one", "of_other"),
    [
        *((in_pairs, count, count) for count in (1, 5)),
        *((of_other_networks, *counts) for counts in ((1, 1), (5, 5), (5, 1), (1, 5), (10, 5))),
    ],
)
@pytest.mark.parametrize("measure", SHORT_AND_LONG)
def test_differences(
    difference: Callable[[Floats, int, Floats], Estimate],
    measure: str,
    of_one: int,
    of_other: int,
) -> None:
    """In pairs, replicates of a position share their skill; else each has its own."""
    random, drawn = np.random.default_rng(of_one + 10 * of_other), weights(3)
    result = []
    for _ in range(RUNS):
        skills, difficulty = random.normal(size=(2, 10)), random.normal(size=IMAGES)
        one, other = (
            # A single replicate is fixed: its skill is not drawn.
            margins(random, count, skill[:count] if count > 1 else np.zeros(1), difficulty)
            for count, skill in (
                (of_one, skills[0]),
                (of_other, skills[0 if difference is in_pairs else 1]),
            )
        )
        values = np.concatenate([MEASURES[measure](one + 0.3), MEASURES[measure](other)])
        means = values.mean(axis=1)
        between = over_resamples(values, drawn)
        result.append(difference(means, of_one, between))
    true = [
        truth(measure, skill=None if count > 1 else 0.0, edge=edge)
        for count, edge in ((of_one, 0.3), (of_other, 0.0))
    ]
    assert 0.93 <= covered(result, true[0] - true[1]) <= 0.97


def test_equal_methods_are_distinguished_as_rarely_as_the_level() -> None:
    random, drawn = np.random.default_rng(1), weights(4)
    apart = []
    for _ in range(RUNS):
        skill, difficulty = random.normal(size=5), random.normal(size=IMAGES)
        values = np.concatenate([margins(random, 5, skill, difficulty) for _ in range(2)])
        means = values.mean(axis=1)
        result = in_pairs(means, 5, over_resamples(values, drawn))
        apart.append(excludes_zero(result))
    assert 0.03 <= np.mean(apart) <= 0.07


def test_percentiles_over_few_replicates_would_cover_too_seldom() -> None:
    """Both drawn anew, the pigeonhole bootstrap: what our rule corrects."""
    random, drawn = np.random.default_rng(2), weights(5)
    inside = []
    for _ in range(RUNS):
        values = margins(random, 5, random.normal(size=5), random.normal(size=IMAGES))
        resampled = weighted_means(values, drawn)
        chosen = random.integers(5, size=(5, RESAMPLES))
        means = np.take_along_axis(resampled, chosen, axis=0).mean(axis=0)
        lower, upper = np.quantile(means, [0.025, 0.975])
        inside.append(lower <= 1.5 <= upper)
    assert np.mean(inside) < 0.92


def test_binned_ece_is_not_covered_and_the_debiased_one_is_better() -> None:
    """A gap of 0.01 in every bin: an interval does not remove the bias that chance adds."""
    random, drawn, images, gap = np.random.default_rng(3), weights(6, 1000), 1000, 0.01
    once = each_once(images)
    result: dict[str, list[Estimate]] = {"plain": [], "debiased": []}
    measures = (calibration.expected_calibration_error, calibration.debiased_calibration_error)
    edges = np.arange(1, 15) / 15
    for _ in range(200):
        confidence = random.uniform(0.5, 1.0, images)
        correct = random.random(images) < confidence - gap
        bins = binned(confidence, correct, edges)
        for name, measure in zip(result, measures, strict=True):
            resampled = np.atleast_2d(np.cov(measure(bins.fill(drawn))))
            result[name].append(estimate(measure(bins.fill(once)), resampled, images))
    plain, debiased = (covered(result[name], gap) for name in ("plain", "debiased"))
    assert plain < 0.6 < 0.85 < debiased
    bias = {name: np.mean([one.value for one in ones]) - gap for name, ones in result.items()}
    assert abs(bias["debiased"]) < 0.6 * bias["plain"]


def test_calibrated_methods_differ_by_binned_ece_but_not_by_the_debiased_square() -> None:
    """One is nearly always certain, one has confidences from 0.6 to 1: their biases differ."""
    random, drawn, images = np.random.default_rng(4), weights(7, 1000), 1000

    def edges(measure: str, confidence: Floats) -> Floats:
        parts = np.arange(1, 15) / 15
        return parts if measure == "ece" else np.quantile(confidence, parts)

    once = each_once(images)
    apart = {"ece": 0, "square": 0}
    measures = {
        "ece": calibration.expected_calibration_error,
        "square": calibration.debiased_squared_calibration_error,
    }
    for _ in range(200):
        confidences = random.beta(49, 1, images), random.uniform(0.6, 1.0, images)
        correct = [random.random(images) < confidence for confidence in confidences]
        for name, measure in measures.items():
            result = [
                binned(c, right, edges(name, c))
                for c, right in zip(confidences, correct, strict=True)
            ]
            values = np.concatenate([measure(bins.fill(once)) for bins in result])
            between = np.cov([measure(bins.fill(drawn)) for bins in result])
            apart[name] += excludes_zero(in_pairs(values, 1, between, images))
    assert apart["ece"] > 0.25 * 200
    assert apart["square"] <= 0.05 * 200
