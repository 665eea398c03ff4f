"""A mixture of one network's softmax with a uniform distribution: a control that knows nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from methods.interface import Prediction
from methods.pooled import require_labels
from methods.shapes import Labels, MemberLogits
from methods.softmax import Softmax

LEAST, MOST = 1e-8, 0.5
"""Shares that are searched."""


class UniformMixture(Softmax):
    """A share ε of a uniform distribution over K classes: p = (1 − ε) softmax + ε / K.

    ε has the least NLL on the calibration images; without these it is 0. What does not beat this
    control, and a temperature, has no uncertainty to offer.

    Attributes:
        share: ε, from 1e-8 to one half; ``None`` before `calibrate`.
    """

    name = "uniform_mixture"
    label = "Uniform mixture"
    citation = "a control"
    group = "temperature scaling"
    needs = frozenset({"calibration"})
    share: float | None = None

    def forget(self) -> None:
        """The share of another network is not known yet."""
        self.share = None

    def calibrate_members(self, logits: MemberLogits, labels: Labels) -> Self:
        """Choose the share of least NLL, which is convex in it.

        Raises:
            ValueError: labels are no classes.
        """
        from scipy.optimize import minimize_scalar  # here: timing needs no such library

        require_labels(labels, logits)
        right = logits[0].double().softmax(dim=1).gather(1, labels[:, None])

        def nll(share: float) -> float:
            return -((1 - share) * right + share / logits.shape[-1]).log().mean().item()

        options = {"xatol": LEAST}
        minimum = minimize_scalar(nll, bounds=(LEAST, MOST), method="bounded", options=options)
        self.share = float(minimum.x)
        return self

    def form(self, logits: MemberLogits) -> Prediction:
        """The mixture; the vote is the softmax'."""
        share = self.share or 0.0
        mixed = (1 - share) * logits.double().softmax(dim=-1) + share / logits.shape[-1]
        remark = "not calibrated: the share is 0" if self.share is None else ""
        return replace(Prediction.of(mixed), remark=remark)
