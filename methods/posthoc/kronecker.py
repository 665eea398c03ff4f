"""Kronecker factors of the curvature of one layer, and the posterior of its weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Signals:
    """Inputs and gradients of a layer at each position where its weights are used.

    With them, the derivative of a sum of logits by the layer's weights is Σ_p gradients inputsᵀ,
    and by its biases Σ_p gradients.

    Attributes:
        inputs: the layer's inputs; a convolution's patches.
        gradients: the derivative by its outputs, in each of the directions.
    """

    inputs: Float[Tensor, "images positions inputs"]
    gradients: Float[Tensor, "images positions directions outputs"]

    def derivative(self) -> Float[Tensor, "images directions outputs inputs"]:
        """The derivative by the weights."""
        flat = self.gradients.flatten(2).transpose(1, 2) @ self.inputs
        return flat.reshape(len(flat), *self.gradients.shape[2:], flat.shape[2])


@dataclass(frozen=True, eq=False)
class LayerPosterior:
    """A layer's posterior covariance in the eigenbases of its factors.

    Attributes:
        input_basis, output_basis: eigenvectors, as columns.
        weights, biases: variances there; zero where the layer has no biases.
    """

    input_basis: Float[Tensor, "inputs inputs"]
    output_basis: Float[Tensor, "outputs outputs"]
    weights: Float[Tensor, "outputs inputs"]
    biases: Float[Tensor, " outputs"]

    def covariance(self, signals: Signals) -> Float[Tensor, "images directions directions"]:
        """The covariance of the logits, as far as this layer's weights and biases cause it."""
        inputs, outputs = self.input_basis, self.output_basis
        by_biases = signals.gradients.sum(dim=1) @ outputs
        _, positions, width = signals.inputs.shape
        if positions == 1:  # the derivative is a product, whose square is one, too
            variances = self.biases + (signals.inputs[:, 0] @ inputs).square() @ self.weights.T
            return (by_biases * variances[:, None]) @ by_biases.mT
        rotated = (
            outputs.T @ (signals.derivative() @ inputs)
            if positions > width  # then the derivative is the smaller one
            else Signals(signals.inputs @ inputs, signals.gradients @ outputs).derivative()
        )
        total = (rotated * self.weights).flatten(2) @ rotated.flatten(2).mT
        return total + (by_biases * self.biases) @ by_biases.mT

    def covariances(
        self, inputs: Float64[Tensor, "images width"]
    ) -> Float[Tensor, "images classes classes"]:
        """The covariance of the logits if this is the last layer; inputs may end in ones."""
        features = inputs[:, : len(self.input_basis)].float()
        each_class = torch.eye(len(self.output_basis)).expand(len(features), -1, -1)
        return self.covariance(Signals(features[:, None], each_class[:, None]))


@dataclass(eq=False)
class Factors:
    """A layer's Kronecker factors, in float64.

    Attributes:
        inputs, outputs: A and G, of the images so far.
        biased: whether the layer has biases.
    """

    inputs: Float64[Tensor, "inputs inputs"]
    outputs: Float64[Tensor, "outputs outputs"]
    biased: bool

    @classmethod
    def zero(cls, layer: nn.Linear | nn.Conv2d) -> Self:
        """Factors of no image."""
        outputs, inputs = layer.weight.flatten(start_dim=1).shape
        zeros = [torch.zeros(size, size).double() for size in (inputs, outputs)]
        return cls(zeros[0], zeros[1], layer.bias is not None)

    def add(self, signals: Signals, images: int) -> None:
        """Add some of so many images."""
        outputs = signals.gradients.flatten(end_dim=2)
        self.inputs += _gram(signals.inputs.flatten(end_dim=1)) / (images * signals.inputs.shape[1])
        self.outputs += _gram(outputs)

    @cached_property
    def decomposed(self) -> list[tuple[Float64[Tensor, " size"], Float64[Tensor, "size size"]]]:
        """Eigenvalues and eigenvectors of A and G; what only rounding makes negative is zero."""
        pairs = map(torch.linalg.eigh, (self.inputs, self.outputs))
        return [(values.clamp(min=0), vectors) for values, vectors in pairs]

    @property
    def eigenvalues(self) -> Float64[Tensor, " parameters"]:
        """Eigenvalues of the GGN, of weights and biases."""
        (input_values, _), (output_values, _) = self.decomposed
        weights = torch.outer(output_values, input_values).flatten()
        return torch.cat([weights, output_values]) if self.biased else weights

    def posterior(self, precision: float) -> LayerPosterior:
        """The covariance with a prior of this precision, in float32."""
        (input_values, inputs), (output_values, outputs) = self.decomposed
        weights = 1 / (torch.outer(output_values, input_values) + precision)
        biases = self.biased / (output_values + precision)
        return LayerPosterior(inputs.float(), outputs.float(), weights.float(), biases.float())


ROWS_PER_BLOCK = 4000
"""Rows whose products are added in float32; of more, the digits of the last ones are lost."""


def _gram(rows: Float[Tensor, "rows width"]) -> Float64[Tensor, "width width"]:
    """Σ of the outer products of the rows."""
    total = torch.zeros(rows.shape[1], rows.shape[1]).double()
    for part in torch.split(rows, ROWS_PER_BLOCK):
        total += (part.T @ part).cpu()
    return total
