"""Laplace over all layers, with Kronecker factors, and the signals of layers that they need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Self

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from methods.interface import Prediction
from methods.pooled import require_labels
from methods.posthoc.kronecker import Factors, Signals
from methods.posthoc.laplace import Laplace, MarginalLikelihood, Moments, gaussian_softmax
from methods.shapes import Logits

Directions = Callable[[Float[Tensor, "images classes"]], Float[Tensor, "images directions classes"]]
"""Maps logits to the weights of sums of logits whose derivatives are wanted."""

STEP = 100
"""Images of a step; with more, what is computed of them falls out of the caches."""


class LaplaceKron(Laplace):
    """Laplace with Kronecker factors (Ritter et al. 2018; Daxberger et al. 2021), as laplace-torch.

    Each layer's weights have the precision G ⊗ A + δ I, its biases G + δ I, none with another's:
    A is the mean of a aᵀ over images and positions, a the layer's inputs, and G the sum of gᵀ Λ g
    over them, g the derivative of the logits by its outputs and Λ = diag p − p pᵀ. In the
    eigenbases of A and G the precision is diagonal, so that the variance of a logit is a weighted
    sum of squares. Layers other than linear ones and convolutions are as they were trained.
    """

    name = "laplace_kron"
    tiers = frozenset({"full", "epistemic"})
    label = "All-layer Laplace"
    citation = "Ritter et al. 2018; Daxberger et al. 2021"

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Take the network, sum the factors over the training images and choose the prior.

        Raises:
            ValueError: no layer is linear or a convolution, one is not used exactly once, labels
                are no classes, or the posterior is singular.
        """
        super().fit(images, labels)
        network = LayerSignals(self.fitted[0])
        log_likelihood, factors = 0.0, [Factors.zero(layer) for layer in network.layers]
        steps = zip(torch.split(images, STEP), torch.split(labels, STEP), strict=True)
        for batch, own_labels in steps:
            logits, signals = network.signals(batch.to(self.device), roots)
            require_labels(own_labels, logits)
            losses = cross_entropy(logits.cpu().double(), own_labels, reduction="sum")
            log_likelihood -= losses.item()
            for total, layer_signals in zip(factors, signals, strict=True):
                total.add(layer_signals, len(images))
        tensors = [tensor for layer in network.layers for tensor in layer.parameters()]
        self.evidence = MarginalLikelihood(
            log_likelihood,
            torch.cat([factor.eigenvalues for factor in factors]),
            sum(tensor.detach().double().square().sum().item() for tensor in tensors),
        )
        self.precision = self.prior_precision or self.evidence.best_precision()
        self._posteriors = [factor.posterior(self.precision) for factor in factors]
        return self

    def predict(self, images: Tensor) -> Prediction:
        """One prediction an image: the Gaussian is integrated."""
        return self.predictive(map(self.moments, torch.split(images, STEP)))

    def draws(self, images: Tensor) -> Float64[Tensor, "draws images classes"]:
        """The softmax at each point by which the Gaussian is integrated."""
        steps = map(self.moments, torch.split(images, STEP))
        by_step = [gaussian_softmax(*own, self.points(own[0].shape[1])) for own in steps]
        return torch.cat(by_step).permute(2, 0, 1).double()

    def moments(self, images: Tensor) -> Moments:
        """Mean and covariance of the logits."""
        network = LayerSignals(self.fitted[0])  # anew: threads may share the method
        logits, signals = network.signals(images.to(self.device), each_class)
        by_layer = [
            posterior.covariance(layer_signals)
            for posterior, layer_signals in zip(self._posteriors, signals, strict=True)
        ]
        return logits.cpu(), torch.stack(by_layer).sum(dim=0).cpu()


def roots(logits: Logits) -> Float[Tensor, "images classes classes"]:
    """Rows √p_c (e_c − p), whose outer products add up to diag p − p pᵀ, with p the softmax."""
    p = logits.softmax(dim=1)
    return p.sqrt()[:, :, None] * (torch.eye(p.shape[1]).to(p) - p[:, None, :])


