"""Scores of logits: against SciPy, and by hand where they are at an end."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import logsumexp, softmax

from methods.scores import SCORES
from methods.scores.logits import energy, generalised_entropy, negative_max_logit

MEMBERS = torch.from_numpy(np.random.default_rng(0).normal(scale=4, size=(5, 40, 10)))


def test_maximum_is_numpys() -> None:
    np.testing.assert_allclose(
        negative_max_logit(MEMBERS), -MEMBERS.numpy().max(axis=2).mean(axis=0)
    )


def test_energy_is_scipys() -> None:
    np.testing.assert_allclose(energy(MEMBERS), -logsumexp(MEMBERS.numpy(), axis=2).mean(axis=0))


def test_generalised_entropy_is_the_papers_sum() -> None:
    p = softmax(MEMBERS.numpy(), axis=2)
    expected = (p**0.1 * (1 - p) ** 0.1).sum(axis=2).mean(axis=0)
    np.testing.assert_allclose(generalised_entropy(MEMBERS.softmax(dim=-1)), expected)


def test_generalised_entropy_is_zero_for_certainty_and_largest_for_two_equal_classes() -> None:
    assert generalised_entropy(torch.eye(10)[None]).tolist() == [0.0] * 10
    assert generalised_entropy(torch.full((1, 1, 2), 0.5)).item() == pytest.approx(2 / 4**0.1)


def test_energy_of_large_logits_is_finite() -> None:
    assert energy(torch.tensor([[[1e4, -1e4], [3e38, 0.0]]])).isfinite().all()


@pytest.mark.parametrize("name", ["max_logit", "energy", "gen"])
def test_score_is_the_mean_of_its_members_scores(name: str) -> None:
    score = SCORES[name].function
    assert score is not None
    given = MEMBERS.float() if name != "gen" else MEMBERS.softmax(dim=-1)
    values = score(given)
    assert values.dtype == torch.float64
    each = torch.stack([score(member[None]) for member in given])
    torch.testing.assert_close(values, each.mean(dim=0))
