"""A Gaussian over the weights of a layer, with Kronecker factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from methods.posthoc.posteriors.layer_signals import Layer, Signals


@dataclass(frozen=True, eq=False)
class Basis:
    """A layer's posterior covariance in the eigenbases of its factors.

    Attributes:
        of_inputs, of_outputs: eigenvectors, as columns.
        weights, biases: variances there; none where the layer has no biases.
    """

    of_inputs: Float[Tensor, "inputs inputs"]
    of_outputs: Float[Tensor, "outputs outputs"]
    weights: Float[Tensor, "outputs inputs"]
    biases: Float[Tensor, " outputs"] | None

    def variance(self, signals: Signals) -> Float[Tensor, "images directions"]:
        """Of the logits, as far as this layer's weights and biases cause it."""
        by_biases = signals.gradients.sum(dim=-1) @ self.of_outputs
        if signals.inputs.shape[-1] == 1:  # the derivative is a product, whose square is one, too
            squared = (signals.inputs[..., 0] @ self.of_inputs).square() @ self.weights.T
            total = (by_biases.square() @ squared[:, :, None])[..., 0]
        else:
            rotated = self.of_outputs.T @ (signals.derivative() @ self.of_inputs)
            total = (rotated.square() * self.weights).sum(dim=(2, 3))
        return total if self.biases is None else total + by_biases.square() @ self.biases


@dataclass(frozen=True, eq=False)
class Factors:
    """A layer's Kronecker factors by eigenvalues and eigenvectors, in float64.

    Attributes:
        inputs, outputs: eigenvalues and eigenvectors of A and of G.
        biased: whether the layer has biases.
    """

    inputs: tuple[Float64[Tensor, " inputs"], Float64[Tensor, "inputs inputs"]]
    outputs: tuple[Float64[Tensor, " outputs"], Float64[Tensor, "outputs outputs"]]
    biased: bool

    def eigenvalues(self) -> Float64[Tensor, " parameters"]:
        """Of the GGN, of weights and biases."""
        weights = torch.outer(self.outputs[0], self.inputs[0]).flatten()
        return torch.cat([weights, self.outputs[0]]) if self.biased else weights

    def basis(self, precision: float) -> Basis:
        """The covariance with a prior of this precision, in float32."""
        weights = 1 / (torch.outer(self.outputs[0], self.inputs[0]) + precision)
        biases = 1 / (self.outputs[0] + precision)
        return Basis(
            self.inputs[1].float(),
            self.outputs[1].float(),
            weights.float(),
            biases.float() if self.biased else None,
        )


@dataclass
class Products:
    """The sums of a layer's outer products, in float64.

    Attributes:
        inputs, outputs: A and G, of the images so far.
        biased: whether the layer has biases.
    """

    inputs: Float64[Tensor, "inputs inputs"]
    outputs: Float64[Tensor, "outputs outputs"]
    biased: bool

    @classmethod
    def zero(cls, layer: Layer) -> Self:
        """Of no image."""
        outputs, inputs = layer.weight.flatten(start_dim=1).shape
        of_inputs, of_outputs = (torch.zeros(n, n).double() for n in (inputs, outputs))
        return cls(of_inputs, of_outputs, layer.bias is not None)

    def add(self, signals: Signals, images: int) -> None:
        """Add some of so many images."""
        inputs = signals.inputs.transpose(0, 1).flatten(start_dim=1)
        outputs = signals.gradients.permute(2, 0, 1, 3).flatten(start_dim=1)
        self.inputs += (inputs @ inputs.T).cpu() / (images * signals.inputs.shape[-1])
        self.outputs += (outputs @ outputs.T).cpu()

    def factors(self) -> Factors:
        """Decomposed; eigenvalues that only rounding makes negative are zero."""
        (of_inputs, inputs), (of_outputs, outputs) = map(
            torch.linalg.eigh, (self.inputs, self.outputs)
        )
        positive = of_inputs.clamp(min=0), of_outputs.clamp(min=0)
        return Factors((positive[0], inputs), (positive[1], outputs), self.biased)
