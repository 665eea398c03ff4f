"""Selective prediction: the error rate among the images on which the model is most certain.

Scores: higher is less certain, any scale. For images of equal score, every value is the expectation
over all their orders, computed exactly; copies of an image are equal, too.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float

from benchmarks.metrics.metric import (
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
from benchmarks.metrics.scoring import correct, error_of_guessing

COVERAGES = (99, 95, 90, 80)
"""Shares of the images that are kept, in percent, where the error rate of these is a metric."""

FEWEST_OF_A_KIND = 5
"""So many correct and wrong images a metric that needs both must have to know how it varies: of 4,
2 % of all draws of images have none."""

ScoredImages = tuple[Float[np.ndarray, " images"], Bool[np.ndarray, " images"]]


class Selective(RankedImages):
    """A metric's `function`: from the numbers of images, and of errors, that are selected.

    Both are float64 [steps, resamples]: up to each distinct score, none at the first. PyTorch must
    differentiate the function.
    """

    needs = frozenset({"labels", "score"})

    def per_image(self, arrays: MetricInputs) -> ScoredImages | None:
        """The score, and whether it is classified correctly."""
        score, labels = arrays.score, arrays.labels
        if score is None or labels is None:
            return None
        return score.numpy(), correct(arrays.prediction.mean, labels).numpy()

    def arranged(self, images: ScoredImages, reference: object) -> Ranking | None:
        """Sort the images; a score that is NaN cannot be ranked."""
        score, right = images
        return None if np.isnan(score).any() else Ranking.by(score, ~right)

    def evaluate(
        self, prepared: Ranking, weights: Weights, reference_weights: Weights
    ) -> MetricsByResample:
        """From the numbers of images up to each score."""
        return self.ranked_values(prepared, weights)

    def influence(self, prepared: Ranking) -> Influences | None:
        """By the derivative of each metric.

        NaN of a metric that needs both correct and wrong images where one kind has fewer than
        `FEWEST_OF_A_KIND`.
        """
        influences = centred(self.gradients(prepared))
        alone = np.empty((len(prepared.rows), 2), dtype=np.uint8)
        alone[prepared.rows] = np.stack([prepared.positive, ~prepared.positive], axis=1)
        if alone.sum(axis=0).min() < FEWEST_OF_A_KIND:
            values = self.ranked_values(prepared, alone[:, alone.any(axis=0)])
            influences[np.isnan(values).any(axis=1)] = np.nan
        return Influences(influences)


class SelectiveAtCoverage(Selective):
    """A metric's `function`: as in `Selective`, but of the counts at one coverage.

    It need not be differentiated: a threshold jumps from image to image.
    """

    def influence(self, prepared: Ranking) -> None:
        """Not known."""


def misclassification_auroc(images: Counts, errors: Counts) -> ByResample:
    """AUROC of detecting the misclassified images; NaN if all are, or none is."""
    return share_of_pairs(images - errors, errors)


def aurc(images: Counts, errors: Counts) -> ByResample:
    """Area under the risk-coverage curve: the mean over i of the error rate of i images.

    Copies of an image are ties: of m images with e errors after a images with E errors, in a random
    order,

        Σ_{k=1..m} (E + e k / m) / (a + k) = e + (E − a e / m) (H_{a+m} − H_a)

    with the harmonic numbers H_k = 1 + 1/2 + … + 1/k, which the digamma function continues.
    """
    tied, wrong = images.diff(dim=0), errors.diff(dim=0)
    earlier = errors[:-1] - images[:-1] * share(wrong, tied)
    risk = wrong + earlier * torch.digamma(images + 1).diff(dim=0)
    return risk.sum(dim=0) / images[-1]


def augrc(images: Counts, errors: Counts) -> ByResample:
    """Area under the generalised risk-coverage curve.

    Equal to (1 − AUROC) · a (1 − a) + ½ (1 − a)², with accuracy a.
    """
    trapezoids = images.diff(dim=0) * (errors[1:] + errors[:-1])
    return trapezoids.sum(dim=0) / (2 * images[-1].square())


def error_at(images: Counts, errors: Counts, *, coverage: int) -> ByResample:
    """Error rate of the most certain images, a share in percent rounded up to whole images.

    Of a tie that is selected in part, errors are so in proportion.
    """
    kept = (coverage * images[-1] / 100).ceil()
    end = first_step(images, kept)
    (fewer, more), (few_errors, errors_then) = (
        counts.gather(0, torch.stack([end - 1, end])) for counts in (images, errors)
    )
    wrong = few_errors + (kept - fewer) / (more - fewer) * (errors_then - few_errors)
    selected: ByResample = wrong / kept
    return selected


def _error_at(coverage: int) -> Metric:
    """The selective risk at a coverage in percent, with the error as loss."""
    return Metric(
        name=f"error_at_coverage_{coverage}",
        label=f"Error at {coverage} % coverage",
        shown="detail",
        family=SelectiveAtCoverage,
        function=partial(error_at, coverage=coverage),
        better="lower",
        guessing=error_of_guessing,
        coverage=coverage / 100,
        summary=f"The error rate of the images that are left when the method abstains on the "
        f"{100 - coverage} % of which it is least certain.",
        formula=f"#{{errors among the k most certain}} / k, k = ⌈{coverage / 100:g} N⌉",
        edge_cases="In [0, 1]; the error rate of all images for a constant score. Tied scores: "
        "the expectation over their orders.",
        source="Geifman & El-Yaniv 2017, section 2 (selective risk)",
    )


METRICS = (
    Metric(
        name="misclassification_auroc",
        label="Misclassification AUROC",
        shown="detail",
        family=Selective,
        function=misclassification_auroc,
        better="higher",
        guessing=lambda classes: 0.5,
        undefined="all images are classified correctly, or all wrongly",
        summary="The probability that a misclassified image scores higher than a correct one.",
        formula="The AUROC, with positive for misclassified",
        edge_cases="In [0, 1]; 0.5 for a random score. Undefined if all or no images are correct.",
        source="Hanley & McNeil 1982; Hendrycks & Gimpel 2017, section 2",
    ),
    Metric(
        name="aurc",
        label="AURC",
        shown="detail",
        family=Selective,
        function=aurc,
        better="lower",
        guessing=error_of_guessing,
        summary="Area under the risk-coverage curve: the mean error rate of the most certain "
        "images, over all coverages.",
        formula="1/N Σ_i #{errors among the i most certain} / i",
        edge_cases="In [0, 1]; the error rate for a constant score. Tied scores: the expectation "
        "over their orders.",
        source="Geifman, Uziel & El-Yaniv 2019",
    ),
    Metric(
        name="augrc",
        label="AUGRC",
        shown="detail",
        family=Selective,
        function=augrc,
        better="lower",
        guessing=lambda classes: error_of_guessing(classes) / 2,  # trapezoids from 0 to the error
        summary="Area under the generalised risk-coverage curve: the mean rate of undetected "
        "errors, over all coverages.",
        formula="Trapezoids over the coverage i / N, from (0, 0), under "
        "#{errors among the i most certain} / N",
        edge_cases="In [0, 1/2]; half the error rate for a constant score. Tied scores: the "
        "expectation over their orders.",
        source="Traub et al. 2024",
    ),
    *map(_error_at, COVERAGES),
)
