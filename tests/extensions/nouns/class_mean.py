"""A score that is fitted on the features of the training images."""

import torch
from torch import Tensor

from methods.scores.score import Score, ScoreFunction


def fit(features: Tensor, labels: Tensor) -> ScoreFunction:
    """The distance to the nearest mean of the training images of a class."""
    classes = int(labels.max()) + 1
    means = torch.stack([features[labels == c].mean(dim=0) for c in range(classes)])
    return lambda features: torch.cdist(features, means).amin(dim=1)


CLASS_MEAN = Score(
    name="class_mean",
    label="Distance to class means",
    needs=frozenset({"features"}),
    fit=fit,
    citation="Mensink et al. 2013",
    formula="min_c ‖f − μ_c‖, with features f and class means μ_c",
)
