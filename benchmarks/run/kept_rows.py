"""Which measures a run writes: by default those that tables, figures and questions read.

Of all metrics, scores and conditions most combinations are read by nobody. So single severities and
kinds of a shift have fewer measures than the mean over them, which stands for them; and scores
other than a method's primary one are measured where scores are compared: by AUROC on
out-of-distribution images, by AUGRC on clean and corrupted ones, and as the claims need it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from benchmarks.inference.image_values import Measure, every_measure
from benchmarks.metrics import Metric
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import CLEAN

SINGLE, MEAN, ALONE, UNLABELLED = "single", "mean", "alone", "unlabelled"
"""Kinds of conditions beside the clean one: a severity or kind of a shift, the mean over these, a
labelled condition that is neither, and images of no class."""

OF_SEVERITIES = frozenset(
    (
        *("accuracy", "nll", "brier", "ece", "squared_ce_debiased", "nll_recalibrated"),
        *("predictive_entropy", "expected_entropy", "mutual_information"),
        *("pairwise_disagreement", "mean_confidence"),
        *("auroc", "misclassification_auroc", "aurc", "augrc"),
    )
)
"""The metrics that single severities and kinds have, too."""

ONLY = {
    "vote_entropy": CLEAN,
    **dict.fromkeys(("aupr_out", "aupr_in", "fpr95", "prevalence"), UNLABELLED),
}
"""The only kind of conditions that a metric is for, where not for all but the single ones."""

OF_SETS = (CLEAN, MEAN)
"""Those that all metrics of conformal sets are for."""

OF_OTHER_SCORES = {
    ("auroc", UNLABELLED),
    ("augrc", CLEAN),
    ("augrc", "corrupted"),
    ("misclassification_auroc", CLEAN),  # a claim is judged by it
}
"""The metrics of other scores than the primary one, and on which images: a kind, or a group."""

COMPARED_ALONE = ("ece",)
"""The metrics by which methods are compared under single severities, too, for a claim."""


def kind_of(condition: Condition) -> str:
    """The kind of a condition."""
    if condition.name == condition.reference:
        return CLEAN
    if condition.is_one_of_many and not condition.subset:
        return SINGLE
    return ALONE if condition.labelled else UNLABELLED


@dataclass(frozen=True)
class KeptRows:
    """The measures of methods with this primary score.

    Attributes:
        every: whether all are kept.
    """

    primary: str
    every: bool = False

    def of_condition(self, condition: Condition, metric: Metric, score: str) -> bool:
        """Whether the measure is kept under a condition."""
        if self.every:
            return True
        if not condition.labelled and "labels" in metric.needs:
            return False
        return self._is_kept(kind_of(condition), condition.group, metric, score)

    def of_mean(self, condition: Condition, metric: Metric, score: str) -> bool:
        """Whether it is kept of the mean over a group, of which this is a condition."""
        if not condition.labelled and "labels" in metric.needs:
            return self.every
        return self.every or self._is_kept(MEAN, condition.group, metric, score)

    def measures(self, condition: Condition, own_scores: Collection[str]) -> Iterator[Measure]:
        """What is to be measured under a condition, also for the mean over its group."""
        for family, score in every_measure(own_scores):
            if not condition.detected and "reference" in family.needs:
                continue
            if not condition.labelled and {"score", "labels"} <= family.needs:
                continue
            kept = [
                metric
                for metric in family.metrics
                if self.of_condition(condition, metric, score)
                or (condition.in_mean and self.of_mean(condition, metric, score))
            ]
            if kept:
                yield type(family)(kept), score

    def _is_kept(self, kind: str, group: str, metric: Metric, score: str) -> bool:
        if score not in ("", self.primary):
            places = {(metric.name, kind), (metric.name, group)}
            return kind != SINGLE and not OF_OTHER_SCORES.isdisjoint(places)
        if kind == SINGLE:
            return metric.name in OF_SEVERITIES
        return kind in OF_SETS if metric.level else ONLY.get(metric.name, kind) == kind
