"""Set scores by hand, and where classes are tied or there is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from benchmarks.metrics.conformal import SEEDS, aps, lac, raps, uniform_numbers

MEAN = torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64)


def test_scores_by_hand() -> None:
    u = torch.tensor([0.5], dtype=torch.float64)
    torch.testing.assert_close(lac(MEAN, u), torch.tensor([[0.8, 0.5, 0.7]]).double())
    torch.testing.assert_close(aps(MEAN, u), torch.tensor([[0.9, 0.25, 0.65]]).double())
    torch.testing.assert_close(raps(MEAN, u), torch.tensor([[0.92, 0.25, 0.66]]).double())
    torch.testing.assert_close(
        raps(MEAN, u, penalty=1.0, unpenalised=2), torch.tensor([[1.9, 0.25, 0.65]]).double()
    )


def test_without_the_uniform_number_scores_are_sums_up_to_the_class() -> None:
    torch.testing.assert_close(aps(MEAN, torch.zeros(1)), torch.tensor([[1.0, 0.5, 0.8]]).double())


def test_tied_classes_are_in_their_order() -> None:
    scores = aps(torch.full((1, 4), 0.25), torch.zeros(1))
    assert scores.tolist() == [[0.25, 0.5, 0.75, 1.0]]


@pytest.mark.parametrize("score", [lac, aps, raps])
def test_one_class_alone(score) -> None:
    assert score(torch.ones(1, 1), torch.tensor([0.25])).item() in (0.0, 0.75)


@pytest.mark.parametrize("score", [aps, raps])
def test_scores_rise_as_probabilities_fall(score) -> None:
    mean = torch.from_numpy(np.random.default_rng(0).dirichlet(np.full(10, 0.3), 500))
    scores = score(mean, uniform_numbers(1, 0, 500))
    by_probability = scores.gather(1, mean.argsort(dim=1, descending=True))
    assert (by_probability.diff(dim=1) >= 0).all()


def test_uniform_numbers_are_that_and_those_of_a_position() -> None:
    whole = uniform_numbers(SEEDS["measured"], 0, 5000)
    assert stats.kstest(whole.numpy(), "uniform").pvalue > 0.01
    for first in (0, 1, 2, 3, 4, 1000, 4999):
        assert torch.equal(uniform_numbers(SEEDS["measured"], first, 1), whole[first : first + 1])
    calibration = uniform_numbers(SEEDS["calibration"], 0, 5000)
    assert abs(np.corrcoef(whole, calibration)[0, 1]) < 0.05
