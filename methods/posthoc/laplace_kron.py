"""Laplace approximation over all layers, with Kronecker factors."""

from __future__ import annotations

from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy

from methods.posthoc.laplace import Laplace
from methods.posthoc.posteriors.evidence import Evidence
from methods.posthoc.posteriors.kronecker import Factors, Products
from methods.posthoc.posteriors.layer_signals import Layer, LayerSignals

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
        """Take the network, sum the factors over the training images and choose the prior.

        Raises:
            ValueError: no layer is linear or a convolution, one is not used exactly once, or the
                posterior is singular.
        """
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


def _square_norm(layer: Layer) -> float:
    tensors = (layer.weight, layer.bias) if layer.bias is not None else (layer.weight,)
    return sum(one.detach().double().square().sum().item() for one in tensors)
