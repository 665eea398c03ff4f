"""Recalibrated metrics: against other optimisers and metrics, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.metrics import log_loss
from torch import Tensor

from benchmarks.metrics import METRICS, MetricInputs
from benchmarks.metrics.recalibrated import best_temperature, recalibrated
from methods import Prediction

NAMES = ("nll_recalibrated", "brier_recalibrated", "squared_ce_recalibrated")
PLAIN = ("nll", "brier", "squared_ce_debiased")


def drawn(images: int, seed: int, sharper: float = 1.0) -> tuple[Tensor, Tensor]:
    """Labels that follow the softmax of logits, and the softmax of these logits times a factor."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2, size=(images, 10))
    uniform = random.gumbel(size=(images, 10))
    labels = (logits + uniform).argmax(axis=1)
    return torch.from_numpy(sharper * logits).softmax(dim=-1), torch.from_numpy(labels)


def arrays(mean: Tensor, labels: Tensor | None, temperature: float | None) -> MetricInputs:
    prediction = Prediction.of(mean[None])
    return MetricInputs(prediction, labels, fitted=temperature)


def test_temperature_is_the_minimum_of_another_optimiser() -> None:
    mean, labels = drawn(500, 1, 2.0)
    logits = np.log(mean.numpy())

    def loss(log_temperature: np.ndarray) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature[0]), axis=1)
        return -float(scaled[np.arange(500), labels.numpy()].mean())

    found = minimize(loss, x0=[0.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12})
    assert best_temperature(mean, labels) == pytest.approx(math.exp(found.x[0]), rel=1e-4)


def test_no_temperature_helps_a_label_of_probability_zero() -> None:
    assert math.isnan(best_temperature(torch.tensor([[1.0, 0.0]]), torch.tensor([1])))


@pytest.mark.parametrize(
    ("labels", "bound"), [([0, 0], 1 / 20), ([1, 1], 20.0)], ids=["all right", "all wrong"]
)
def test_temperature_ends_at_a_bound(labels: list[int], bound: float) -> None:
    mean = torch.tensor([[0.7, 0.3], [0.8, 0.2]])
    assert best_temperature(mean, torch.tensor(labels)) == pytest.approx(bound, rel=1e-3)


def test_metrics_are_the_others_of_the_scaled_probabilities() -> None:
    mean, labels = drawn(800, 2, 2.0)
    temperature = best_temperature(*drawn(500, 3, 2.0))
    scaled = recalibrated(mean, temperature)
    for name, plain in zip(NAMES, PLAIN, strict=True):
        value = METRICS[name].value(arrays(mean, labels, temperature))
        assert value == METRICS[plain].value(arrays(scaled, labels, None))
    nll = METRICS["nll_recalibrated"].value(arrays(mean, labels, temperature))
    assert nll == pytest.approx(log_loss(labels, scaled, labels=range(10)))
    assert nll < METRICS["nll"].value(arrays(mean, labels, None))
