"""A score that is fitted on the features of the training images."""

import torch
from torch import Tensor

from methods.scores.score import Of, Score


def fit(features: Tensor, labels: Tensor) -> Of:
    """The squared distance to the nearest class mean, by the covariance within classes."""
    features, classes = features.double(), int(labels.max()) + 1
    means = torch.stack([features[labels == c].mean(dim=0) for c in range(classes)])
    precision = torch.linalg.pinv((features - means[labels]).T.cov(), hermitian=True)

    def distance(features: Tensor) -> Tensor:
        apart = features.double()[:, None] - means
        return torch.einsum("icf,fg,icg->ic", apart, precision, apart).amin(dim=1)

    return distance


MAHALANOBIS = Score(
    name="mahalanobis",
    label="Mahalanobis distance",
    needs=frozenset({"features"}),
    fit=fit,
    citation="Lee et al. 2018",
    formula="min_c (f − μ_c)ᵀ Σ⁻¹ (f − μ_c)",
)
