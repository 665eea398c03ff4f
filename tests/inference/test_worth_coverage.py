"""How often the interval of worth covers it, of networks whose worth is known.

A method whose replicate r is an ensemble of network r and k − 1 networks of its own is worth k.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import entr, softmax
from scipy.stats import rankdata

from benchmarks.inference.evidence import Entrant, Evidence, MeasuredUnit, Scored, network_blocks
from benchmarks.inference.intervals import MetricValues, ensembles_of, sides_of
from benchmarks.inference.worth import MORE, Worth, worth_of
from benchmarks.predictions import RunUnit
from benchmarks.schema import members_text
from tests.inference.per_image_model import CLEAN, IMAGES, ROTATED, UNKNOWN, Floats, model

pytestmark = pytest.mark.slow

NETWORKS, SIZES, DRAWN = 20, (1, 2, 3, 5, 7, 10, 14, 20), 2500
"""The pool, the ensembles and the images of a condition."""

WORTHS = 1, 2, 5, 10
MEASURES = {
    "accuracy": (CLEAN,),
    "log-likelihood": (CLEAN,),
    "log-likelihood of rotated images": (ROTATED,),
    "auroc": (CLEAN, UNKNOWN),
}
"""With the conditions whose images each needs."""

ENSEMBLES = frozenset(["ensemble"])

Rows = tuple[NDArray[np.float64], NDArray[np.float64]]
"""A measure of each unit, higher is better, and numbers whose products add up to its covariance
over images."""


def measured(
    measure: str, probabilities: Sequence[Floats], drawn: Sequence[NDArray[np.intp]]
) -> Rows:
    """Of [units, images, classes] of each condition, on the images drawn."""
    if measure == "auroc":
        clean, unknown = (
            entr(each).sum(axis=-1)[:, at] for each, at in zip(probabilities, drawn, strict=True)
        )
        together = rankdata(np.hstack([clean, unknown]), axis=1)
        above = (together[:, :DRAWN] - rankdata(clean, axis=1)) / DRAWN
        below = (together[:, DRAWN:] - rankdata(unknown, axis=1)) / DRAWN
        influences = [each - each.mean(axis=1, keepdims=True) for each in (-above, below)]
        return below.mean(axis=1), np.hstack(influences) / DRAWN
    labels = model().labels[None, drawn[0], None]
    own = probabilities[0][:, drawn[0]]
    right = own.argmax(axis=-1) == labels[..., 0]
    values = right if measure == "accuracy" else np.log(np.take_along_axis(own, labels, -1)[..., 0])
    means = values.mean(axis=1)
    return means, (values - means[:, None]) / DRAWN


def repeat(measure: str, random: np.random.Generator) -> Iterator[Worth]:
    """Draw networks and images anew, and find the worth of a method of each of `WORTHS`."""
    conditions = MEASURES[measure]
    count = NETWORKS * max(WORTHS)
    networks = [softmax(each, axis=-1) for each in model().logits(random, count, *conditions)]
    drawn = [random.integers(IMAGES, size=DRAWN) for _ in conditions]
    pool = [each[:NETWORKS] for each in networks]
    own = [each.reshape(max(WORTHS), NETWORKS, *each.shape[1:]) for each in networks]
    formed = {("ensemble", size): [in_blocks(each, size) for each in pool] for size in SIZES}
    known = {name: measured(measure, each, drawn) for name, each in formed.items()}
    for worth in WORTHS:
        means = [each[:worth].mean(axis=0) for each in own]
        known["method", None] = measured(measure, means, drawn)
        yield worth_in(known)


def in_blocks(probabilities: Floats, size: int) -> Floats:
    blocks = len(probabilities) // size
    mean: Floats = (
        probabilities[: blocks * size].reshape(blocks, size, *probabilities.shape[1:]).mean(1)
    )
    return mean


def worth_in(known: dict[tuple[str, int | None], Rows]) -> Worth:
    """The worth of the method, by the code that measures a run."""
    units = {
        RunUnit(method, size, size or 1, replicate): MeasuredUnit(value, row.astype(np.float32))
        for (method, size), rows in known.items()
        for replicate, (value, row) in enumerate(zip(*rows, strict=True))
    }
    members = {unit: members_text(unit.size or 1) for unit in units}
    evidence = Evidence("drawn", None, "drawn", images=DRAWN, members=members)
    for block in network_blocks(units, ENSEMBLES):
        evidence.add(block, {unit: {("accuracy", ""): units[unit]} for unit in block.summed})
    values = MetricValues.of(evidence, "accuracy", evidence.metrics["accuracy"].values)
    sides = sides_of(values, ENSEMBLES)
    (ensembles,) = ensembles_of(sides, ENSEMBLES).values()
    return worth_of(values, Scored(Entrant("method", "1", 1), ""), ensembles, sides, ENSEMBLES)


def coverage(measure: str, repetitions: int) -> tuple[list[float], list[float]]:
    """Of each of `WORTHS`, how often an interval holds it, and how often its upper end is open.

    Where the largest ensemble gains nothing, there is none.
    """
    random = np.random.default_rng(1)
    every = [tuple(repeat(measure, random)) for _ in range(repetitions)]
    defined = [own for own in every if not np.isnan(own[0].networks)]
    held = [[w.lower <= k <= w.upper for w, k in zip(own, WORTHS, strict=True)] for own in defined]
    upper = [[w.upper == MORE for w in own] for own in defined]
    return np.mean(held, axis=0).tolist(), np.mean(upper, axis=0).tolist()


@pytest.mark.parametrize(
    ("repetitions", "least"),
    [
        pytest.param(20, 0.8, id="short"),
        pytest.param(1000, 0.93, id="long", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("measure", MEASURES)
def test_interval_holds_the_worth(measure: str, repetitions: int, least: float) -> None:
    held, upper = coverage(measure, repetitions)
    assert held[0] == 1  # a network alone is worth 1
    assert min(held) >= least, held
    if measure == "log-likelihood of rotated images":
        assert upper[WORTHS.index(5)] <= 1 / 3
