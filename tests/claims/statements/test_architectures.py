"""Disagreement within and across architectures, by hand and by simulation; its verdicts."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.claims.claim import NotTestableError, rows
from benchmarks.claims.intervals import Interval
from benchmarks.claims.statements.edge_cases import (
    ACROSS,
    ARCHITECTURES,
    EXCESS,
    RECIPES,
    across,
    disagreement,
    excess,
    is_disputed,
    jackknife,
    within,
)
from tests.claims.support import NO, PARTLY, YES, judged


def test_disagreement_by_hand() -> None:
    """Four images; networks 0 and 1 are of one kind, 2, 3 and 4 of the other."""
    votes = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 2], [3, 3, 1, 1], [3, 1, 1, 1], [3, 1, 1, 2]])
    matrix = disagreement(votes)
    one, other = np.array([0, 1]), np.array([2, 3, 4])
    assert matrix[0].tolist() == [0, 1 / 4, 2 / 4, 1 / 4, 2 / 4]
    assert within(matrix, one) == pytest.approx(1 / 4)
    assert within(matrix, other) == pytest.approx((1 / 4 + 2 / 4 + 1 / 4) / 3)
    assert across(matrix, one, other) == pytest.approx((2 + 1 + 2 + 3 + 2 + 1) / 4 / 6)


def test_disagreement_is_of_every_pair_once() -> None:
    votes = torch.randint(0, 3, (9, 50), generator=torch.Generator().manual_seed(0))
    matrix, one, other = disagreement(votes), np.arange(4), np.arange(4, 9)
    shares = {
        pair: (votes[pair[0]] != votes[pair[1]]).double().mean().item()
        for pair in combinations(range(9), 2)
    }
    inside = [np.mean([shares[p] for p in combinations(kind, 2)]) for kind in (one, other)]
    between = np.mean([shares[pair] for pair in product(one, other)])
    assert excess(matrix, one, other) == pytest.approx(between - np.mean(inside))


def test_images_are_disputed_where_any_network_disagrees() -> None:
    votes = torch.tensor([[1, 2, 3], [1, 2, 4], [1, 5, 3]])
    assert is_disputed(votes).tolist() == [False, True, True]


def drawn(random: np.random.Generator, networks: int, taste: float, images: int) -> torch.Tensor:
    """Votes of networks that each follow their architecture's taste on a share of the images.

    A network votes for its architecture's class with a probability of its own, else at random
    between two classes that all share.
    """
    own = random.random((networks, 1)) * taste
    follows = random.random((networks, images)) < own
    return torch.from_numpy(np.where(follows, 2, random.integers(0, 2, (networks, images))))


def test_interval_covers_the_expected_excess() -> None:
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
        votes = torch.cat([drawn(random, 12, taste, 2000), drawn(random, 12, 0.0, 2000)])
        interval = jackknife(excess, disagreement(votes), np.arange(12), np.arange(12, 24))
        covered.append(interval.lower <= expected <= interval.upper)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_too_few_networks_have_no_interval() -> None:
    matrix = disagreement(torch.randint(0, 3, (4, 20), generator=torch.Generator().manual_seed(0)))
    assert math.isnan(jackknife(across, matrix, np.arange(2), np.arange(2, 4)).lower)


def measured(*, across: float, lower: float) -> pd.DataFrame:
    excess = Interval(lower + 0.01, lower, lower + 0.02)
    return pd.concat(
        [
            rows("disagreement", Interval(across, across - 0.02, across + 0.02), case=ACROSS),
            rows("disagreement", excess, case=EXCESS),
            *(rows("accuracy", [0.98, 0.98], method="softmax", case=name) for name in RECIPES),
        ]
    )


@pytest.mark.parametrize(
    ("across", "lower", "verdict"),
    [(0.5, 0.001, YES), (0.5, -0.001, PARTLY), (0.11, -0.05, NO)],
)
def test_verdicts(across: float, lower: float, verdict: str) -> None:
    assert judged(ARCHITECTURES.id, measured(across=across, lower=lower)) == verdict


def test_without_an_interval_it_is_not_testable() -> None:
    with pytest.raises(NotTestableError, match="takes at least 3 networks"):
        ARCHITECTURES.judge(measured(across=0.5, lower=math.nan))
