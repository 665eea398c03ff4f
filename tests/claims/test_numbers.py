"""Intervals of claims, rank statistics, and disagreement of pairs."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.claims.edge_cases import across, excess, over_kinds, within
from benchmarks.claims.imitation import corrected_agreement
from benchmarks.claims.numbers import (
    ValueRange,
    jackknife,
    over_networks,
    rank_correlation,
    rows,
    share_of_networks,
)
from benchmarks.report.editorial import CEILING, IMITATION, OTHER_NETWORK
from benchmarks.vocabulary import CLEAN


def test_interval_over_networks_is_student_t() -> None:
    values = np.random.default_rng(0).normal(size=7)
    interval = over_networks(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert interval == pytest.approx((values.mean(), *expected))


def test_interval_decides_where_it_leaves_a_bound() -> None:
    interval = ValueRange(0.5, 0.25, 0.75)
    assert (interval.above(0.25), interval.above(0.2)) == (False, True)
    assert (interval.below(0.75), interval.below(0.8)) == (False, True)
    alone = over_networks([0.5])
    assert math.isnan(alone.lower)
    assert not alone.above(-10)
    assert not alone.below(10)


def test_share_of_networks_is_clopper_pearson() -> None:
    share = share_of_networks([True] * 3 + [False] * 7)
    assert share.value == 0.3
    # Clopper & Pearson 1934: quantiles of the beta distribution.
    assert share[1:] == pytest.approx((stats.beta.ppf(0.025, 3, 8), stats.beta.ppf(0.975, 4, 7)))


def test_rank_correlation_is_scipys_and_constants_have_none() -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 200)).round(1)  # with ties
    second += 0.5 * first
    assert rank_correlation(first, second) == pytest.approx(
        stats.spearmanr(first, second).statistic
    )
    assert math.isnan(rank_correlation([1, 1, 1], [1, 2, 3]))


def test_disagreement_by_hand() -> None:
    """Four images; networks 0 and 1 are of one kind, 2, 3 and 4 of the other."""
    first = np.array([[1, 1, 1, 1], [1, 1, 1, 2]])
    second = np.array([[3, 3, 1, 1], [3, 1, 1, 1], [3, 1, 1, 2]])
    inside = (1 / 4, (1 / 4 + 2 / 4 + 1 / 4) / 3)
    assert (within(first), within(second)) == pytest.approx(inside)
    between = (2 + 1 + 2 + 3 + 2 + 1) / 4 / 6
    assert across(first, second) == pytest.approx(between)
    assert excess(first, second) == pytest.approx(between - np.mean(inside))


def drawn(random: np.random.Generator, networks: int, taste: float, images: int) -> np.ndarray:
    """Votes of networks that each follow their architecture's taste on a share of the images.

    A network votes for its architecture's class with a probability of its own, else at random
    between two classes that all share.
    """
    own = random.random((networks, 1)) * taste
    follows = random.random((networks, images)) < own
    return np.where(follows, 2, random.integers(0, 2, (networks, images))).astype(np.int8)


def test_jackknife_covers_the_expected_excess() -> None:
    """In the limit of many images only the draw of networks varies: 400 draws, 12 networks."""
    random, taste = np.random.default_rng(0), 0.8
    # Mean and mean square of the probability q ~ U(0, taste) that a network follows its taste.
    first = taste / 2
    # Two of one kind agree if both follow, or if neither does and chance has it; across, the second
    # kind never does: it votes at random.
    same = 1 - (first**2 + (1 - first) ** 2 / 2)
    unlike = 1 - (1 - first) / 2
    expected = unlike - (same + 1 / 2) / 2
    covered = []
    for _ in range(400):
        kinds = drawn(random, 12, taste, 1000), drawn(random, 12, 0.0, 1000)
        interval = over_kinds(excess, *kinds)
        covered.append(interval.lower <= expected <= interval.upper)
    assert 0.92 <= np.mean(covered) <= 0.98


def ranked(scores: np.ndarray, ensembles: np.ndarray) -> pd.DataFrame:
    """The rows of rankings by networks and by ensembles A and B, by SciPy's correlations."""
    matrix = stats.spearmanr(np.vstack([scores, ensembles]), axis=1).statistic
    count = len(scores)
    keys = {"condition": CLEAN, "score": "mutual_information"}
    return pd.concat(
        rows("rank_correlation", correlations, case=case, **keys)
        for case, correlations in (
            (IMITATION, matrix[:count, -1]),
            (OTHER_NETWORK, matrix[:count, :count][np.triu_indices(count, 1)]),
            (CEILING, [matrix[-2, -1]]),
        )
    )


@pytest.mark.parametrize(("noise", "of_ensembles"), [(0.0, 0.0), (1.5, 0.3), (3.0, 1.0)])
def test_corrected_agreement_is_that_without_noise(noise: float, of_ensembles: float) -> None:
    """Gaussian scores of known correlation: the ranks of ρ have (6 / π) asin(ρ / 2) (Pearson)."""
    random, correlation, images = np.random.default_rng(0), 0.7, 20_000
    dropout, ensemble = random.multivariate_normal(
        [0, 0], [[1, correlation], [correlation, 1]], images
    ).T
    scores = dropout + noise * random.normal(size=(10, images))
    ensembles = ensemble + of_ensembles * random.normal(size=(2, images))
    table = ranked(scores, ensembles)
    agreement = corrected_agreement(table, CLEAN)
    truth = 6 / math.pi * math.asin(correlation / 2)
    assert agreement.value == pytest.approx(truth, abs=0.03)
    # One network alone is as alike only if there is no noise.
    raw = float(table.loc[table["case"] == IMITATION, "value"].mean())
    assert (raw == pytest.approx(truth, abs=0.03)) is (noise == 0)


def test_interval_of_the_corrected_agreement_covers_the_draw_of_networks() -> None:
    """Five networks of unequal noise, on images that stay: 200 draws."""
    random, images, covered = np.random.default_rng(0), 400, []
    dropout, ensemble = random.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], images).T

    def noisy(count: int) -> np.ndarray:
        return dropout + random.gamma(3, 0.5, (count, 1)) * random.normal(size=(count, images))

    ranks = stats.rankdata(noisy(2000), axis=1).mean(axis=0)
    truth = float(np.corrcoef(ranks, stats.rankdata(ensemble))[0, 1])
    for _ in range(200):
        agreement = corrected_agreement(ranked(noisy(5), np.stack([ensemble] * 2)), CLEAN)
        covered.append(agreement.lower <= truth <= agreement.upper)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.05)


def test_jackknife_of_a_mean_is_student_t() -> None:
    sample = np.random.default_rng(0).normal(size=7)
    without = [float(np.delete(sample, i).mean()) for i in range(7)]
    assert jackknife(float(sample.mean()), without) == pytest.approx(over_networks(sample))
    assert math.isnan(jackknife(0.5, without, without[:2]).lower)
