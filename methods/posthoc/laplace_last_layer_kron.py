"""Laplace approximation over the last layer, with Kronecker factors of its GGN."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from methods.interface import ONLY_PUBLISHED
from methods.posthoc.laplace_last_layer import LaplaceLastLayer
from methods.posthoc.posteriors.kronecker import Factors
from methods.posthoc.posteriors.layer_signals import Signals


class LaplaceLastLayerKron(LaplaceLastLayer):
    """Last-layer Laplace with Kronecker factors, as `KronLLLaplace` of laplace-torch.

    The default of Daxberger et al. 2021, who call it LA. With features f and p the softmax, the
    precision of the weights is G ⊗ A + δ I, that of the biases G + δ I, none with another's:
    A = mean_n f_n f_nᵀ and G = Σ_n (diag p_n − p_n p_nᵀ). The prior precision δ is one number, by
    evidence.
    """

    name = "laplace_last_layer_kron"
    label = "Last-layer Laplace, Kronecker"
    in_text = "last-layer Laplace with Kronecker factors"
    presets = ONLY_PUBLISHED

    def curvature(
        self,
        inputs: Float64[Tensor, "images width"],
        probabilities: Float64[Tensor, "images classes"],
        labels: Int64[Tensor, " images"],
    ) -> Factors:
        """Both factors, decomposed; eigenvalues that only rounding makes negative are zero."""
        features = self._without_ones(inputs)
        of_inputs, vectors = torch.linalg.eigh(features.T @ features / len(features))
        of_outputs, directions = torch.linalg.eigh(
            probabilities.sum(dim=0).diag() - probabilities.T @ probabilities
        )
        return Factors(
            (of_inputs.clamp(min=0), vectors),
            (of_outputs.clamp(min=0), directions),
            biased=features.shape[1] < inputs.shape[1],
        )

    def variances(self, inputs: Float64[Tensor, "images width"]) -> Float[Tensor, "images classes"]:
        """Weighted sums of squares in the eigenbases of the factors."""
        features = self._without_ones(inputs).float()
        each_class = torch.eye(len(self._weights)).expand(len(features), -1, -1)
        variances: Tensor = self._posterior.variance(
            Signals(features[..., None], each_class[..., None])
        )
        return variances

    def _without_ones(self, inputs: Tensor) -> Tensor:
        """The features alone: biases have a precision of their own."""
        return inputs[:, : self.fitted[0].head.in_features]
