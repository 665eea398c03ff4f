"""Laplace approximations over the last layer, by three curvatures, and over all layers.

The posterior of the weights is a Gaussian around the trained ones θ, of precision P = H + δ I: H is
the generalised Gauss–Newton matrix (GGN) of the cross-entropy, summed over the training images, and
δ the precision of a Gaussian prior with mean zero (Daxberger et al. 2021, sections 2 and 3), chosen
by evidence. The predictive is the probit's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Self

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot, pad, unfold

from methods.engines.base import NetworkOutputs
from methods.given import GivenNetwork, announce
from methods.interface import Prediction
from methods.pooled import SingleNetwork, require_features
from methods.scores.score import NOT_LAST, is_last

SMALLEST, LARGEST = 1e-4, 1e8
"""Prior precisions that are searched."""

Moments = tuple[Float[Tensor, "images classes"], Float[Tensor, "images classes"]]
"""Mean and variance of each logit."""


def probit(
    mean: Float[Tensor, "images classes"], variance: Float[Tensor, "images classes"]
) -> Float[Tensor, "images classes"]:
    """Logits of the expected softmax: μ_c / √(1 + π σ²_c / 8) (MacKay 1992; Daxberger et al. 2021).

    >>> probit(torch.tensor([[3.0, 1.0]]), torch.tensor([[0.0, 24 / torch.pi]]))
    tensor([[3.0000, 0.5000]])
    """
    return mean / (1 + torch.pi / 8 * variance).sqrt()


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
        minimum = minimize_scalar(loss, bounds=bounds, method="bounded")
        if not math.isfinite(minimum.fun):
            raise ValueError("the marginal likelihood is not finite, so no prior precision is best")
        return math.exp(float(minimum.x))


class Laplace(SingleNetwork):
    """A Gaussian over weights of one trained network, dropout off, and its linearised predictive.

    f ~ N(f_θ(x), J P⁻¹ Jᵀ) with J the Jacobian of the logits by these weights; probabilities by
    the probit.

    Attributes:
        evidence: the marginal likelihood as a function of the prior's precision.
        precision: δ, of the largest marginal likelihood on the training images.
    """

    evidence: MarginalLikelihood
    precision: float
    group = "Laplace approximation"
    needs = frozenset({"training images"})

    def predictive(self, moments: Moments) -> Prediction:
        """One prediction an image: the Gaussian is integrated, not sampled."""
        logits = probit(*moments)
        inside = 2 * SMALLEST < self.precision < LARGEST / 2
        remark = "" if inside else f"the prior precision {self.precision:.3g} is at its bound"
        return replace(Prediction.of_logits(logits[None]), remark=remark)


class LaplaceLastLayer(Laplace):
    """Last-layer Laplace (Daxberger et al. 2021), full GGN, prior precision by evidence.

    With φ = [features, 1], without the 1 where there are no biases, and p the softmax,
    H = Σ_n (diag p_n − p_n p_nᵀ) ⊗ φ_n φ_nᵀ, and the variance of logit c is φᵀ (P⁻¹)_cc φ.
    LeNet-5 has 850 such weights. In float64.
    """

    name = "laplace_last_layer"
    label = "Last-layer Laplace"
    citation = "Daxberger et al. 2021"
    reads = "features"
    _posterior: ClassBlocks | LayerPosterior

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Take the network, and fit to its outputs for the training images; see `fit_outputs`."""
        super().fit(images, labels)
        return self.fit_outputs(self.fitting_outputs(images), labels)

    def predict(self, images: Tensor) -> Prediction:
        """One prediction an image: the Gaussian is integrated, not sampled."""
        return self.predict_outputs(self.outputs(images))

    def fit_outputs(self, outputs: NetworkOutputs, labels: Int64[Tensor, " images"]) -> Self:
        """Sum the GGN over the training images, and choose the prior.

        Raises:
            ValueError: the head is not the linear layer that gives the logits.
        """
        (features,), (logits,) = require_features(outputs), outputs.logits
        head = self.fitted[0].head
        self._weights = _weights_of(head)
        if not is_last(head, features, logits):
            raise ValueError(NOT_LAST)
        inputs = self._inputs(features)
        logits = inputs @ self._weights.T
        curvature = self.curvature(inputs, logits.softmax(dim=1), labels)
        self.evidence = MarginalLikelihood(
            log_likelihood=-cross_entropy(logits, labels, reduction="sum").item(),
            eigenvalues=curvature.eigenvalues,
            square_norm=self._weights.square().sum().item(),
        )
        self.precision = self.evidence.best_precision()
        self._posterior = curvature.posterior(self.precision)
        return self

    def predict_outputs(self, outputs: NetworkOutputs) -> Prediction:
        """The prediction, from features."""
        return self.predictive(self.moments(outputs))

    def moments(self, outputs: NetworkOutputs) -> Moments:
        """Mean and variance of each logit."""
        (features,) = require_features(outputs)
        inputs = self._inputs(features)
        return inputs @ self._weights.T, self._posterior.variances(inputs)

    def curvature(
        self,
        inputs: Float64[Tensor, "images width"],
        probabilities: Float64[Tensor, "images classes"],
        labels: Int64[Tensor, " images"],
    ) -> FullCurvature | Factors:
        """H, decomposed: here the full GGN."""
        self._announce()
        return FullCurvature(ggn(inputs, probabilities), probabilities.shape[1])

    def _announce(self) -> None:
        """Say what the decomposition of a full H costs, of a user's own network."""
        size = self._weights.numel()
        if isinstance(self.fitted[0], GivenNetwork):
            what = f"decomposing the curvature of {size:,} weights ({8e-9 * size**2:.1f} GB; "
            what += "LaplaceLastLayerKron needs far less)"
            announce(what, SECONDS_PER_CUBE * size**3)

    def _inputs(self, features: Tensor) -> Float64[Tensor, "images width"]:
        """What the weights multiply: the features, and 1 where there are biases."""
        return pad(features.double(), (0, self._weights.shape[1] - features.shape[1]), value=1.0)


