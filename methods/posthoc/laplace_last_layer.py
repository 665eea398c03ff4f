"""Laplace approximation over the last layer, with its full GGN."""

from __future__ import annotations

from typing import Any, Self

import torch
from jaxtyping import Float64, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from methods.posthoc.laplace import Laplace
from methods.posthoc.posteriors.evidence import Evidence
from methods.posthoc.posteriors.full import Curvature, ggn
from methods.posthoc.posteriors.kronecker import Factors

NOT_LAST = "the network does not end in the linear layer of its features"

CHECKED = 1000
"""By how many images this is checked."""


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
        """Take the network, sum the GGN over the training images and choose the prior.

        Raises:
            ValueError: the head is not the linear layer that gives the logits.
        """
        super().fit(images, labels)
        (features,) = self.features(images)
        self._weights = _weights_of(self.fitted[0].head)
        self._require_last(features[:CHECKED], images[:CHECKED])
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


def _weights_of(head: nn.Module) -> Float64[Tensor, "classes width"]:
    """Weights of the last layer, and its biases, where it has any, as a last column.

    Raises:
        ValueError: it is not linear.
    """
    if not isinstance(head, nn.Linear):
        raise ValueError(f"the last layer is a {type(head).__name__}; expected an nn.Linear")
    biases = [] if head.bias is None else [head.bias[:, None]]
    return torch.cat([head.weight, *biases], dim=1).detach().cpu().double()
