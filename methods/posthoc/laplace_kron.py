"""Laplace approximation over all layers, with Kronecker factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn.functional import cross_entropy

from methods.posthoc.laplace import Evidence, Laplace
from methods.posthoc.layer_signals import Layer, LayerSignals, Signals

BATCH = 100
"""Images of a step; with more, a convolution's patches fall out of the caches."""


class LaplaceKron(Laplace):
    """Laplace with Kronecker factors (Ritter et al. 2018; Daxberger et al. 2021), as laplace-torch.

    Each layer's weights have the precision G ⊗ A + δ I, its biases G + δ I, none with another's:
    A is the mean of a aᵀ over images and positions, a the layer's inputs, and G the sum of gᵀ Λ g
    over them, g the derivative of the logits by its outputs and Λ = diag p − p pᵀ. In the
    eigenbases of A and G the precision is diagonal, so that the variance of a logit is a weighted
    sum of squares. Layers other than linear ones and convolutions are as they were trained.
    """

    name = "laplace_kron"
    label = "All-layer Laplace"
    in_text = "all-layer Laplace"
    citation = "Ritter et al. 2018; Daxberger et al. 2021"
    costly = True

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Take the network, sum the factors over the training images and choose the prior."""
        super().fit(images, labels)
        signals = LayerSignals(self.fitted[0])
        log_likelihood, factors = _factors(signals, images, labels, self.device)
        self.evidence = Evidence(
            log_likelihood,
            torch.cat([one.eigenvalues() for one in factors]),
            sum(_square_norm(layer) for layer in signals.layers),
        )
        self.precision = self.evidence.best_precision()
        self._bases = [one.basis(self.precision) for one in factors]
        return self

    def moments(
        self, images: Tensor
    ) -> tuple[Float[Tensor, "images classes"], Float[Tensor, "images classes"]]:
        """Mean and variance of each logit."""
        signals = LayerSignals(self.fitted[0])  # anew: threads may share the method
        classes = signals.logits(images[:1].to(self.device)).shape[1]
        batches = [self._moments(signals, one, classes) for one in torch.split(images, BATCH)]
        means, variances = zip(*batches, strict=True)
        return torch.cat(means).cpu(), torch.cat(variances).cpu()

    def _moments(
        self, signals: LayerSignals, images: Tensor, classes: int
    ) -> tuple[Tensor, Tensor]:
        images = images.to(self.device)
        directions = torch.eye(classes, device=images.device).expand(len(images), -1, -1)
        logits, of_layers = signals.of(images, directions)
        variances = [basis.variance(one) for basis, one in zip(self._bases, of_layers, strict=True)]
        return logits, torch.stack(variances).sum(dim=0)


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


def _factors(
    signals: LayerSignals, images: Tensor, labels: Tensor, device: str
) -> tuple[float, list[Factors]]:
    """The log-likelihood and each layer's factors, of all images."""
    log_likelihood, totals = 0.0, [Products.zero(layer) for layer in signals.layers]
    for batch, of_batch in zip(torch.split(images, BATCH), torch.split(labels, BATCH), strict=True):
        logits = signals.logits(batch.to(device))
        log_likelihood -= cross_entropy(logits.cpu().double(), of_batch, reduction="sum").item()
        _, of_layers = signals.of(batch.to(device), _roots(logits.softmax(dim=1)))
        for total, of_layer in zip(totals, of_layers, strict=True):
            total.add(of_layer, len(images))
    return log_likelihood, [total.factors() for total in totals]


def _roots(p: Float[Tensor, "images classes"]) -> Float[Tensor, "images classes classes"]:
    """Rows √p_c (e_c − p), whose outer products add up to diag p − p pᵀ."""
    return p.sqrt()[:, :, None] * (torch.eye(p.shape[1]).to(p) - p[:, None, :])


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


def _square_norm(layer: Layer) -> float:
    tensors = (layer.weight, layer.bias) if layer.bias is not None else (layer.weight,)
    return sum(one.detach().double().square().sum().item() for one in tensors)