SECONDS_PER_CUBE = 1.5e-10
"""Of the eigenvalues and eigenvectors of a matrix, on two cores, by the cube of its size."""


def _weights_of(head: nn.Module) -> Float64[Tensor, "classes width"]:
    """Weights of the last layer, and its biases, where it has any, as a last column.

    Raises:
        ValueError: it is not linear.
    """
    if not isinstance(head, nn.Linear):
        raise ValueError(f"the last layer is a {type(head).__name__}; expected an nn.Linear")
    biases = [] if head.bias is None else [head.bias[:, None]]
    return torch.cat([head.weight, *biases], dim=1).detach().cpu().double()


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

    def curvature(
        self,
        inputs: Float64[Tensor, "images width"],
        probabilities: Float64[Tensor, "images classes"],
        labels: Int64[Tensor, " images"],
    ) -> FullCurvature:
        """The sum of the outer products of all gradients, decomposed."""
        self._announce()
        return FullCurvature(fisher(inputs, probabilities, labels), probabilities.shape[1])


class LaplaceLastLayerKron(LaplaceLastLayer):
    """Last-layer Laplace with Kronecker factors, as `KronLLLaplace` of laplace-torch.

    The default of Daxberger et al. 2021, who call it LA. With features f and p the softmax, the
    precision of the weights is G ⊗ A + δ I, that of the biases G + δ I, none with another's:
    A = mean_n f_n f_nᵀ and G = Σ_n (diag p_n − p_n p_nᵀ). The prior precision δ is one number, by
    evidence.
    """

    name = "laplace_last_layer_kron"
    label = "Last-layer Laplace, Kronecker"

    def curvature(
        self,
        inputs: Float64[Tensor, "images width"],
        probabilities: Float64[Tensor, "images classes"],
        labels: Int64[Tensor, " images"],
    ) -> Factors:
        """Both factors; biases have a precision of their own."""
        features = inputs[:, : self.fitted[0].head.in_features]
        return Factors(
            features.T @ features / len(features),
            probabilities.sum(dim=0).diag() - probabilities.T @ probabilities,
            biased=features.shape[1] < inputs.shape[1],
        )


