"""Laplace approximations over the last layer, by three curvatures, and over all layers.

The posterior of the weights is a Gaussian around the trained ones θ, of precision P = H + δ I: H is
the generalised Gauss–Newton matrix (GGN) of the cross-entropy, summed over the training images, and
δ the precision of a Gaussian prior with mean zero (Daxberger et al. 2021, sections 2 and 3), chosen
by evidence. The predictive is the probit's.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any, Self

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from methods.interface import Prediction
from methods.pooled import SingleNetwork
from methods.posthoc.posteriors import (
    LARGEST,
    SMALLEST,
    Curvature,
    Factors,
    Layer,
    LayerSignals,
    MarginalLikelihood,
    Signals,
    fisher,
    ggn,
)
from methods.scores.score import CHECKED, NOT_LAST, is_last


def probit(
    mean: Float[Tensor, "images classes"], variance: Float[Tensor, "images classes"]
) -> Float[Tensor, "images classes"]:
    """Logits of the expected softmax: μ_c / √(1 + π σ²_c / 8) (MacKay 1992; Daxberger et al. 2021).

    >>> probit(torch.tensor([[3.0, 1.0]]), torch.tensor([[0.0, 24 / torch.pi]]))
    tensor([[3.0000, 0.5000]])
    """
    return mean / (1 + torch.pi / 8 * variance).sqrt()


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

    @abstractmethod
    def moments(
        self, images: Tensor
    ) -> tuple[Float[Tensor, "images classes"], Float[Tensor, "images classes"]]:
        """Mean and variance of each logit."""

    def predict(self, images: Tensor) -> Prediction:
        """One prediction an image: the Gaussian is integrated, not sampled."""
        logits = probit(*self.moments(images))
        return replace(Prediction.of_logits(logits[None]), remark=self._remark())

    def _remark(self) -> str:
        inside = 2 * SMALLEST < self.precision < LARGEST / 2
        return "" if inside else f"the prior precision {self.precision:.3g} is at its bound"


class LaplaceLastLayer(Laplace):
    """Last-layer Laplace (Daxberger et al. 2021), full GGN, prior precision by evidence.

    With φ = [features, 1], without the 1 where there are no biases, and p the softmax,
    H = Σ_n (diag p_n − p_n p_nᵀ) ⊗ φ_n φ_nᵀ, and the variance of logit c is φᵀ (P⁻¹)_cc φ.
    LeNet-5 has 850 such weights. In float64.
    """

    name = "laplace_last_layer"
    label = "Last-layer Laplace"
    citation = "Daxberger et al. 2021"
    _posterior: Any

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Take the network, sum the GGN over the training images and choose the prior.

        Raises:
            ValueError: the head is not the linear layer that gives the logits.
        """
        super().fit(images, labels)
        (features,) = self.features(images)
        head = self.fitted[0].head
        self._weights = _weights_of(head)
        (logits,) = self.prepared.logits(images[:CHECKED])
        if not is_last(head, features[:CHECKED], logits):
            raise ValueError(NOT_LAST)
        inputs = self._inputs(features)
        logits = inputs @ self._weights.T
        curvature = self.curvature(inputs, logits.softmax(dim=1), labels)
        self.evidence = MarginalLikelihood(
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
        return pad(features.double(), (0, biases), value=1.0)


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
    ) -> Curvature:
        """The sum of the outer products of all gradients, decomposed."""
        return Curvature.of(fisher(inputs, probabilities, labels), probabilities.shape[1])


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
        """Both factors."""
        features = self._without_ones(inputs)
        return Factors(
            features.T @ features / len(features),
            probabilities.sum(dim=0).diag() - probabilities.T @ probabilities,
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
    citation = "Ritter et al. 2018; Daxberger et al. 2021"

    def fit(self, images: Tensor, labels: Tensor) -> Self:
        """Take the network, sum the factors over the training images and choose the prior.

        Raises:
            ValueError: no layer is linear or a convolution, one is not used exactly once, or the
                posterior is singular.
        """
        super().fit(images, labels)
        signals = LayerSignals(self.fitted[0])
        log_likelihood, factors = _factors(signals, images, labels, self.device)
        self.evidence = MarginalLikelihood(
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
    log_likelihood, totals = 0.0, [Factors.zero(layer) for layer in signals.layers]
    for batch, of_batch in zip(torch.split(images, BATCH), torch.split(labels, BATCH), strict=True):
        logits = signals.logits(batch.to(device))
        log_likelihood -= cross_entropy(logits.cpu().double(), of_batch, reduction="sum").item()
        _, of_layers = signals.of(batch.to(device), _roots(logits.softmax(dim=1)))
        for total, of_layer in zip(totals, of_layers, strict=True):
            total.add(of_layer, len(images))
    return log_likelihood, totals


def _roots(p: Float[Tensor, "images classes"]) -> Float[Tensor, "images classes classes"]:
    """Rows √p_c (e_c − p), whose outer products add up to diag p − p pᵀ."""
    return p.sqrt()[:, :, None] * (torch.eye(p.shape[1]).to(p) - p[:, None, :])


def _square_norm(layer: Layer) -> float:
    tensors = (layer.weight, layer.bias) if layer.bias is not None else (layer.weight,)
    return sum(one.detach().double().square().sum().item() for one in tensors)
