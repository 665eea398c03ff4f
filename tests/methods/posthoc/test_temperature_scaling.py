"""Temperature scaling against scipy's minimum, and what it leaves as it was."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from torch import Tensor

from methods.interface import Prediction
from methods.networks.pool import NetworkPool
from methods.networks.recipes import LabelledImages
from methods.posthoc.temperature_scaling import (
    HOTTEST,
    NOT_CALIBRATED,
    TemperatureScaled,
    TemperatureScaledEnsemble,
    TemperatureScaledMCDropout,
    TemperatureScaling,
    nll_of_members,
    temperature_of_least_nll,
)
from tests.training import STANDARD

POOL = NetworkPool(replace(STANDARD, epochs=2))


class Given(TemperatureScaling):
    """Whose logits are the images themselves."""

    def member_logits(self, images: Tensor) -> Tensor:
        return images[None]


def least_nll(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """The temperature and its NLL: Brent from the best of a fine grid of logarithms."""

    def nll(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        logarithms = scaled - logsumexp(scaled, axis=-1, keepdims=True)
        of_label = logarithms[:, np.arange(len(labels)), labels]
        return -np.mean(logsumexp(of_label, axis=0) - np.log(len(logits)))

    grid = np.linspace(-2.9, 2.9, 59)
    start = grid[np.argmin([nll(one) for one in grid])]
    found = minimize_scalar(nll, bracket=(start - 0.1, start, start + 0.1))
    return float(np.exp(found.x)), float(found.fun)


@pytest.mark.parametrize(
    "kind", [TemperatureScaling, TemperatureScaledMCDropout, TemperatureScaledEnsemble]
)
def test_temperature_is_scipys_minimum_of_the_mean_and_keeps_votes(
    kind: type[TemperatureScaled], training_images: LabelledImages, test_images: LabelledImages
) -> None:
    method = kind.build(POOL, size=3).fit(training_images.images, training_images.labels)
    logits = method.member_logits(test_images.images).double()
    plain, before = Prediction.of_logits(logits), method.predict(test_images.images)
    assert before.remark == NOT_CALIBRATED
    torch.testing.assert_close(before.mean, plain.mean)
    method.calibrate(test_images.images, test_images.labels)
    expected, least = least_nll(logits.numpy(), test_images.labels.numpy())
    assert method.temperature == pytest.approx(expected, rel=1e-3)
    assert nll_of_members(logits, test_images.labels, 1 / method.temperature) == pytest.approx(
        least, abs=1e-7
    )
    prediction = method.predict(test_images.images)
    assert prediction.remark == ""
    scaled = (logits / method.temperature).softmax(dim=-1).mean(dim=0)
    torch.testing.assert_close(prediction.mean, scaled)
    assert torch.equal(prediction.vote_share, plain.vote_share)
    assert method.fit(training_images.images, training_images.labels).temperature is None


def test_logits_that_are_not_finite_have_no_temperature() -> None:
    logits = torch.tensor([[torch.inf, 0.0], [0.0, 1.0]])
    nll = partial(nll_of_members, logits[None], torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"is nan at every temperature; check that all logits"):
        temperature_of_least_nll(nll)


def test_temperature_at_its_bound_is_said() -> None:
    # Labels have nothing to do with the logits: the hotter the better.
    logits = torch.tensor([[9.0, 0.0], [9.0, 0.0]])
    method = Given().calibrate(logits, torch.tensor([0, 1]))
    assert method.temperature == pytest.approx(HOTTEST, rel=1e-3)
    assert method.predict(logits).remark == "the temperature 20 is at its bound"
