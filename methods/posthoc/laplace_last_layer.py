"""Laplace approximation over the last layer, with its full GGN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import torch
from jaxtyping import Float64, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from methods.posthoc.laplace import Evidence, Laplace
from methods.posthoc.laplace_kron import Factors

NOT_LAST = "the network does not end in the linear layer of its features"

BATCH = 1000
"""Images whose share of the GGN is computed in one step, to bound memory."""


class LaplaceLastLayer(Laplace):
    """Last-layer Laplace (Daxberger et al. 2021), full GGN, prior precision by evidence.

    With φ = [features, 1], without the 1 where there are no biases, and p the softmax,
    H = Σ_n (diag p_n − p_n p_nᵀ) ⊗ φ_n φ_nᵀ, and the variance of logit c is φᵀ (P⁻¹)_cc φ.
    LeNet-5 has 850 such weights. In float64.
    """

    name = "laplace_last_layer"
    label = "Last-layer Laplace"
    in_text = "last-layer Laplace"
    citation = "Daxberger et al. 2021"
    _posterior: Any

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Take the network, sum the GGN over the training images and choose the prior."""
        super().fit(images, labels)
        (features,) = self.features(images)
        self._weights = _weights_of(self.fitted[0].head)
        self._require_last(features[:BATCH], images[:BATCH])
        inputs = self._inputs(features)
        logits = inputs @ self._weights.T
        curvature = self.curvature(inputs, logits.softmax(dim=1), labels)
        self.evidence = Evidence(
            log_likelihood=-cross_entropy(logits, labels, reduction="sum").item(),
            eigenvalues=curvature.eigenvalues(),
            square_norm=self._weights.square().sum().item(),
        )
        self.precision = self.evidence.best_precision()
        self._posterior = curvature.basis(self.precision)
        return self

    def moments(
        self, images: Tensor
    ) -> tuple[Float64[Tensor, "images classes"], Float64[Tensor, "images classes"]]:
        """Mean and variance of each logit."""
        (features,) = self.features(images)
        inputs = self._inputs(features)
        return inputs @ self._weights.T, self.variances(inputs)

    def curvature(
        self,
        inputs: Float64[Tensor, "images width"],
        probabilities: Float64[Tensor, "images classes"],
        labels: Int64[Tensor, " images"],
    ) -> Curvature | Factors:
        """H, decomposed: here the full GGN."""
        return Curvature.of(ggn(inputs, probabilities), probabilities.shape[1])

    def variances(
        self, inputs: Float64[Tensor, "images width"]
    ) -> Float64[Tensor, "images classes"]:
        """φᵀ (P⁻¹)_cc φ of each class c."""
        variances = [((inputs @ one) * inputs).sum(dim=1) for one in self._posterior]
        return torch.stack(variances, dim=1)

    def _inputs(self, features: Tensor) -> Float64[Tensor, "images width"]:
        """What the weights multiply: the features, and 1 where there are biases."""
        biases = self._weights.shape[1] - features.shape[1]
        return pad(features.double(), (0, max(0, biases)), value=1.0)

    def _require_last(self, features: Tensor, images: Tensor) -> None:
        """The logits must be this layer's, as those of any network of the pool are."""
        inputs = self._inputs(features)
        (logits,) = self.prepared.logits(images).double()
        if inputs.shape[1] != self._weights.shape[1]:
            raise ValueError(NOT_LAST)
        own = inputs @ self._weights.T
        if own.shape != logits.shape or not torch.allclose(own, logits, atol=1e-3, rtol=1e-3):
            raise ValueError(NOT_LAST)


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


def _weights_of(head: nn.Module) -> Float64[Tensor, "classes width"]:
    """Weights of the last layer, and its biases, where it has any, as a last column.

    Raises:
        ValueError: it is not linear.
    """
    if not isinstance(head, nn.Linear):
        raise ValueError(f"the last layer is a {type(head).__name__}; expected an nn.Linear")
    biases = [] if head.bias is None else [head.bias[:, None]]
    return torch.cat([head.weight, *biases], dim=1).detach().cpu().double()
