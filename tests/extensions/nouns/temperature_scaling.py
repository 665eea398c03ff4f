"""A method of one network of the pool, calibrated on held-out images."""

from math import exp
from typing import Self

from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn.functional import cross_entropy

from methods.interface import Prediction
from methods.pooled import PooledMethod


class TemperatureScaling(PooledMethod):
    """The softmax of the logits divided by one temperature, of least NLL (Guo et al. 2017)."""

    name = "temperature_scaling"
    label = "Temperature scaling"
    citation = "Guo et al. 2017"
    group = "single network"
    needs = frozenset({"calibration"})

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Take the network."""
        self.temperature = 1.0
        return super().fit(images, labels)

    def calibrate(self, images: Tensor, labels: Tensor) -> Self:
        """Choose the temperature."""
        (logits,) = self.prepared.logits(images).double()

        def nll(log_temperature: float) -> float:
            return cross_entropy(logits / exp(log_temperature), labels).item()

        self.temperature = exp(minimize_scalar(nll, bounds=(-3, 3)).x)
        return self

    def predict(self, images: Tensor) -> Prediction:
        """Of the divided logits."""
        return Prediction.of_logits(self.prepared.logits(images) / self.temperature)