def each_class(logits: Logits) -> Float[Tensor, "images classes classes"]:
    """The unit vectors: each logit by itself."""
    return torch.eye(logits.shape[1]).to(logits).expand(len(logits), -1, -1)


class LayerSignals:
    """The signals of all linear layers and convolutions of a network, in evaluation mode.

    Args:
        network: copied; other layers with weights stay as they are.

    Attributes:
        layers: in the order in which they are defined.

    Raises:
        ValueError: it has no such layer, or a convolution in groups or with unusual padding.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = deepcopy(network).eval().requires_grad_(False)
        self.layers = [
            layer for layer in self._network.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))
        ]
        if not self.layers:
            raise ValueError("the network has neither an nn.Linear nor an nn.Conv2d")
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d) and (layer.groups > 1 or layer.padding_mode != "zeros"):
                raise ValueError(
                    f"a convolution is in groups, or pads with other than zeros: {layer}"
                )

    @torch.enable_grad()
    def signals(
        self, images: Tensor, directions: Directions
    ) -> tuple[Float[Tensor, "images classes"], list[Signals]]:
        """The logits, and each layer's signals of Σ_c directions_c logits_c, in each direction.

        Raises:
            ValueError: a layer is used more than once, or not at all.
        """
        with self._noted_calls() as calls:
            logits = self._network(images)
        if sorted(map(len, calls.values())) != [1] * len(self.layers):
            raise ValueError("each linear layer and convolution must be used exactly once")
        inputs, outputs = zip(*(calls[layer][0] for layer in self.layers), strict=True)
        gradients = [
            torch.autograd.grad(logits, outputs, direction, retain_graph=True)
            for direction in directions(logits.detach()).unbind(dim=1)
        ]
        signals = [
            Signals(
                patches(layer, layer_inputs.detach()),
                torch.stack([by_position(layer, gradient) for gradient in layer_gradients], dim=2),
            )
            for layer, layer_inputs, layer_gradients in zip(
                self.layers, inputs, zip(*gradients, strict=True), strict=True
            )
        ]
        return logits.detach(), signals

    @contextmanager
    def _noted_calls(self) -> Iterator[dict[nn.Module, list[tuple[Tensor, Tensor]]]]:
        """Inputs and outputs of each call of a layer; what follows in place gets copies."""
        calls: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {layer: [] for layer in self.layers}

        def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            output.requires_grad_()  # of the first layer; weights have no gradients
            calls[layer].append((inputs[0], output))
            return output.clone()

        hooks = [layer.register_forward_hook(note) for layer in self.layers]
        try:
            yield calls
        finally:
            for hook in hooks:
                hook.remove()


def by_position(
    layer: nn.Linear | nn.Conv2d, outputs: Float[Tensor, "images ..."]
) -> Float[Tensor, "images positions outputs"]:
    """A layer's outputs, or their derivatives; of a convolution mostly as they lie in memory."""
    if isinstance(layer, nn.Conv2d):
        return outputs.flatten(2).transpose(1, 2)
    return outputs[:, None].flatten(1, -2)


def patches(
    layer: nn.Linear | nn.Conv2d, inputs: Float[Tensor, "images ..."]
) -> Float[Tensor, "images positions inputs"]:
    """Inputs that a layer multiplies by its weights, at each position.

    Raises:
        ValueError: a convolution's padding is given by name.
    """
    if isinstance(layer, nn.Linear):
        return inputs[:, None].flatten(1, -2)
    if isinstance(layer.padding, str):
        raise ValueError(f"a convolution's padding is given by name: {layer}")
    above, left = layer.padding
    windows = pad(inputs, (left, left, above, above))
    sizes = zip(layer.kernel_size, layer.dilation, layer.stride, strict=True)
    for dim, (size, dilation, stride) in enumerate(sizes, start=2):
        windows = windows.unfold(dim, dilation * (size - 1) + 1, stride)[..., ::dilation]
    # Views until here; torch's own `unfold` takes four times as long.
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
