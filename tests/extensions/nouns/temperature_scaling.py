"""A method of one network of the pool, calibrated on held-out images."""

from math import exp

from scipy.optimize import minimize_scalar
from torch.nn.functional import cross_entropy

from methods import PooledMethod, Prediction


class TemperatureScaling(PooledMethod):
    """The softmax of the logits divided by one temperature, of least NLL (Guo et al. 2017)."""

    name = "temperature_scaling"
    label = "Temperature scaling"
    citation = "Guo et al. 2017"
    group = "single network"
    needs = frozenset({"calibration"})

    def fit(self, images, labels):
        self.temperature = 1.0
        return super().fit(images, labels)

    def calibrate(self, images, labels):
        (logits,) = self.prepared.logits(images).double()

        def nll(log_temperature):
            return cross_entropy(logits / exp(log_temperature), labels).item()

        self.temperature = exp(minimize_scalar(nll, bounds=(-3, 3)).x)
        return self

    def predict(self, images):
        return Prediction.of_logits(self.prepared.logits(images) / self.temperature)
