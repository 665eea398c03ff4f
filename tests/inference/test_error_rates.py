"""How often intervals miss the truth, of networks whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from benchmarks.inference.differences import Difference
from benchmarks.inference.evidence import Evidence, MeasuredUnit, Scored, network_blocks
from benchmarks.inference.intervals import MetricValues, sides_of
from benchmarks.inference.simultaneous import simultaneous_level
from benchmarks.predictions import RunUnit
from benchmarks.schema import members_text
from tests.inference.per_image_model import (
    CLASSES,
    CLEAN,
    CONDITIONS,
    IMAGES,
    ROTATED,
    Floats,
    model,
)

pytestmark = pytest.mark.slow

SHORT_AND_LONG = [
    pytest.param(100, (0.01, 0.10), id="short"),
    pytest.param(1000, (0.03, 0.065), id="long", marks=pytest.mark.long),
]

DRAWN = 2500
"""Images of a repetition, as `full` has of each severity."""

ENSEMBLES = frozenset(["ensemble"])

Logits = Floats
"""[networks, images, classes]"""


def sampled(logits: Logits, random: np.random.Generator, noise: float) -> Floats:
    """The mean over ten passes that disturb the logits, as dropout does."""
    passes = (logits + noise * random.standard_normal(logits.shape, np.float32) for _ in range(10))
    mean: Floats = np.mean([softmax(each, axis=-1) for each in passes], axis=0)
    return mean


SINGLE: Mapping[str, Callable[[Logits, np.random.Generator], Floats]] = {
    "softmax": lambda logits, _: softmax(logits, axis=-1),
    "cooler": lambda logits, _: softmax(1.3 * logits, axis=-1),
    "warmer": lambda logits, _: softmax(logits / 1.5, axis=-1),
    "hot": lambda logits, _: softmax(logits / 2.5, axis=-1),
    "smoothed": lambda logits, _: 0.9 * softmax(logits, axis=-1) + 0.1 / CLASSES,
    "sampled": lambda logits, random: sampled(logits, random, 1.0),
    "noisy": lambda logits, random: sampled(logits, random, 2.5),
}
"""Methods of one network: the probabilities that they give, [networks, images, classes]."""

FEW = {"hot": 5, "sampled": 5}
"""Methods of fewer replicates, as costly ones have."""

SIZES = 2, 3, 5
"""Of ensembles, in disjoint blocks of the networks."""


ByImage = Callable[[Floats, NDArray[np.int64]], Floats]


class Question(NamedTuple):
    """Methods that are compared, by one metric on some images.

    Attributes:
        images: the value of each image, from probabilities and labels.
        replicates: how many networks methods of one network have; ensembles have five times as many
            in all.
    """

    condition: str
    values: ByImage
    replicates: int
    few: Mapping[str, int]
    sizes: Sequence[int]


def correct(probabilities: Floats, labels: NDArray[np.int64]) -> Floats:
    """Whether each image is classified correctly."""
    right: Floats = (probabilities.argmax(axis=-1) == labels).astype(np.float32)
    return right


def losses(probabilities: Floats, labels: NDArray[np.int64]) -> Floats:
    """The NLL of each image."""
    likelihood: Floats = np.take_along_axis(probabilities, labels[None, :, None], axis=-1)[..., 0]
    return -np.log(likelihood)


def by_image(
    question: Question, logits: Logits, random: np.random.Generator, every: int
) -> dict[tuple[str, int | None], Floats]:
    """By method and size, each image's value, [replicates, images].

    Args:
        every: how many networks methods of one network have.
    """
    labels = model().labels
    values: dict[tuple[str, int | None], Floats] = {}
    for name, probabilities in SINGLE.items():
        own = logits[: min(every, question.few.get(name, every))]
        values[name, None] = question.values(probabilities(own, random), labels)
    whole = softmax(logits, axis=-1)
    for size in question.sizes:
        blocks = whole[: len(whole) // size * size].reshape(-1, size, *whole.shape[1:])
        values["ensemble", size] = question.values(blocks.mean(axis=1), labels)
    return values


@cache
def truth(condition: str, values: ByImage) -> dict[tuple[str, int | None], float]:
    """The mean over all networks and images, from so many that it is known."""
    question = Question(condition, values, 60, {}, SIZES)
    random, sums = np.random.default_rng(99), dict[tuple[str, int | None], list[float]]()
    for _ in range(100):
        (logits,) = model().logits(random, 60, condition)
        for method, images in by_image(question, logits, random, 60).items():
            sums.setdefault(method, []).append(float(images.mean()))
    return {method: float(np.mean(means)) for method, means in sums.items()}


QUESTIONS = {
    "one network, accuracy": Question(ROTATED, correct, 20, {}, ()),
    "one network, NLL": Question(ROTATED, losses, 20, FEW, ()),
    "several networks, clean NLL": Question(CLEAN, losses, 20, FEW, SIZES),
    "few replicates": Question(ROTATED, losses, 5, {}, ()),
}


class Missed(NamedTuple):
    """Of one repetition: the share of uncorrected intervals that miss, and whether any does."""

    uncorrected: float
    of_question: bool


def repeat(name: str, random: np.random.Generator) -> Missed:
    """Draw networks and images anew, and form all intervals."""
    question = QUESTIONS[name]
    networks = 5 * question.replicates if question.sizes else question.replicates
    (logits,) = model().logits(random, networks, question.condition)
    drawn = random.integers(IMAGES, size=DRAWN)
    values = by_image(question, logits, random, question.replicates)
    units = {
        RunUnit(method, size, size or 1, replicate): row[drawn].astype(np.float64)
        for (method, size), rows in values.items()
        for replicate, row in enumerate(rows)
    }
    known, differences = compared(units)
    sides = sides_of(known, ENSEMBLES)
    level = simultaneous_level(known, sides, differences, ENSEMBLES)
    true, off, bounds = truth(question.condition, question.values), [], []
    for first, second, estimate, *_ in differences:
        if estimate.half_width > 0:
            expected = true[_method(first)] - true[_method(second)]
            off.append(abs(estimate.value - expected))
            bounds.append((estimate.half_width, estimate.half_width_at(level)))
    missed = np.array(off)[:, None] > np.array(bounds)
    return Missed(float(missed[:, 0].mean()), bool(missed[:, 1].any()))


def compared(units: Mapping[RunUnit, Floats]) -> tuple[MetricValues, list[Difference]]:
    """All differences, from the value of each image."""
    members = {unit: members_text(unit.size or 1) for unit in units}
    evidence = Evidence("drawn", None, "drawn", images=DRAWN, members=members)
    for block in network_blocks(units, ENSEMBLES):
        measured = {
            unit: {("nll", ""): MeasuredUnit(row.mean(), ((row - row.mean()) / DRAWN).astype("f4"))}
            for unit, row in ((unit, units[unit]) for unit in block.summed)
        }
        evidence.add(block, measured)
    known = MetricValues.of(evidence, "nll", evidence.metrics["nll"].values)
    sides = sides_of(known, ENSEMBLES)
    pairs = combinations(sides, 2)
    return known, [Difference.of(known, pair, sides, ENSEMBLES) for pair in pairs]


def _method(scored: Scored) -> tuple[str, int | None]:
    method, members, _ = scored.variant
    return method, int(members) if method in ENSEMBLES else None


@pytest.mark.parametrize(("repetitions", "expected"), SHORT_AND_LONG)
@pytest.mark.parametrize("name", QUESTIONS)
def test_intervals_miss_the_truth_as_often_as_they_say(
    name: str, repetitions: int, expected: tuple[float, float]
) -> None:
    random = np.random.default_rng(1)
    missed = [repeat(name, random) for _ in range(repetitions)]
    rates = np.mean(missed, axis=0)
    least, most = expected
    assert least <= rates[0] <= most
    # Fewer where pairs get Bonferroni's level, and where some intervals are too wide.
    fewer = ("few replicates", "several networks, clean NLL")
    assert (0 if name in fewer else least) <= rates[1] <= most


LONGER = 1.3
"""How much larger a longer training makes the mean of logits over networks."""


def of_two_trainings(alike: float, values: ByImage, random: np.random.Generator) -> Difference:
    """Ten networks, and five that are trained for longer.

    Args:
        alike: the correlation of the logits of networks of one number.
    """
    (first,), (other,) = (model().logits(random, count, ROTATED) for count in (10, 5))
    mean = model().mean[CONDITIONS.index(ROTATED)]
    longer = LONGER * mean + alike * (first[:5] - mean) + np.sqrt(1 - alike**2) * (other - mean)
    drawn, labels = random.integers(IMAGES, size=DRAWN), model().labels
    units = {
        RunUnit("softmax", None, budget, replicate): row[drawn].astype(np.float64)
        for budget, logits in ((1, first), (5, longer))
        for replicate, row in enumerate(values(softmax(logits, axis=-1), labels))
    }
    _, (difference,) = compared(units)
    assert difference.common == set(range(5))
    return difference


@cache
def longer_less(values: ByImage) -> float:
    """By how much five that are trained for longer differ, over all networks and images."""
    random, means = np.random.default_rng(98), []
    for _ in range(100):
        (logits,) = model().logits(random, 60, ROTATED)
        more = (LONGER - 1) * model().mean[CONDITIONS.index(ROTATED)]
        first, longer = (
            values(softmax(each, axis=-1), model().labels).mean()
            for each in (logits, logits + more)
        )
        means.append(first - longer)
    return float(np.mean(means))


@pytest.mark.parametrize("alike", [0.0, 0.9])
@pytest.mark.parametrize("values", [correct, losses])
def test_pairs_by_number_hold_the_truth_whether_or_not_networks_begin_alike(
    values: ByImage, alike: float
) -> None:
    random = np.random.default_rng(3)
    every = [of_two_trainings(alike, values, random).estimate for _ in range(1000)]
    held = [abs(each.value - longer_less(values)) <= each.half_width for each in every]
    assert 0.93 <= np.mean(held) <= 0.97
