"""Scores of logits: against SciPy, and by hand where they are at an end."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import logsumexp, softmax

from methods.scores.logits import energy, generalised_entropy

MEMBERS = torch.from_numpy(np.random.default_rng(0).normal(scale=4, size=(5, 40, 10)))


def test_energy_is_scipys() -> None:
    np.testing.assert_allclose(energy(MEMBERS), -logsumexp(MEMBERS.numpy(), axis=2).mean(axis=0))


def test_generalised_entropy_is_the_papers_sum() -> None:
    p = softmax(MEMBERS.numpy(), axis=2)
    expected = (p**0.1 * (1 - p) ** 0.1).sum(axis=2).mean(axis=0)
    np.testing.assert_allclose(generalised_entropy(MEMBERS.softmax(dim=-1)), expected)