STEP = 100
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
    citation = "Ritter et al. 2018; Daxberger et al. 2021"

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Take the network, sum the factors over the training images and choose the prior.

        Raises:
            ValueError: no layer is linear or a convolution, one is not used exactly once, or the
                posterior is singular.
        """
        super().fit(images, labels)
        network = LayerSignals(self.fitted[0])
        log_likelihood, factors = 0.0, [Factors.zero(layer) for layer in network.layers]
        begun = perf_counter()
        steps = zip(torch.split(images, STEP), torch.split(labels, STEP), strict=True)
        for step, (batch, own_labels) in enumerate(steps):
            if step == 1 and isinstance(self.fitted[0], GivenNetwork):
                seconds = (perf_counter() - begun) * len(images) / STEP
                announce(f"fitting {self.label} to {len(images):,} images", seconds)
            batch = batch.to(self.device)
            logits = network.logits(batch)
            log_likelihood -= cross_entropy(
                logits.cpu().double(), own_labels, reduction="sum"
            ).item()
            p = logits.softmax(dim=1)
            # Rows √p_c (e_c − p), whose outer products add up to diag p − p pᵀ.
            roots = p.sqrt()[:, :, None] * (torch.eye(p.shape[1]).to(p) - p[:, None, :])
            _, signals = network.signals(batch, roots)
            for total, layer_signals in zip(factors, signals, strict=True):
                total.add(layer_signals, len(images))
        tensors = [tensor for layer in network.layers for tensor in layer.parameters()]
        self.evidence = MarginalLikelihood(
            log_likelihood,
            torch.cat([factor.eigenvalues for factor in factors]),
            sum(tensor.detach().double().square().sum().item() for tensor in tensors),
        )
        self.precision = self.evidence.best_precision()
        self._posteriors = [factor.posterior(self.precision) for factor in factors]
        return self

    def predict(self, images: Tensor) -> Prediction:
        """One prediction an image: the Gaussian is integrated, not sampled."""
        return self.predictive(self.moments(images))

    def moments(self, images: Tensor) -> Moments:
        """Mean and variance of each logit."""
        network = LayerSignals(self.fitted[0])  # anew: threads may share the method
        classes = network.logits(images[:1].to(self.device)).shape[1]
        means, variances = [], []
        for batch in torch.split(images, STEP):
            batch = batch.to(self.device)
            directions = torch.eye(classes, device=batch.device).expand(len(batch), -1, -1)
            logits, signals = network.signals(batch, directions)
            by_layer = [
                posterior.variance(layer_signals)
                for posterior, layer_signals in zip(self._posteriors, signals, strict=True)
            ]
            means.append(logits)
            variances.append(torch.stack(by_layer).sum(dim=0))
        return torch.cat(means).cpu(), torch.cat(variances).cpu()


BLOCK = 1000
"""Images whose share of a full matrix is computed in one step, to bound memory."""


def ggn(
    inputs: Float64[Tensor, "images width"], probabilities: Float64[Tensor, "images classes"]
) -> Float64[Tensor, "weights weights"]:
    """Σ_n (diag p_n − p_n p_nᵀ) ⊗ φ_n φ_nᵀ; weights are ordered by class, then by input."""
    classes, width = probabilities.shape[1], inputs.shape[1]
    total = inputs.new_zeros(classes, width, classes, width)
    for phi, p in zip(torch.split(inputs, BLOCK), torch.split(probabilities, BLOCK), strict=True):
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
    for phi, error in zip(torch.split(inputs, BLOCK), torch.split(errors, BLOCK), strict=True):
        gradients = (error[:, :, None] * phi[:, None, :]).flatten(start_dim=1)
        total += gradients.T @ gradients
    return total


class FullCurvature:
    """A full H of the last layer; weights are ordered by class, then by input.

    Attributes:
        eigenvalues, vectors: ascending; vectors as columns.
    """

    def __init__(self, hessian: Float64[Tensor, "weights weights"], classes: int) -> None:
        self.eigenvalues, self.vectors = torch.linalg.eigh(hessian)
        self._classes = classes

    def posterior(self, precision: float) -> ClassBlocks:
        """The covariance of each class' weights, with a prior of this precision."""
        covariance = (self.vectors / (self.eigenvalues + precision)) @ self.vectors.T
        width = len(covariance) // self._classes
        blocks = covariance.reshape(self._classes, width, self._classes, width)
        return ClassBlocks(torch.stack([blocks[c, :, c] for c in range(self._classes)]))


@dataclass(frozen=True, eq=False)
class ClassBlocks:
    """The posterior covariance of each class' weights in the last layer."""

    covariances: Float64[Tensor, "classes width width"]

    def variances(
        self, inputs: Float64[Tensor, "images width"]
    ) -> Float64[Tensor, "images classes"]:
        """φᵀ (P⁻¹)_cc φ of each class c."""
        variances = [((inputs @ block) * inputs).sum(dim=1) for block in self.covariances]
        return torch.stack(variances, dim=1)


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


