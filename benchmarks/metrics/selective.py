"""Selective prediction: the error rate among the images on which the model is most certain.

Scores: higher is less certain, any scale. For images of equal score, every value is the expectation
over all their orders, computed exactly; copies of an image are equal, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from benchmarks.metrics.kernels import abstain, select
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
from benchmarks.metrics.scoring import correct

COVERAGES = (99, 95, 90, 80)
"""Shares of the images that are kept, in percent, where the error rate of these is a metric."""

ScoredImages = tuple[Float[np.ndarray, " images"], Bool[np.ndarray, " images"]]


class Selection(NamedTuple):
    """Images by rising score, and whether each image is classified correctly."""

    order: Ranking
    correct: Bool[np.ndarray, " images"]


class Selective(Family):
    """A metric's `function`: from `SelectionStatistics` to [resamples]."""

    needs = frozenset({"labels", "score"})

    def per_image(self, arrays: MetricInputs) -> ScoredImages | None:
        """The score, and whether it is classified correctly."""
        score, labels = arrays.score, arrays.labels
        if score is None or labels is None:
            return None
        return score.numpy(), correct(arrays.prediction.mean, labels).numpy()

    def arranged(self, images: ScoredImages, reference: object) -> Selection | None:
        """Sort the images; a score that is NaN cannot be ranked."""
        score, right = images
        return None if np.isnan(score).any() else Selection(Ranking.by(score), right)

    def evaluate(
        self, prepared: Selection, weights: Weights, reference_weights: Weights
    ) -> MetricsByResample:
        """One pass over the images."""
        statistics = SelectionStatistics(prepared, weights)
        return np.stack(self.each(weights.shape[1], statistics))


@dataclass(frozen=True, eq=False)
class SelectionStatistics:
    """What metrics of selective prediction are computed from, on every resample."""

    selection: Selection
    weights: Weights

    @cached_property
    def _in_one_pass(self) -> tuple[PerResample, ...]:
        values = np.empty((3, self.weights.shape[1]))
        order, right = self.selection
        select(*order, right[order.rows], self.weights, values)
        return tuple(values)

    @property
    def auroc(self) -> PerResample:
        """AUROC of detecting the misclassified images."""
        return self._in_one_pass[0]

    @property
    def aurc(self) -> PerResample:
        """Area under the risk-coverage curve: the mean over i of the error rate of i images."""
        return self._in_one_pass[1]

    @property
    def augrc(self) -> PerResample:
        """Area under the generalised risk-coverage curve.

        Equal to (1 − AUROC) · a (1 − a) + ½ (1 − a)², with accuracy a.
        """
        return self._in_one_pass[2]

    def error_at(self, coverage: int) -> PerResample:
        """Error rate of the most certain images, at one of `COVERAGES`."""
        return self._errors_kept[COVERAGES.index(coverage)]

    @cached_property
    def _errors_kept(self) -> tuple[PerResample, ...]:
        values = np.empty((len(COVERAGES), self.weights.shape[1]))
        order, right = self.selection
        abstain(*order, right[order.rows], self.weights, np.array(COVERAGES), values)
        return tuple(values)

    @cached_property
    def selected(self) -> tuple[Counts, Counts]:
        """Images up to each distinct score, from none to all, and the errors among them.

        In between, of tied images, errors are expected in proportion.
        """
        order, right = self.selection
        counted = np.ones_like(right), ~right
        images, errors = (order.counts(self.weights, which) for which in counted)
        return images, errors


def _error_at(coverage: int) -> Metric:
    """The selective risk at a coverage in percent, with the error as loss."""
    return Metric(
        name=f"error_at_coverage_{coverage}",
        label=f"Error at {coverage} % coverage",
        shown="detail",
        family=Selective,
        function=partial(SelectionStatistics.error_at, coverage=coverage),
        better="lower",
        margin=0.0005,
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
        function=attrgetter("auroc"),
        better="higher",
        margin=0.002,
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
        function=attrgetter("aurc"),
        better="lower",
        margin=0.0005,
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
        function=attrgetter("augrc"),
        better="lower",
        margin=0.0005,
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
