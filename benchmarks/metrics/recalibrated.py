"""Scores of the mean prediction once its confidence has been corrected on held-out images.

Two predictions may differ in NLL only because one is less confident than its errors ask for, which
one number can correct. So each is scored a second time after temperature scaling (Guo et al. 2017),
in the same way whatever the method: the logarithm of its mean probabilities is divided by one
temperature, chosen on the calibration images (Ashukha et al. 2020 do so before they compare
methods). It is a way of measuring; no method predicts so.

The temperature is that of the prediction itself, on all resamples of the test images: an interval
leaves out the draw of the calibration images.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

from jaxtyping import Float, Float64, Int64
from torch import Tensor

from benchmarks.metrics.calibration import Calibration, debiased_squared_calibration_error
from benchmarks.metrics.metric import Family, Metric, MetricInputs
from benchmarks.metrics.scoring import (
    LabelMeans,
    brier,
    error_of_guessing,
    negative_log_likelihood,
    require_labels,
)
from methods.posthoc.temperature_scaling import at_bound, nll_of_members, temperature_of_least_nll

UNDEFINED = "a calibration label was given the probability 0"


def best_temperature(
    mean: Float[Tensor, "images classes"], labels: Int64[Tensor, " images"]
) -> float:
    """The temperature by which probabilities have the smallest NLL, from 1/20 to 20.

    The NLL is convex in the inverse of the temperature, so that there is one minimum. NaN where a
    label has the probability 0, whose NLL is infinite at every temperature.

    Raises:
        ValueError: a row is no distribution, or a label is no class.

    >>> import torch
    >>> hesitant = torch.tensor([[0.6, 0.4], [0.4, 0.6], [0.6, 0.4], [0.6, 0.4], [0.6, 0.4]])
    >>> right = torch.tensor([0, 1, 0, 0, 1])
    >>> temperature = best_temperature(hesitant, right)
    >>> recalibrated(hesitant, temperature)[0].round(decimals=3)  # four of five are right
    tensor([0.8000, 0.2000], dtype=torch.float64)
    """
    require_labels(mean, labels)
    logarithms = mean.double().log()
    if not logarithms.gather(-1, labels[:, None]).isfinite().all():
        return math.nan
    return temperature_of_least_nll(partial(nll_of_members, logarithms[None], labels))


def recalibrated(
    mean: Float[Tensor, "images classes"], temperature: float
) -> Float64[Tensor, "images classes"]:
    """The probabilities with their logarithm divided by a temperature: p̄_c^(1/T) / Σ_k p̄_k^(1/T).

    >>> import torch
    >>> recalibrated(torch.tensor([[0.8, 0.2]]), 0.5)
    tensor([[0.9412, 0.0588]], dtype=torch.float64)
    """
    scaled: Tensor = (mean.double().log() / temperature).softmax(dim=-1)
    return scaled


class Recalibrated(Family):
    """The metrics of the family behind it in the order of bases, of recalibrated probabilities."""

    needs = frozenset({"labels", "calibration"})
    fit_calibration = staticmethod(best_temperature)

    def per_image(self, arrays: MetricInputs) -> Any | None:
        """What the other family computes of each image."""
        temperature: float | None = arrays.fitted
        if arrays.labels is None or temperature is None or math.isnan(temperature):
            return None
        mean = recalibrated(arrays.prediction.mean, temperature)
        own = replace(arrays, prediction=replace(arrays.prediction, mean=mean))
        return super().per_image(own)  # type: ignore[safe-super]

    def remark(self, metric: Metric, fitted: float) -> str:
        """Whether the temperature is at its bound."""
        return at_bound(fitted)


class RecalibratedMeans(Recalibrated, LabelMeans):
    """A metric's `function`: as in `LabelMeans`, of recalibrated probabilities."""


class RecalibratedCalibration(Recalibrated, Calibration):
    """A metric's `function`: as in `Calibration`, of recalibrated probabilities."""


_TEMPERATURE = (
    "T is between 1/20 and 20. Undefined where a calibration label has probability 0, or there are "
    "no calibration images."
)

METRICS = (
    Metric(
        name="nll_recalibrated",
        label="NLL, recalibrated",
        shown="detail",
        family=RecalibratedMeans,
        function=negative_log_likelihood,
        unit="nats",
        better="lower",
        guessing=math.log,  # at any temperature
        undefined=UNDEFINED,
        summary="The NLL after temperature scaling on the calibration images.",
        formula="Mean over images of −log q_y with q_c = p̄_c^(1/T) / Σ_k p̄_k^(1/T); T minimises "
        "this on the calibration images",
        edge_cases=f"In [0, ∞]. {_TEMPERATURE}",
        source="Guo et al. 2017; Ashukha et al. 2020",
    ),
    Metric(
        name="brier_recalibrated",
        label="Brier, recalibrated",
        shown="detail",
        family=RecalibratedMeans,
        function=brier,
        better="lower",
        guessing=error_of_guessing,
        undefined=UNDEFINED,
        summary="The Brier score after temperature scaling on the calibration images.",
        formula="Mean over images of Σ_c (q_c − y_c)², with q and T as in the recalibrated NLL",
        edge_cases=f"In [0, 2]. {_TEMPERATURE}",
        source="Brier 1950; Guo et al. 2017",
    ),
    Metric(
        name="squared_ce_recalibrated",
        label="Squared CE, recalibrated",
        shown="detail",
        family=RecalibratedCalibration,
        function=lambda bins: debiased_squared_calibration_error(bins.equal_mass),
        better="lower",
        undefined=UNDEFINED,
        summary="The debiased squared calibration error after temperature scaling on the "
        "calibration images.",
        formula="Σ_b n_b / N · [(conf_b − acc_b)² − acc_b (1 − acc_b) / (n_b − 1)] over 15 bins of "
        "equal mass of max_c q_c, with q and T as in the recalibrated NLL",
        edge_cases=f"In [−1/4, 1]: not clamped at 0, and no root is taken. {_TEMPERATURE}",
        source="Kumar, Liang & Ma 2019; Guo et al. 2017",
    ),
)
