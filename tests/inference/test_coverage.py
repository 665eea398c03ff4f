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

from benchmarks.inference.differences import difference
from benchmarks.inference.evidence import Drawn, MeasuredUnit, ReplicateSums
from benchmarks.inference.intervals import Networks, interval_of
from benchmarks.inference.resampling import image_weights
from benchmarks.metrics import METRICS, calibration
from benchmarks.metrics.calibration import BinnedImages
from benchmarks.metrics.detection import Detection, flagging_order
from benchmarks.metrics.metric import each_once
from benchmarks.nouns import Contestant
from tests.measuring import Floats, known_of, unit_of

pytestmark = pytest.mark.slow

RUNS, IMAGES = 2000, 400

SKILL, DIFFICULTY, BOTH = 0.4, 1.2, 0.6

MEASURES: dict[str, Callable[[Floats], Floats]] = {
    "accuracy": lambda margin: (margin > 0).astype(float),
    "nll": lambda margin: np.logaddexp(0, -margin),
}
"""Of two classes, from the true one's logit."""


def weights(seed: int, images: int = IMAGES) -> NDArray[np.uint8]:
    return np.concatenate(list(image_weights(images, 512, seed)), axis=1)


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


def half_width(units: list[MeasuredUnit], images: int) -> float:
    moments = ReplicateSums()
    for unit in units:
        moments.add(unit)
    networks = Networks.of(np.array(moments.values))
    return interval_of("nll", moments, Drawn(images, images), networks).half_width


@pytest.mark.parametrize("replicates", [1, 5, 10])
@pytest.mark.parametrize("measure", MEASURES)
def test_means(measure: str, replicates: int) -> None:
    random, held = np.random.default_rng(replicates), []
    true = truth(measure, skill=None if replicates > 1 else 0.0)
    for _ in range(RUNS):
        skill = random.normal(size=replicates) if replicates > 1 else np.zeros(1)
        values = MEASURES[measure](margins(random, replicates, skill, random.normal(size=IMAGES)))
        width = half_width([unit_of(own) for own in values], IMAGES)
        held.append(abs(values.mean() - true) <= width)
    assert 0.93 <= np.mean(held) <= 0.97


@pytest.mark.parametrize("replicates", [1, 5])
def test_auroc(replicates: int) -> None:
    random, images, held = np.random.default_rng(replicates), 150, []
    once, family = each_once(images), Detection([METRICS["auroc"]])
    spread = math.sqrt(2 * (1 + BOTH**2) + (SKILL**2 if replicates > 1 else 0))
    for _ in range(RUNS):
        shift = 1.2 + (SKILL * random.normal(size=replicates) if replicates > 1 else np.zeros(1))
        scores = random.normal(size=(2, 1, images)) + BOTH * random.normal(
            size=(2, replicates, images)
        )
        units = []
        for clean, unknown, more in zip(*scores, shift, strict=True):
            ranked = flagging_order(clean, unknown + more)
            influences = family.influence(ranked)
            assert influences is not None
            assert influences.reference is not None
            row = np.concatenate([influences.own[0], influences.reference[0]]) / images
            value = float(family.evaluate(ranked, once, once)[0, 0])
            units.append(MeasuredUnit(value, row.astype(np.float32), np.arange(2 * images)))
        off = np.mean([unit.value for unit in units]) - stats.norm.cdf(1.2 / spread)
        held.append(abs(off) <= half_width(units, images))
    assert 0.93 <= np.mean(held) <= 0.97


@pytest.mark.parametrize(
    ("counts", "alike"),
    [((1, 1), 1.0), ((5, 5), 1.0), ((5, 5), 0.0), ((10, 5), None), ((5, 5), None), ((5, 1), None)],
)
@pytest.mark.parametrize("measure", MEASURES)
def test_differences(measure: str, counts: tuple[int, int], alike: float | None) -> None:
    """Of two contestants that are paired, whether or not their networks are alike, or are not."""
    random, held = np.random.default_rng(sum(counts)), []
    one = Contestant("one", "1", 1)
    other = Contestant("other", "1", 1) if alike is not None else Contestant("ensemble", "2", 6)
    # A single replicate is fixed: its skill is not drawn.
    true = [
        truth(measure, skill=None if count > 1 else 0.0, edge=edge)
        for count, edge in zip(counts, (0.3, 0.0), strict=True)
    ]
    for _ in range(RUNS):
        skills, difficulty = random.normal(size=(2, 10)), random.normal(size=IMAGES)
        skills[1] = (alike or 0) * skills[0] + math.sqrt(1 - (alike or 0) ** 2) * skills[1]
        first, second = (
            margins(random, count, skill[:count] if count > 1 else np.zeros(1), difficulty)
            for count, skill in zip(counts, skills, strict=True)
        )
        of = MEASURES[measure]
        known = known_of({one: of(first + 0.3), other: of(second)})
        estimate = difference(known, *map(known.contestants.index, (one, other))).estimate
        held.append(abs(estimate.value - (true[0] - true[1])) <= estimate.half_width)
    assert 0.93 <= np.mean(held) <= 0.97


def test_binned_ece_is_not_covered_and_the_debiased_one_is_better() -> None:
    """A gap of 0.01 in every bin: an interval does not remove the bias that chance adds."""
    random, images, gap = np.random.default_rng(3), 1000, 0.01
    once, drawn, edges = each_once(images), weights(6, images), np.arange(1, 15) / 15
    measures = (calibration.expected_calibration_error, calibration.debiased_calibration_error)
    found: list[list[tuple[float, float]]] = [[], []]
    for _ in range(200):
        confidence = random.uniform(0.5, 1.0, images)
        correct = random.random(images) < confidence - gap
        of_bins = np.searchsorted(edges, confidence).astype(np.int32)
        bins = BinnedImages(confidence, correct, of_bins, edges)
        for own, measure in zip(found, measures, strict=True):
            error = float(np.std(measure(bins.fill(drawn))))
            own.append((float(measure(bins.fill(once))[0]) - gap, 1.96 * error))
    plain, debiased = (np.mean([abs(off) <= width for off, width in own]) for own in found)
    assert plain < 0.6 < 0.85 < debiased
    bias = [np.mean([off for off, _ in own]) for own in found]
    assert abs(bias[1]) < 0.6 * bias[0]
