"""A metric of each kind that `spherical_score` is not of, and a family of its own."""

import numpy as np
import torch

from benchmarks.metrics.detection import DetectionAtThreshold
from benchmarks.metrics.metric import Family, Metric
from benchmarks.metrics.scoring import correct
from benchmarks.metrics.selective import Selective, SelectiveAtCoverage
from benchmarks.metrics.uncertainties import PredictionMeans


class PerClass(Family):
    """Means of each class's accuracy; a metric's `function`: from [classes, resamples]."""

    needs = frozenset({"labels"})

    def per_image(self, arrays):
        if arrays.labels is None:
            return None
        classes = arrays.prediction.mean.shape[1]
        of_class = torch.nn.functional.one_hot(arrays.labels, classes).T
        right = of_class * correct(arrays.prediction.mean, arrays.labels)
        return right.double().numpy(), of_class.double().numpy()

    def evaluate(self, prepared, weights, reference_weights):
        right, images = (rows @ weights for rows in prepared)
        with np.errstate(invalid="ignore"):
            return np.stack([metric.function(right / images) for metric in self.metrics])


def error_rate_at_80(images, errors):
    """Of the most certain 80 %, tied images in proportion."""
    return np.array(
        [
            np.interp(0.8 * total[-1], total, wrong) / (0.8 * total[-1])
            for total, wrong in zip(images.T.numpy(), errors.T.numpy(), strict=True)
        ]
    )


def fpr80(flagged, positives):
    """The share of negatives flagged at the first threshold that flags 80 % of the positives."""
    first = (positives >= 0.8 * positives[-1]).int().argmax(dim=0)
    negatives = flagged - positives
    return negatives[first, torch.arange(len(first))] / negatives[-1]


def discrimination(images, errors):
    """Pairs of a correct and a wrong image that are ranked right, less those ranked wrong."""
    won = images[1:] * errors.diff(dim=0)
    lost = errors[1:] * images.diff(dim=0)
    return (won - lost).sum(dim=0) / ((images[-1] - errors[-1]) * errors[-1])


def margin(prediction):
    """Between the two most probable classes, [images]."""
    first, second = prediction.mean.topk(2, dim=1).values.T
    return first - second


BALANCED_ACCURACY = Metric(
    name="balanced_accuracy",
    label="Balanced accuracy",
    family=PerClass,
    function=lambda accuracies: accuracies.mean(axis=0),
    better="higher",
    undefined="a class has no image",
)
ERROR_RATE_AT_80 = Metric(
    name="error_rate_at_80",
    label="Error rate at 80 %",
    family=SelectiveAtCoverage,
    function=error_rate_at_80,
    better="lower",
)
FPR80 = Metric(
    name="fpr80", label="FPR80", family=DetectionAtThreshold, function=fpr80, better="lower"
)
DISCRIMINATION = Metric(
    name="discrimination",
    label="Discrimination",
    family=Selective,
    function=discrimination,
    better="higher",
    undefined="all images are classified correctly, or all wrongly",
)
MARGIN = Metric(name="margin", label="Margin", family=PredictionMeans, function=margin)

METRICS = (BALANCED_ACCURACY, ERROR_RATE_AT_80, FPR80, DISCRIMINATION, MARGIN)
