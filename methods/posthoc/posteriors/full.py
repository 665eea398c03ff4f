"""A Gaussian over the weights of a last layer, with all their covariances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from jaxtyping import Float64, Int64
from torch import Tensor
from torch.nn.functional import one_hot

BATCH = 1000
"""Images whose share of a matrix is computed in one step, to bound memory."""


@dataclass(frozen=True, eq=False)
class Curvature:
    """A full H of the last layer, by its eigenvalues and eigenvectors.

    Attributes:
        values, vectors: ascending; vectors as columns. Weights are ordered by class, then by input.
        classes: how many.
    """

    values: Float64[Tensor, " weights"]
    vectors: Float64[Tensor, "weights weights"]
    classes: int

    @classmethod
    def of(cls, hessian: Float64[Tensor, "weights weights"], classes: int) -> Self:
        """Decompose it."""
        values, vectors = torch.linalg.eigh(hessian)
        return cls(values, vectors, classes)

    def eigenvalues(self) -> Float64[Tensor, " weights"]:
        """One a weight."""
        return self.values

    def basis(self, precision: float) -> Float64[Tensor, "classes width width"]:
        """The covariance of each class's weights, with a prior of this precision."""
        covariance = (self.vectors / (self.values + precision)) @ self.vectors.T
        width = len(covariance) // self.classes
        blocks = covariance.reshape(self.classes, width, self.classes, width)
        return torch.stack([blocks[c, :, c] for c in range(self.classes)])


def ggn(
    inputs: Float64[Tensor, "images width"], probabilities: Float64[Tensor, "images classes"]
) -> Float64[Tensor, "weights weights"]:
    """Σ_n (diag p_n − p_n p_nᵀ) ⊗ φ_n φ_nᵀ; weights are ordered by class, then by input."""
    classes, width = probabilities.shape[1], inputs.shape[1]
    total = inputs.new_zeros(classes, width, classes, width)
    for phi, p in zip(torch.split(inputs, BATCH), torch.split(probabilities, BATCH), strict=True):
        for c in range(classes):
            for other in range(c + 1):
                weights = p[:, c] * (float(c == other) - p[:, other])
                total[c, :, other] += (phi * weights[:, None]).T @ phi
    blocks = total.reshape(classes * width, classes * width)
    lower = blocks.tril()
    return lower + lower.tril(-1).T


def fisher(
    inputs: Float64[Tensor, "images width"],
    probabilities: Float64[Tensor, "images classes"],
    labels: Int64[Tensor, " images"],
) -> Float64[Tensor, "weights weights"]:
    """Σ_n (p_n − y_n) (p_n − y_n)ᵀ ⊗ φ_n φ_nᵀ; weights are ordered by class, then by input."""
    classes = probabilities.shape[1]
    errors = probabilities - one_hot(labels, classes)
    total = inputs.new_zeros(classes * inputs.shape[1], classes * inputs.shape[1])
    for phi, error in zip(torch.split(inputs, BATCH), torch.split(errors, BATCH), strict=True):
        gradients = (error[:, :, None] * phi[:, None, :]).flatten(start_dim=1)
        total += gradients.T @ gradients
    return total
