"""The mixture with a uniform distribution: its share against a search, and what it leaves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import Tensor

from methods.posthoc.uniform_mixture import UniformMixture


class Given(UniformMixture):
    """Whose logits are the images themselves."""

    def member_logits(self, images: Tensor) -> Tensor:
        return images[None]


def nlls(logits: np.ndarray, labels: np.ndarray, shares: np.ndarray) -> np.ndarray:
    right = softmax(logits, axis=1)[np.arange(len(labels)), labels]
    mixed = (1 - shares)[:, None] * right + shares[:, None] / logits.shape[1]
    return -np.log(mixed).mean(axis=1)


@pytest.mark.parametrize("scale", [0.5, 4.0, 12.0])
def test_share_has_the_least_nll_of_held_out_images(scale: float) -> None:
    random = np.random.default_rng(0)
    labels = random.integers(4, size=500)
    logits = scale * (np.eye(4)[labels] + 0.6 * random.standard_normal((500, 4)))
    method = Given().calibrate(torch.from_numpy(logits), torch.from_numpy(labels))
    assert method.share is not None
    shares = np.linspace(0, 0.5, 5001)
    least = nlls(logits, labels, shares)
    assert method.share == pytest.approx(shares[least.argmin()], abs=2e-4)
    predicted = method.predict(torch.from_numpy(logits)).mean
    right = predicted[torch.arange(500), torch.from_numpy(labels)]
    assert -right.log().mean().item() == pytest.approx(least.min(), abs=1e-7)


def test_mixture_keeps_the_class_and_says_what_it_lacks() -> None:
    logits = torch.tensor([[3.0, 1.0, 0.0], [0.0, 0.0, 9.0]])
    method = Given()
    plain = method.predict(logits)
    torch.testing.assert_close(plain.mean, logits.double().softmax(dim=1))
    assert plain.remark == "not calibrated: the share is 0"
    method.share = 0.3
    mixed = method.predict(logits)
    torch.testing.assert_close(mixed.mean, 0.7 * plain.mean + 0.1)
    assert torch.equal(mixed.vote_share, plain.vote_share)
    assert mixed.members == 1
    assert not mixed.remark
