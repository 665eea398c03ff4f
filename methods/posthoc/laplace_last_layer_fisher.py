"""Laplace approximation over the last layer, with its full empirical Fisher matrix."""

from __future__ import annotations

from jaxtyping import Float64, Int64
from torch import Tensor

from methods.interface import ONLY_PUBLISHED
from methods.posthoc.laplace_last_layer import LaplaceLastLayer
from methods.posthoc.posteriors.full import Curvature, fisher


class LaplaceLastLayerFisher(LaplaceLastLayer):
    """Last-layer Laplace with the empirical Fisher, as `FullLLLaplace` of laplace-torch by EF.

    What Daxberger et al. 2021 call LA*, chosen for the detection of out-of-distribution images:
    H = Σ_n g_n g_nᵀ, with g_n = (p_n − y_n) ⊗ φ_n the gradient of image n's loss, φ = [features,
    1], p the softmax and y the label as a unit vector. Where a network is nearly always right,
    these gradients are small, and the posterior is wide. The prior precision is one number, by
    evidence.
    """

    name = "laplace_last_layer_fisher"
    label = "Last-layer Laplace, Fisher"
    in_text = "last-layer Laplace with the empirical Fisher"
    presets = ONLY_PUBLISHED

    def curvature(
        self,
        inputs: Float64[Tensor, "images width"],
        probabilities: Float64[Tensor, "images classes"],
        labels: Int64[Tensor, " images"],
    ) -> Curvature:
        """The sum of the outer products of all gradients, decomposed."""
        return Curvature.of(fisher(inputs, probabilities, labels), probabilities.shape[1])
