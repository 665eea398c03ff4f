"""Temperature scaling of one network, of MC-dropout and of a deep ensemble."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Self

from torch import Tensor

from methods.deep_ensemble import DeepEnsemble
from methods.interface import Prediction
from methods.mc_dropout import MCDropout
from methods.pooled import MemberMethod
from methods.posthoc.temperature import at_bound, nll_of_members, temperature_of_least_nll
from methods.softmax import Softmax

NOT_CALIBRATED = "not calibrated: the temperature is 1"


class TemperatureScaled(MemberMethod):
    """Members whose logits are divided by one temperature (Guo et al. 2017).

    p̄ = 1/M Σ_m softmax(z_m / T). All members share the T that minimises the NLL of their mean on
    the calibration images (Rahaman & Thiery 2021, of members' logits before the pooling); for one
    network it is Guo's. Classes and votes remain what they were.

    Attributes:
        temperature: from 1/20 to 20; ``None`` before `calibrate`, and then 1 is used.
    """

    temperature: float | None = None

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Take the networks; their temperature is not known yet."""
        self.temperature = None
        return super().fit(images, labels)

    def calibrate(self, images: Tensor, labels: Tensor) -> Self:
        """Choose the temperature of least NLL.

        Raises:
            ValueError: no temperature has a finite NLL.
        """
        logits = self.member_logits(images).double()
        self.temperature = temperature_of_least_nll(partial(nll_of_members, logits, labels))
        return self

    def predict(self, images: Tensor) -> Prediction:
        """Of the divided logits, in float64 so that none become equal."""
        logits = self.member_logits(images).double() / (self.temperature or 1.0)
        return replace(Prediction.of_logits(logits), remark=self._remark())

    def _remark(self) -> str:
        return NOT_CALIBRATED if self.temperature is None else at_bound(self.temperature)


class TemperatureScaling(TemperatureScaled, Softmax):
    """Temperature scaling of one network (Guo et al. 2017); see `TemperatureScaled`."""

    name = "temperature_scaling"
    label = "Temperature scaling"
    citation = "Guo et al. 2017"
    group = "temperature scaling"
    needs = frozenset({"calibration"})


class TemperatureScaledMCDropout(TemperatureScaled, MCDropout):
    """MC-dropout whose passes share a temperature; see `TemperatureScaled`."""

    name = "temperature_scaled_mc_dropout"
    label = "Scaled MC-dropout"
    citation = "Gal & Ghahramani 2016; Rahaman & Thiery 2021"
    needs = frozenset({"calibration", "dropout"})


class TemperatureScaledEnsemble(TemperatureScaled, DeepEnsemble):
    """A deep ensemble whose members share a temperature; see `TemperatureScaled`."""

    name = "temperature_scaled_ensemble"
    label = "Scaled ensemble"
    citation = "Lakshminarayanan, Pritzel & Blundell 2017; Rahaman & Thiery 2021"
    needs = frozenset({"calibration"})