@dataclass(frozen=True, eq=False)
class LayerPosterior:
    """A layer's posterior covariance in the eigenbases of its factors.

    Attributes:
        input_basis, output_basis: eigenvectors, as columns.
        weights, biases: variances there; none where the layer has no biases.
    """

    input_basis: Float[Tensor, "inputs inputs"]
    output_basis: Float[Tensor, "outputs outputs"]
    weights: Float[Tensor, "outputs inputs"]
    biases: Float[Tensor, " outputs"] | None

    def variance(self, signals: Signals) -> Float[Tensor, "images directions"]:
        """Of the logits, as far as this layer's weights and biases cause it."""
        by_biases = signals.gradients.sum(dim=-1) @ self.output_basis
        if signals.inputs.shape[-1] == 1:  # the derivative is a product, whose square is one, too
            squared = (signals.inputs[..., 0] @ self.input_basis).square() @ self.weights.T
            total = (by_biases.square() @ squared[:, :, None])[..., 0]
        else:
            rotated = self.output_basis.T @ (signals.derivative() @ self.input_basis)
            total = (rotated.square() * self.weights).sum(dim=(2, 3))
        return total if self.biases is None else total + by_biases.square() @ self.biases

    def variances(self, inputs: Float64[Tensor, "images width"]) -> Float[Tensor, "images classes"]:
        """Of the logits, where this is the last layer, and the inputs may end in ones."""
        features = inputs[:, : len(self.input_basis)].float()
        each_class = torch.eye(len(self.output_basis)).expand(len(features), -1, -1)
        return self.variance(Signals(features[..., None], each_class[..., None]))


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
        """Of no image."""
        outputs, inputs = layer.weight.flatten(start_dim=1).shape
        zeros = [torch.zeros(size, size).double() for size in (inputs, outputs)]
        return cls(zeros[0], zeros[1], layer.bias is not None)

    def add(self, signals: Signals, images: int) -> None:
        """Add some of so many images."""
        inputs = signals.inputs.transpose(0, 1).flatten(start_dim=1)
        outputs = signals.gradients.permute(2, 0, 1, 3).flatten(start_dim=1)
        self.inputs += (inputs @ inputs.T).cpu() / (images * signals.inputs.shape[-1])
        self.outputs += (outputs @ outputs.T).cpu()

    @cached_property
    def decomposed(self) -> list[tuple[Float64[Tensor, " size"], Float64[Tensor, "size size"]]]:
        """Eigenvalues and eigenvectors of A and G; what only rounding makes negative is zero."""
        pairs = map(torch.linalg.eigh, (self.inputs, self.outputs))
        return [(values.clamp(min=0), vectors) for values, vectors in pairs]

    @property
    def eigenvalues(self) -> Float64[Tensor, " parameters"]:
        """Of the GGN, of weights and biases."""
        (input_values, _), (output_values, _) = self.decomposed
        weights = torch.outer(output_values, input_values).flatten()
        return torch.cat([weights, output_values]) if self.biased else weights

    def posterior(self, precision: float) -> LayerPosterior:
        """The covariance with a prior of this precision, in float32."""
        (input_values, inputs), (output_values, outputs) = self.decomposed
        weights = 1 / (torch.outer(output_values, input_values) + precision)
        biases = 1 / (output_values + precision)
        return LayerPosterior(
            inputs.float(),
            outputs.float(),
            weights.float(),
            biases.float() if self.biased else None,
        )


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
        self._network = deepcopy(network).eval().requires_grad_(True)
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

    def logits(self, images: Tensor) -> Float[Tensor, "images classes"]:
        """Of the network."""
        with torch.no_grad():
            outputs: Tensor = self._network(images)
        return outputs

    @torch.enable_grad()
    def signals(
        self, images: Tensor, directions: Float[Tensor, "images directions classes"]
    ) -> tuple[Float[Tensor, "images classes"], list[Signals]]:
        """The logits, and each layer's signals of Σ_c directions_c logits_c.

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
            for direction in directions.unbind(dim=1)
        ]
        signals = [
            _by_position(layer, layer_inputs.detach(), torch.stack(layer_gradients, 1))
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
            calls[layer].append((inputs[0], output))
            return output.clone()

        hooks = [layer.register_forward_hook(note) for layer in self.layers]
        try:
            yield calls
        finally:
            for hook in hooks:
                hook.remove()


def _by_position(
    layer: nn.Linear | nn.Conv2d,
    inputs: Float[Tensor, "images ..."],
    gradients: Float[Tensor, "images directions ..."],
) -> Signals:
    if isinstance(layer, nn.Conv2d):
        if isinstance(layer.padding, str):
            raise ValueError(f"a convolution's padding is given by name: {layer}")
        patches = unfold(inputs, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
        return Signals(patches, gradients.flatten(3))
    if inputs.ndim == 2:
        return Signals(inputs[:, :, None], gradients[..., None])
    return Signals(inputs.flatten(1, -2).transpose(1, 2), gradients.flatten(2, -2).transpose(2, 3))
