"""Scores against the library pytorch-ood, on the same logits and features.

Where it follows another convention, the test checks the relation, and says which.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from methods.scores.logits import energy, generalised_entropy, negative_max_logit

LOGITS = torch.from_numpy(np.random.default_rng(0).normal(scale=2, size=(400, 10)))


@pytest.fixture(scope="module")
def detectors() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it imports
        return pytest.importorskip(
            "pytorch_ood.detector", reason="pytorch-ood is not installed: '.[agreement]'"
        )


def test_max_logit(detectors: Any) -> None:
    torch.testing.assert_close(
        negative_max_logit(LOGITS[None]), detectors.MaxLogit.score(LOGITS), rtol=1e-5, atol=1e-5
    )


def test_energy(detectors: Any) -> None:
    torch.testing.assert_close(
        energy(LOGITS[None]), detectors.EnergyBased.score(LOGITS), rtol=1e-5, atol=1e-5
    )


def test_generalised_entropy_is_its_mean_over_classes_times_their_number(detectors: Any) -> None:
    """It clamps probabilities at 1e-7; these logits give none below."""
    ours = generalised_entropy(LOGITS.softmax(dim=-1)[None])
    torch.testing.assert_close(ours, 10 * detectors.GEN.score(LOGITS), rtol=1e-5, atol=1e-5)
