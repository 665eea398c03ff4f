"""Detection: how well a score distinguishes positive (out-of-distribution) images from negative.

Scores: higher is more uncertain, hence more likely positive; any scale, infinite values too. Images
of equal score are flagged together: the result does not depend on their order. All metrics are NaN
if either kind is absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

import numpy as np
from jaxtyping import Float, Float64

from benchmarks.metrics.kernels import detect
from benchmarks.metrics.metric import (
    Counts,
    Family,
    Metric,
    MetricInputs,
    MetricsByResample,
    PerResample,
    Ranking,
    Weights,
)


class Detection(Family):
    """A metric's `function`: from `DetectionStatistics` to [resamples]."""

    needs = frozenset({"score", "reference"})

    def per_image(self, arrays: MetricInputs) -> Float[np.ndarray, " images"] | None:
        """The score."""
        return None if arrays.score is None else arrays.score.numpy()

    def arranged(
        self,
        images: Float[np.ndarray, " images"],
        reference: Float[np.ndarray, " images"] | None,
    ) -> Ranking | None:
        """Sort the images of both kinds; a score that is NaN cannot be ranked."""
        if reference is None or np.isnan(images).any() or np.isnan(reference).any():
            return None
        return flagging_order(reference, images)

    def evaluate(
        self, prepared: Ranking, weights: Weights, reference_weights: Weights
    ) -> MetricsByResample:
        """One pass over the images."""
        statistics = DetectionStatistics(prepared, reference_weights, weights)
        return np.stack(self.each(weights.shape[1], statistics))


@dataclass(frozen=True, eq=False)
class DetectionStatistics:
    """What metrics of detection are computed from, on every resample.

    Attributes:
        order: the images, see `flagging_order`.
        negatives, positives: the weights of both kinds.
    """

    order: Ranking
    negatives: Weights
    positives: Weights

    @cached_property
    def _in_one_pass(self) -> tuple[PerResample, ...]:
        values = np.empty((4, self.negatives.shape[1]))
        detect(*self.order, self.negatives, self.positives, values)
        return tuple(values)

    @property
    def auroc(self) -> PerResample:
        """Area under the ROC curve. Pairs are counted in whole numbers."""
        return self._in_one_pass[0]

    @property
    def aupr_out(self) -> PerResample:
        """Average precision for the positives."""
        return self._in_one_pass[1]

    @property
    def aupr_in(self) -> PerResample:
        """Average precision for the negatives, which are detected by their low scores."""
        return self._in_one_pass[2]

    @property
    def fpr95(self) -> PerResample:
        """The share of negatives flagged with 95 % of the positives, in whole numbers."""
        return self._in_one_pass[3]

    @cached_property
    def flagged(self) -> tuple[Counts, Counts]:
        """Negatives and positives that are flagged at each threshold, from none to all."""
        weights = np.concatenate([self.negatives, self.positives])
        positive = np.arange(len(weights)) >= len(self.negatives)
        return self.order.counts(weights, ~positive), self.order.counts(weights, positive)


def flagging_order(
    negatives: Float[np.ndarray, " negatives"], positives: Float[np.ndarray, " positives"]
) -> Ranking:
    """Images by falling score, positives numbered after the negatives."""
    return Ranking.by(-np.concatenate([negatives, positives]))


METRICS = (
    Metric(
        name="auroc",
        label="AUROC",
        shown="overview",
        family=Detection,
        function=attrgetter("auroc"),
        better="higher",
        margin=0.002,
        summary="Area under the ROC curve: the probability that an image that is not clean "
        "scores higher than a clean one.",
        formula="(#{s₊ > s₋} + ½ #{s₊ = s₋}) / (#s₊ · #s₋), with positive for not clean",
        edge_cases="In [0, 1]; 0.5 for a random or a constant score.",
        source="Hanley & McNeil 1982; Hendrycks & Gimpel 2017, section 2",
    ),
    Metric(
        name="aupr_out",
        label="AUPR-out",
        shown="detail",
        family=Detection,
        function=attrgetter("aupr_out"),
        better="higher",
        margin=0.002,
        summary="Average precision of detecting the images that are not clean.",
        formula="Σ_t (R_t − R_{t−1}) P_t over the distinct scores t from the highest down, with "
        "recall R and precision P of flagging {s ≥ t}",
        edge_cases="In (0, 1]; the prevalence for a random score. Not interpolated.",
        source="Hendrycks & Gimpel 2017, section 2",
    ),
    Metric(
        name="aupr_in",
        label="AUPR-in",
        shown="detail",
        family=Detection,
        function=attrgetter("aupr_in"),
        better="higher",
        margin=0.002,
        summary="Average precision of detecting the clean images by their low scores.",
        formula="AUPR-out with negated scores and exchanged classes",
        edge_cases="In (0, 1]; 1 − prevalence for a random score.",
        source="Hendrycks & Gimpel 2017, section 2",
    ),
    Metric(
        name="fpr95",
        label="FPR95",
        shown="detail",
        family=Detection,
        function=attrgetter("fpr95"),
        better="lower",
        margin=0.005,
        summary="The share of clean images that are flagged when 95 % of the others are.",
        formula="#{clean, s ≥ t} / #clean, with t the highest threshold at which at least 95 % of "
        "the others have s ≥ t",
        edge_cases="In [0, 1]; 1 for a constant score. In-distribution images are positive in the "
        "source, and negative here.",
        source="Liang, Li & Srikant 2018",
    ),
)


class Prevalence(Family):
    """A metric's `function`: from numbers of images and of the reference's to their value.

    Resamples draw as many images as there are, so that it never varies.
    """

    needs = frozenset({"reference"})
    resampled = False

    def per_image(self, arrays: MetricInputs) -> Float64[np.ndarray, "nothing images"]:
        """Nothing: images are only counted."""
        return np.empty((0, len(arrays.prediction.mean)))

    def arranged(self, images: object, reference: object | None) -> bool | None:
        """Whether there is a reference."""
        return None if reference is None else True

    def evaluate(
        self, prepared: bool, weights: Weights, reference_weights: Weights
    ) -> MetricsByResample:
        """From the sums of the weights."""
        drawn = [each.sum(axis=0, dtype=float) for each in (weights, reference_weights)]
        return np.stack(self.each(weights.shape[1], *drawn))


COUNT_METRICS = (
    Metric(
        name="prevalence",
        label="Prevalence",
        shown="detail",
        family=Prevalence,
        function=lambda images, reference: images / (images + reference),
        summary="The share of images that are not clean in detection: the AUPR-out of a random "
        "score.",
        formula="N / (N + N_clean)",
        edge_cases="In (0, 1).",
    ),
)
