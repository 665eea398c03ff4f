"""A method of one network of the pool, calibrated on held-out images."""

from math import exp
from typing import Self

from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn.functional import cross_entropy

from methods.interface import Prediction
from methods.pooled import PooledMethod


class PowerScaling(PooledMethod):
    """The softmax probabilities raised to one power, of least NLL (as Guo et al. 2017)."""

    name = "power_scaling"
    label = "Power scaling"
    citation = "Guo et al. 2017"
    group = "single network"
    needs = frozenset({"calibration"})

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Take the network."""
        self.power = 1.0
        return super().fit(images, labels)

    def calibrate(self, images: Tensor, labels: Tensor) -> Self:
        """Choose the power."""
        (logits,) = self.prepared.logits(images).double()

        def nll(log_power: float) -> float:
            return cross_entropy(logits * exp(log_power), labels).item()

        self.power = exp(minimize_scalar(nll, bounds=(-3, 3)).x)
        return self

    def predict(self, images: Tensor) -> Prediction:
        """Of the multiplied logits: their softmax is that power, normalised."""
        return Prediction.of_logits(self.prepared.logits(images) * self.power)
