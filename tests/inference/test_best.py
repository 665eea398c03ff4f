"""The best, and differences to one contestant, against a plain simulation and closed forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from benchmarks.inference.best import judge
from benchmarks.inference.evidence import HeadlineEvidence
from benchmarks.nouns import Contestant
from tests.measuring import MEASURES, Floats, known_of

MONTE_CARLO = 0.02
"""How far a critical value is from that of infinitely many draws, relative to it."""

IMAGES, MANY = 2000, 64_000


def orthogonal(rows: int, length: int) -> Floats:
    """Of a mean of 0 and a sum of squares of 1 each."""
    centred = np.random.default_rng(0).normal(size=(length, rows))
    basis, _ = np.linalg.qr(centred - centred.mean(axis=0))
    whole: Floats = basis.T
    return whole


def crossed(
    contestants: int,
    replicates: int,
    *,
    by_images: float | Sequence[float] = 0,
    by_replicates: float | Sequence[float] = 0,
    common: float = 0,
    sizes: Sequence[int] = (1,),
    images: int = IMAGES,
) -> HeadlineEvidence:
    """Equal contestants whose standard errors over images and replicates are exactly these.

    Args:
        common: what replicates add to all of them.
        sizes: how many networks the contestants have, over and over.
    """
    over_images = images * (np.array(by_images) * orthogonal(contestants, images).T).T
    values = np.zeros((contestants, replicates))
    if replicates > 1:
        common_one, *drawn = np.sqrt(replicates - 1) * orthogonal(contestants + 1, replicates)
        values = (np.array(by_replicates) * np.array(drawn).T).T + common * common_one
    return known_of(
        {
            Contestant("ensemble", f"{sizes[k % len(sizes)]}", k): row + own[:, None]
            for k, (row, own) in enumerate(zip(over_images, values, strict=True))
        }
    )


def moved(evidence: HeadlineEvidence, contestant: int, by: float) -> HeadlineEvidence:
    values = evidence.values.copy()
    values[contestant] += by
    return replace(evidence, values=values)


def critical(evidence: HeadlineEvidence, expected: float) -> float:
    """How far behind equal ones the first may be and still be in the set; lower is better."""

    def side(by: float) -> int:
        return 1 if judge(moved(evidence, 0, by), None, MANY).best[0] else -1

    return float(optimize.bisect(side, 0.9 * expected, 1.1 * expected, rtol=2e-3))


def simulated(by_images: Floats, by_replicates: Floats, replicates: int, *, paired: bool) -> Floats:
    """Experiments under equality, each tested as it stands: t against the first, [draws, others].

    Args:
        by_images, by_replicates: standard deviations of the contestants.
        paired: whether by their replicates.
    """
    random, count = np.random.default_rng(1), (200_000, len(by_images))
    values = by_replicates[:, None] * random.normal(size=(*count, replicates))
    means = values.mean(axis=2) + by_images * random.normal(size=count)
    variances = by_images[1:] ** 2 + by_images[0] ** 2
    if replicates > 1 and paired:
        apart = values[:, 1:] - values[:, :1]
        variances = variances + apart.var(axis=2, ddof=1) / replicates
    elif replicates > 1:
        own = values.var(axis=2, ddof=1) / replicates
        variances = variances + own[:, 1:] + own[:, :1]
    t: Floats = (means[:, 1:] - means[:, :1]) / np.sqrt(variances)
    return t


@pytest.mark.parametrize("contestants", [2, 10])
def test_where_images_decide_critical_values_are_those_of_the_normal_distribution(
    contestants: int,
) -> None:
    """Of equal variances: differences to one contestant have the correlation 1/2."""
    others = contestants - 1

    def share(q: float, *, one_sided: bool) -> float:
        def of(z: float) -> float:
            below = 0.0 if one_sided else stats.norm.cdf(z - np.sqrt(2) * q)
            between = stats.norm.cdf(z + np.sqrt(2) * q) - below
            return float(stats.norm.pdf(z) * between**others)

        return float(integrate.quad(of, -9, 9)[0])

    evidence = crossed(contestants, 1, by_images=1.0)
    one, two = (
        optimize.brentq(lambda q, kind=kind: share(q, one_sided=kind) - 0.95, 0, 9)
        for kind in (True, False)
    )
    expected = float(np.sqrt(2) * one)
    assert critical(evidence, expected) == pytest.approx(expected, rel=MONTE_CARLO)
    found = judge(evidence, 0, MANY).half_widths[1:]
    assert found == pytest.approx(np.full(others, np.sqrt(2) * two), rel=MONTE_CARLO)


@pytest.mark.parametrize(("replicates", "sizes"), [(5, (1,)), (10, (1, 2))])
def test_two_contestants_have_students_t(replicates: int, sizes: Sequence[int]) -> None:
    """Paired by their replicates, or each with variances of its own."""
    evidence = crossed(2, replicates, by_replicates=1.0, common=3.0, sizes=sizes)
    paired = len(sizes) == 1
    assert evidence.paired.all() == paired
    values = evidence.values
    error = stats.sem(values[0] - values[1]) if paired else np.hypot(*stats.sem(values, axis=1))
    degrees = (replicates - 1) * (1 if paired else 2)
    found = judge(evidence, 0, MANY).half_widths[1] / error
    assert found == pytest.approx(stats.t.ppf(0.975, degrees), rel=MONTE_CARLO)
    expected = error * stats.t.ppf(0.95, degrees)
    assert critical(evidence, expected) == pytest.approx(expected, rel=MONTE_CARLO)


@pytest.mark.parametrize(
    ("replicates", "by_images", "by_replicates"),
    [
        pytest.param(5, (0, 0, 0), (1, 1, 1), id="replicates alone"),
        pytest.param(5, (1, 1, 1), (1, 1, 1), id="both"),
        pytest.param(1, (1, 3, 0.3), (0, 0, 0), id="unequal over images"),
        pytest.param(8, (0.1, 0.1, 0.1), (1, 3, 0.3), id="unequal over replicates"),
    ],
)
@pytest.mark.parametrize("sizes", [(1,), (1, 2, 3)], ids=["paired", "independent"])
def test_critical_values_are_those_of_experiments_under_equality(
    replicates: int, by_images: Sequence[float], by_replicates: Sequence[float], sizes: list[int]
) -> None:
    evidence = crossed(
        len(by_images), replicates, by_images=by_images, by_replicates=by_replicates, sizes=sizes
    )
    deviations = np.array(by_images), np.array(by_replicates)
    t = simulated(*deviations, replicates, paired=len(sizes) == 1)
    errors = np.hypot(deviations[0], deviations[1] / np.sqrt(replicates))
    found = judge(evidence, 0, MANY).half_widths[1:] / np.hypot(errors[1:], errors[0])
    expected = np.quantile(np.abs(t).max(axis=1), 0.95)
    assert found == pytest.approx(np.full(len(found), expected), rel=MONTE_CARLO)
    if len(set(errors)) == 1:
        expected = np.quantile(t.max(axis=1), 0.95) * np.hypot(*errors[:2])
        assert critical(evidence, expected) == pytest.approx(expected, rel=MONTE_CARLO)


def mixed(seed: int, contestants: int = 8, replicates: int = 5) -> HeadlineEvidence:
    """Of unequal means and variances, some by the same networks; lower is better."""
    random = np.random.default_rng(seed)
    image, networks = random.gamma(0.5, size=300), random.normal(size=(replicates, 1))
    means = np.sort(0.3 * random.random(contestants))
    spreads = np.exp(0.5 * random.normal(size=contestants))
    return known_of(
        {
            Contestant("method" if k % 3 else "ensemble", "1" if k % 3 else "2", k): image
            + means[k]
            + 0.1 * spreads[k] * (networks + random.normal(size=(replicates, 1)))
            + spreads[k] * random.normal(size=300)
            + 0.5 * random.normal(size=(replicates, 300))
            for k in range(contestants)
        }
    )


@pytest.mark.parametrize("seed", range(2))
def test_copy_is_in_the_set_where_the_original_is(seed: int) -> None:
    whole = mixed(seed)
    count = len(whole.contestants)
    for k in range(count):
        best = judge(whole.chosen([*range(count), k]), None).best
        assert best[count] == best[k]


@pytest.mark.parametrize("seed", range(2))
def test_order_of_contestants_does_not_matter(seed: int) -> None:
    """But for the draws of a critical value."""
    whole = mixed(seed)
    order = np.random.default_rng(seed).permutation(len(whole.contestants)).tolist()
    there, back = judge(whole, order[0]), judge(whole.chosen(order), 0)
    assert back.best.tolist() == there.best[order].tolist()
    assert back.stays == pytest.approx(there.stays[order], abs=0.02)
    expected = pytest.approx(there.half_widths[order], rel=2 * MONTE_CARLO, nan_ok=True)
    assert back.half_widths == expected


@pytest.mark.parametrize("metric", ["nll", "accuracy"])
def test_better_one_is_alone_in_the_set_and_what_rounding_parts_is_a_tie(metric: str) -> None:
    evidence = replace(crossed(3, 5, by_images=1.0, by_replicates=1.0), measure=MEASURES[metric])
    ahead = moved(evidence, 1, 20.0 if metric == "accuracy" else -20.0)
    found = judge(ahead, None)
    assert found.best.tolist() == [False, True, False]
    assert found.stays.tolist() == [0, 1, 0]
    alike = ahead.chosen([1, 1, 1, 0])
    for by, tied in ((0.0, True), (1e-14, True), (1e-6, False)):
        best = judge(moved(alike, 0, by), None).best.tolist()
        assert best[:2] == ([True, True] if tied else [metric == "accuracy", metric != "accuracy"])
    constant = replace(evidence, rows=0 * evidence.rows, values=0 * evidence.values)
    constant = replace(constant, matched=0 * evidence.matched)
    assert judge(constant, 0).best.all()
    assert judge(moved(constant, 2, 1.0), 0).best.tolist() == (
        [False, False, True] if metric == "accuracy" else [True, True, False]
    )


def test_equal_ones_stay_in_the_set_as_often_as_the_best_is_to_be_in_it() -> None:
    evidence = crossed(5, 1, by_images=1.0)
    assert judge(evidence, None).stays == pytest.approx(np.full(5, 0.95), abs=0.002)


def test_intervals_do_not_depend_on_the_signs_of_eigenvectors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evidence, eigh = mixed(0), np.linalg.eigh
    before = judge(evidence, 0)

    def with_other_signs(matrix: Floats) -> tuple[Floats, Floats]:
        values, vectors = eigh(matrix)
        return values, vectors * (-1) ** np.arange(len(values))

    monkeypatch.setattr(np.linalg, "eigh", with_other_signs)
    after = judge(evidence, 0)
    assert all(np.array_equal(*each, equal_nan=True) for each in zip(before, after, strict=True))
