"""Detection: how well a score distinguishes positive (out-of-distribution) images from negative.

Scores: higher is more uncertain, hence more likely positive; any scale, infinite values too. Images
of equal score are flagged together: the result does not depend on their order. All metrics are NaN
if either kind is absent.
"""

from __future__ import annotations

from math import nan

import numpy as np
import torch
from jaxtyping import Float, Float64

from benchmarks.metrics.metric import (
    Family,
    Influences,
    Metric,
    MetricInputs,
    MetricsByResample,
    Weights,
)
from benchmarks.metrics.ranking import (
    ByResample,
    Counts,
    RankedImages,
    Ranking,
    centred,
    first_step,
    share,
    share_of_pairs,
)


class Detection(RankedImages):
    """A metric's `function`: from the numbers of images, and of positive ones, that are flagged.

    Both are float64 [steps, resamples]: at each threshold from the highest down, none at the first.
    PyTorch must differentiate the function.
    """

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
        """From the numbers of images that are flagged at each threshold."""
        return self.ranked_values(prepared, np.concatenate([reference_weights, weights]))

    def influence(self, prepared: Ranking) -> Influences | None:
        """Of AUROC, DeLong's placements (DeLong, DeLong & Clarke-Pearson 1988)."""
        negatives = np.count_nonzero(~prepared.positive)
        reference, own = np.split(self.gradients(prepared), [negatives], axis=1)
        return Influences(centred(own), centred(reference))


class DetectionAtThreshold(Detection):
    """A metric's `function`: as in `Detection`, but of the counts at one threshold.

    It need not be differentiated: a threshold jumps from image to image.
    """

    def influence(self, prepared: Ranking) -> None:
        """Not known."""


def flagging_order(
    negatives: Float[np.ndarray, " negatives"], positives: Float[np.ndarray, " positives"]
) -> Ranking:
    """Images by falling score, positives numbered after the negatives."""
    scores = np.concatenate([negatives, positives])
    return Ranking.by(-scores, np.arange(len(scores)) >= len(negatives))


def auroc(flagged: Counts, positives: Counts) -> ByResample:
    """Area under the ROC curve."""
    return share_of_pairs(positives, flagged - positives)


def average_precision(flagged: Counts, positives: Counts) -> ByResample:
    """Mean, over the positives, of the precision at the threshold that flags them.

    NaN if either kind is absent.
    """
    precision = share(positives[1:], flagged[1:])
    mean = (positives.diff(dim=0) * precision).sum(dim=0) / positives[-1]
    return torch.where(flagged[-1] > positives[-1], mean, nan)


def aupr_in(flagged: Counts, positives: Counts) -> ByResample:
    """Average precision for the negatives, which are detected by their low scores."""
    left, left_positives = ((counts[-1] - counts).flip(0) for counts in (flagged, positives))
    return average_precision(left, left - left_positives)


def fpr95(flagged: Counts, positives: Counts) -> ByResample:
    """The share of negatives flagged with 95 % of the positives, in whole numbers.

    NaN if either kind is absent.
    """
    threshold = first_step(positives, (19 * positives[-1] / 20).ceil())[None]
    negatives = flagged.gather(0, threshold) - positives.gather(0, threshold)
    share = negatives[0] / (flagged[-1] - positives[-1])
    return torch.where(positives[-1] > 0, share, nan)


METRICS = (
    Metric(
        name="auroc",
        label="AUROC",
        shown="overview",
        family=Detection,
        function=auroc,
        better="higher",
        guessing=lambda classes: 0.5,
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
        function=average_precision,
        better="higher",
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
        function=aupr_in,
        better="higher",
        summary="Average precision of detecting the clean images by their low scores.",
        formula="AUPR-out with negated scores and exchanged classes",
        edge_cases="In (0, 1]; 1 − prevalence for a random score.",
        source="Hendrycks & Gimpel 2017, section 2",
    ),
    Metric(
        name="fpr95",
        label="FPR95",
        shown="detail",
        family=DetectionAtThreshold,
        function=fpr95,
        better="lower",
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
