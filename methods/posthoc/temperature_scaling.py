"""Temperature scaling of one network, of MC-dropout and of a deep ensemble."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Self

from methods.deep_ensemble import DeepEnsemble
from methods.interface import Prediction
from methods.mc_dropout import MCDropout
from methods.pooled import MemberMethod, require_labels
from methods.shapes import Labels, MemberLogits
from methods.softmax import Softmax

COLDEST, HOTTEST = 1 / 20, 20.0
"""Temperatures that are searched."""

BOUND_TOLERANCE = 1.001
"""Factor of a bound within which a temperature is at the bound."""


def temperature_of_least_nll(nll: Callable[[float], float]) -> float:
    """The temperature from 1/20 to 20 by which a prediction has the smallest NLL.

    Args:
        nll: of the inverse of a temperature; for one network it is convex in it, so that there is
            one minimum.

    Raises:
        ValueError: the NLL is not finite, so that it has no minimum.
    """
    # Here, not above: methods that need no minimum are timed where it is not installed.
    from scipy.optimize import minimize_scalar

    minimum = minimize_scalar(nll, bounds=(1 / HOTTEST, 1 / COLDEST), method="bounded")
    if not math.isfinite(minimum.fun):
        raise ValueError(
            f"the NLL of the calibration images is {minimum.fun} at every temperature; check that "
            "all logits are finite"
        )
    return 1 / float(minimum.x)


def at_bound(temperature: float) -> str:
    """A remark where the minimum may lie beyond what was searched; else empty.

    >>> at_bound(1.2), at_bound(20.0)
    ('', 'the temperature 20 is at its bound')
    """
    searched = COLDEST * BOUND_TOLERANCE < temperature < HOTTEST / BOUND_TOLERANCE
    return "" if searched else f"the temperature {temperature:.3g} is at its bound"


def nll_of_members(logits: MemberLogits, labels: Labels, inverse: float) -> float:
    """The NLL of the mean of members whose logits are all multiplied by one number.

    Mean over images of −log (1/M Σ_m softmax(logits_m / T)_y), in nats, with 1/T the number.

    >>> import torch
    >>> round(nll_of_members(torch.zeros(2, 1, 4), torch.tensor([3]), 0.5), 4)  # log 4
    1.3863
    """
    scaled = logits * inverse
    label_logits = scaled.gather(-1, labels.expand(len(logits), -1)[..., None])[..., 0]
    label_logarithms = label_logits - scaled.logsumexp(dim=-1)
    return float(math.log(len(logits)) - label_logarithms.logsumexp(dim=0).mean())


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

    def forget(self) -> None:
        """The temperature of other networks is not known yet."""
        self.temperature = None

    def calibrate_members(self, logits: MemberLogits, labels: Labels) -> Self:
        """Choose the temperature of least NLL.

        Raises:
            ValueError: labels are no classes, or no temperature has a finite NLL.
        """
        require_labels(labels, logits)
        nll = partial(nll_of_members, logits.double(), labels)
        self.temperature = temperature_of_least_nll(nll)
        return self

    def form(self, logits: MemberLogits) -> Prediction:
        """The prediction of the divided logits, in float64 so that none become equal."""
        remark = NOT_CALIBRATED if self.temperature is None else at_bound(self.temperature)
        scaled = logits.double() / (self.temperature or 1.0)
        return replace(Prediction.of_logits(scaled), remark=remark)


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
    usual_sizes, only_usual = (20,), True
    needs = frozenset({"calibration", "dropout"})


class TemperatureScaledEnsemble(TemperatureScaled, DeepEnsemble):
    """A deep ensemble whose members share a temperature; see `TemperatureScaled`."""

    name = "temperature_scaled_ensemble"
    label = "Scaled ensemble"
    divides = False
    usual_sizes, only_usual = (5,), True
    citation = "Lakshminarayanan, Pritzel & Blundell 2017; Rahaman & Thiery 2021"
    needs = frozenset({"calibration"})
