"""Gaussians over the weights of networks, as Laplace approximations fit them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn
from torch.nn.functional import one_hot, unfold

Layer = nn.Linear | nn.Conv2d


@dataclass(frozen=True, eq=False)
class Signals:
    """Of one layer, at each position at which its weights are used; a linear layer has one.

    With them, the derivative of a sum of logits by the layer's weights is Σ_p gradients inputsᵀ,
    and by its biases Σ_p gradients.

    Attributes:
        inputs: the layer's inputs; a convolution's patches.
        gradients: the derivative by its outputs, in each of the directions.
    """

    inputs: Float[Tensor, "images inputs positions"]
    gradients: Float[Tensor, "images directions outputs positions"]

    def derivative(self) -> Float[Tensor, "images directions outputs inputs"]:
        """By the weights."""
        images, directions, outputs, _ = self.gradients.shape
        flat = self.gradients.flatten(1, 2) @ self.inputs.transpose(1, 2)
        return flat.reshape(images, directions, outputs, -1)


@dataclass
class LayerSignals:
    """The signals of all linear layers and convolutions of a network, in evaluation mode.

    Args:
        network: copied; other layers with weights stay as they are.

    Raises:
        ValueError: it has no such layer, or a convolution in groups or with other padding than
            zeros.
    """

    network: nn.Module
    layers: list[Layer] = field(init=False)

    def __post_init__(self) -> None:
        self.network = deepcopy(self.network).eval().requires_grad_(True)
        self.layers = [one for one in self.network.modules() if isinstance(one, Layer)]
        if not self.layers:
            raise ValueError("the network has neither an nn.Linear nor an nn.Conv2d")
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d) and (layer.groups > 1 or layer.padding_mode != "zeros"):
                raise ValueError(
                    f"a convolution is in groups, or pads with other than zeros: {layer}"
                )

    def logits(self, images: Tensor) -> Float[Tensor, "images classes"]:
        """Of the network."""
        with torch.no_grad():
            outputs: Tensor = self.network(images)
        return outputs

    @torch.enable_grad()
    def of(
        self, images: Tensor, directions: Float[Tensor, "images directions classes"]
    ) -> tuple[Float[Tensor, "images classes"], list[Signals]]:
        """The logits, and each layer's signals of Σ_c directions_c logits_c.

        Raises:
            ValueError: a layer is used more than once, or not at all.
        """
        with _noted(self.layers) as calls:
            logits = self.network(images)
        used = [calls.get(layer, []) for layer in self.layers]
        if any(len(one) != 1 for one in used):
            raise ValueError("each linear layer and convolution must be used exactly once")
        outputs = [output for ((_, output),) in used]
        gradients = [
            torch.autograd.grad(logits, outputs, direction, retain_graph=True)
            for direction in directions.unbind(dim=1)
        ]
        signals = [
            Signals(_inputs(layer, inputs.detach()), _by_position(layer, torch.stack(of_layer, 1)))
            for layer, ((inputs, _),), of_layer in zip(
                self.layers, used, zip(*gradients, strict=True), strict=True
            )
        ]
        return logits.detach(), signals


@contextmanager
def _noted(layers: list[Layer]) -> Iterator[dict[nn.Module, list[tuple[Tensor, Tensor]]]]:
    """Inputs and outputs of each call of a layer; what follows in place gets a copy of these."""
    calls: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        calls.setdefault(layer, []).append((inputs[0], output))
        return output.clone()

    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _inputs(layer: Layer, inputs: Tensor) -> Float[Tensor, "images inputs positions"]:
    if isinstance(layer, nn.Linear):
        return inputs.flatten(1, -2).transpose(1, 2) if inputs.ndim > 2 else inputs[:, :, None]
    if isinstance(layer.padding, str):
        raise ValueError(f"a convolution's padding is given by name: {layer}")
    return unfold(inputs, layer.kernel_size, layer.dilation, layer.padding, layer.stride)


def _by_position(
    layer: Layer, gradients: Float[Tensor, "images directions ..."]
) -> Float[Tensor, "images directions outputs positions"]:
    if isinstance(layer, nn.Conv2d):
        return gradients.flatten(3)
    if gradients.ndim == 3:
        return gradients[..., None]
    return gradients.flatten(2, -2).transpose(2, 3)


SMALLEST, LARGEST = 1e-4, 1e8
"""Prior precisions that are searched."""


@dataclass(frozen=True, eq=False)
class MarginalLikelihood:
    """What the log marginal likelihood is computed from.

    Attributes:
        log_likelihood: of the training images, summed.
        eigenvalues: of H, one a weight.
        square_norm: Σ θ².
    """

    log_likelihood: float
    eigenvalues: Float64[Tensor, " weights"]
    square_norm: float

    def log_marginal_likelihood(self, precision: float) -> float:
        """log p(D | θ) − ½ (log det (H + δ I) − W log δ + δ Σ θ²), with W weights and δ given."""
        log_ratio = (self.eigenvalues / precision).log1p().sum().item()
        return self.log_likelihood - (log_ratio + precision * self.square_norm) / 2

    def best_precision(self) -> float:
        """The prior precision from 1e-4 to 1e8 of the largest marginal likelihood.

        Raises:
            ValueError: it is not finite anywhere, or H has an eigenvalue that makes H + δ I
                singular.
        """
        # Here, not above: methods that need no minimum are timed where it is not installed.
        from scipy.optimize import minimize_scalar

        if not self.eigenvalues.min().item() > -SMALLEST:  # NaN is not, either
            raise ValueError("the posterior's precision is singular, or has NaN")

        def loss(logarithm: float) -> float:
            return -self.log_marginal_likelihood(math.exp(logarithm))

        bounds = math.log(SMALLEST), math.log(LARGEST)
        found = minimize_scalar(loss, bounds=bounds, method="bounded")
        if not math.isfinite(found.fun):
            raise ValueError("the marginal likelihood is not finite, so no prior precision is best")
        return math.exp(float(found.x))


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

    @cached_property
    def decomposed(self) -> list[tuple[Float64[Tensor, " size"], Float64[Tensor, "size size"]]]:
        """Eigenvalues and eigenvectors of A and of G, once all images are added.

        Eigenvalues that only rounding makes negative are zero.
        """
        pairs = map(torch.linalg.eigh, (self.inputs, self.outputs))
        return [(values.clamp(min=0), vectors) for values, vectors in pairs]

    def eigenvalues(self) -> Float64[Tensor, " parameters"]:
        """Of the GGN, of weights and biases."""
        (of_inputs, _), (of_outputs, _) = self.decomposed
        weights = torch.outer(of_outputs, of_inputs).flatten()
        return torch.cat([weights, of_outputs]) if self.biased else weights

    def basis(self, precision: float) -> Basis:
        """The covariance with a prior of this precision, in float32."""
        (of_inputs, inputs), (of_outputs, outputs) = self.decomposed
        weights = 1 / (torch.outer(of_outputs, of_inputs) + precision)
        biases = 1 / (of_outputs + precision)
        return Basis(
            inputs.float(),
            outputs.float(),
            weights.float(),
            biases.float() if self.biased else None,
        )
