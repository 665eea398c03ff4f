"""Scores of probabilities: by hand, and against their definitions."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import log

import numpy as np
import pytest
import scipy.stats
import torch

from methods.interface import Prediction
from methods.scores.probabilities import (
    entropy,
    mutual_information,
    pairwise_disagreement,
    variation_ratio,
    vote_entropy,
)


def random_members(members: int, images: int = 200, classes: int = 10) -> torch.Tensor:
    generator = np.random.default_rng(members)
    return torch.from_numpy(generator.dirichlet(np.full(classes, 0.3), (members, images)))


def test_entropy_agrees_with_scipy():
    probabilities = random_members(1)[0]
    np.testing.assert_allclose(
        entropy(probabilities), scipy.stats.entropy(probabilities, axis=1), rtol=1e-12
    )


@pytest.mark.parametrize("members", [2, 50])
def test_mutual_information_is_the_mean_divergence_from_the_mean(members):
    probabilities = random_members(members)
    mean = probabilities.mean(0)
    expected_entropy = torch.stack([entropy(member) for member in probabilities]).mean(0)
    divergence = scipy.stats.entropy(probabilities, mean.expand_as(probabilities), axis=2).mean(0)
    np.testing.assert_allclose(
        mutual_information(mean, expected_entropy, members), divergence, atol=1e-12
    )


def test_mutual_information_of_the_exact_distribution_is_defined():
    mean, expected_entropy = torch.tensor([[0.5, 0.5]]), torch.tensor([0.0])
    assert mutual_information(mean, expected_entropy, members=None).item() == log(2)


@pytest.mark.parametrize(
    "row", [[3.0, -2.0], [2.0, 1.0], [torch.nan, 0.5]], ids=["negative", "logits", "nan"]
)
def test_rows_that_are_no_distribution_are_refused(row):
    with pytest.raises(ValueError, match="image 1 has the probabilities"):
        entropy(torch.tensor([[0.5, 0.5], row]))


def test_expected_entropy_in_other_units_is_refused():
    mean = torch.tensor([[0.5, 0.5]])
    with pytest.raises(ValueError, match=r"exceeds the entropy of the mean by 0\.307"):
        mutual_information(mean, torch.tensor([1.0]), members=2)


def shares(votes: list[int], classes: int = 3) -> torch.Tensor:
    return torch.bincount(torch.tensor(votes), minlength=classes)[None].double() / len(votes)


@pytest.mark.parametrize("members", [2, 3, 7, 100])
def test_pairwise_disagreement_counts_the_pairs_that_differ(members):
    votes = np.random.default_rng(members).integers(0, 3, members).tolist()
    pairs = list(combinations(votes, 2))
    differ = Fraction(sum(a != b for a, b in pairs), len(pairs))
    value = pairwise_disagreement(shares(votes), members).item()
    assert value == pytest.approx(float(differ), abs=1e-15)


def test_variation_ratio_is_by_the_mode_of_votes_not_the_argmax_of_the_mean():
    narrow, wide = [[0.51, 0.49]], [[0.0, 1.0]]
    prediction = Prediction.of(torch.tensor([narrow, narrow, wide]))
    assert prediction.mean.argmax() == 1
    assert variation_ratio(prediction.vote_share, members=3).item() == pytest.approx(1 / 3)


def test_vote_entropy_agrees_with_scipy():
    votes = np.random.default_rng(0).multinomial(50, [0.6, 0.3, 0.1, 0.0], size=100)
    np.testing.assert_allclose(
        vote_entropy(torch.from_numpy(votes / 50), members=50),
        scipy.stats.entropy(votes, axis=1),
        atol=1e-14,
    )


@pytest.mark.parametrize("metric", [pairwise_disagreement, variation_ratio, vote_entropy])
def test_mean_probabilities_are_refused_as_votes(metric):
    with pytest.raises(ValueError, match="whole votes of 50 members"):
        metric(torch.tensor([[0.333, 0.667]]), members=50)
