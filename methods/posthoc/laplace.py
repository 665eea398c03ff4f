"""Laplace approximations, and those over the last layer by three curvatures.

The posterior of the weights is a Gaussian around the trained ones θ, of precision P = H + δ I: H is
the generalised Gauss–Newton matrix (GGN) of the cross-entropy, summed over the training images, and
δ the precision of a Gaussian prior with mean zero (Daxberger et al. 2021, sections 2 and 3). Logits
are linear in the weights: Gaussian with the full covariance, over which the softmax is integrated.

The published variants have laplace-torch's default, the probit of each logit's own variance. It
takes variance along (1, …, 1), to which the softmax is blind, for uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Self

import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot, pad
from torch.quasirandom import SobolEngine

from methods.determinism import derive_seed
from methods.engines.base import NetworkOutputs
from methods.interface import Prediction
from methods.pooled import SingleNetwork, require_features, require_labels
from methods.posthoc.kronecker import Factors, LayerPosterior
from methods.scores.score import NOT_LAST, is_last
from methods.shapes import Features, Labels

SMALLEST, LARGEST = 1e-4, 1e8
"""Prior precisions that are searched."""

Moments = tuple[Float[Tensor, "images classes"], Float[Tensor, "images classes classes"]]
"""Mean and covariance of the logits."""

SAMPLES = 128
"""Points of the integral: by them, the NLL of digits rotated by 45° is 2.000 ± 0.003, and by random
ones ± 0.007 (standard deviations over seeds, one network, 500 images)."""

NUMBERS = 4_000_000
"""Numbers in memory at once."""


def probit(
    mean: Float[Tensor, "images classes"], variance: Float[Tensor, "images classes"]
) -> Float[Tensor, "images classes"]:
    """Logits of the expected softmax: μ_c / √(1 + π σ²_c / 8) (MacKay 1992; Daxberger et al. 2021).

    >>> probit(torch.tensor([[3.0, 1.0]]), torch.tensor([[0.0, 24 / torch.pi]]))
    tensor([[3.0000, 0.5000]])
    """
    return mean / (1 + torch.pi / 8 * variance).sqrt()


@lru_cache
def normal_points(classes: int, *seeds: int) -> Float32[Tensor, "classes samples"]:
    """Scrambled Sobol' points (Owen 1998), as numbers of a standard normal distribution."""
    seed = derive_seed("laplace", *seeds)
    engine = SobolEngine(classes, scramble=True, seed=seed)  # type: ignore[no-untyped-call]
    uniform: Tensor = engine.draw(SAMPLES, dtype=torch.float64)
    points: Tensor = torch.special.ndtri(uniform.clamp(1e-9, 1 - 1e-9))
    return points.float().T.contiguous()


def expected_softmax(
    mean: Float[Tensor, "images classes"],
    covariance: Float[Tensor, "images classes classes"],
    points: Float32[Tensor, "classes samples"],
) -> Float64[Tensor, "images classes"]:
    """The mean softmax of Gaussian logits, by points of a standard normal distribution.

    >>> certain = expected_softmax(torch.zeros(1, 2), torch.zeros(1, 2, 2), torch.ones(2, 3))
    >>> certain
    tensor([[0.5000, 0.5000]], dtype=torch.float64)
    """
    total: Float64[Tensor, "images classes"] = gaussian_softmax(mean, covariance, points).mean(
        dim=2, dtype=torch.float64
    )
    return total / total.sum(dim=1, keepdim=True)


def gaussian_softmax(
    mean: Float[Tensor, "images classes"],
    covariance: Float[Tensor, "images classes classes"],
    points: Float32[Tensor, "classes samples"],
) -> Float32[Tensor, "images classes samples"]:
    """The softmax of Gaussian logits at each point of a standard normal distribution."""
    # The symmetric root, which has no signs to choose; rounding makes some eigenvalues negative.
    values, vectors = torch.linalg.eigh(covariance.double())
    roots = (vectors * values.clamp(min=0).sqrt()[:, None]) @ vectors.mT
    logits = mean[:, :, None].float() + roots.float() @ points
    # The softmax; torch's own takes longer where classes are few.
    exponentials = logits.sub_(logits.max(dim=1, keepdim=True).values).exp_()
    probabilities: Float32[Tensor, "images classes samples"] = exponentials.div_(
        exponentials.sum(dim=1, keepdim=True)
    )
    return probabilities


@dataclass(frozen=True, eq=False)
class MarginalLikelihood:
    """The log marginal likelihood as a function of the prior precision.

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
        if not self.eigenvalues.min().item() > -SMALLEST:  # NaN is not, either
            raise ValueError("the posterior's precision is singular, or has NaN")

        # Here, not above: methods that need no minimum are timed where it is not installed.
        from scipy.optimize import minimize_scalar

        minimum = minimize_scalar(
            lambda logarithm: -self.log_marginal_likelihood(math.exp(logarithm)),
            bounds=(math.log(SMALLEST), math.log(LARGEST)),
            method="bounded",
        )
        if not math.isfinite(minimum.fun):
            raise ValueError("the marginal likelihood is not finite, so no prior precision is best")
        return math.exp(float(minimum.x))


class Laplace(SingleNetwork):
    """A Gaussian over weights of one trained network, dropout off, and its linearised predictive.

    f ~ N(f_θ(x), J P⁻¹ Jᵀ) with J the Jacobian of the logits by these weights; the softmax is
    integrated by `SAMPLES` points that are the same for all images.

    The prior's precision δ is the setting ``prior_precision``; without one it has the largest
    marginal likelihood on the training images.

    Attributes:
        evidence: the marginal likelihood as a function of the prior's precision.
        precision: δ.
        by_probit: whether the probit takes the integral's place.
    """

    evidence: MarginalLikelihood
    precision: float
    group = "Laplace approximation"
    needs = frozenset({"training images"})
    prior_precision: float | None = None
    by_probit: ClassVar[bool] = False

    def predictive(self, steps: Iterable[Moments]) -> Prediction:
        """One prediction an image, from the moments of some images after those of others."""
        probabilities = torch.cat([self._integrated(*moments) for moments in steps])
        inside = 2 * SMALLEST < self.precision < LARGEST / 2
        remark = "" if inside else f"the prior precision {self.precision:.3g} is at its bound"
        return replace(Prediction.of(probabilities[None]), remark=remark)

    def _integrated(
        self,
        mean: Float[Tensor, "images classes"],
        covariance: Float[Tensor, "images classes classes"],
    ) -> Float64[Tensor, "images classes"]:
        if self.by_probit:
            return probit(mean.double(), covariance.diagonal(dim1=1, dim2=2)).softmax(dim=1)
        return expected_softmax(mean, covariance, self.points(mean.shape[1]))

    def points(self, classes: int) -> Float32[Tensor, "classes samples"]:
        """The points by which the Gaussian of so many logits is integrated."""
        return normal_points(classes, self.seed, self.replicate)


class LaplaceLastLayer(Laplace):
    """Last-layer Laplace (Daxberger et al. 2021), full GGN.

    With φ = [features, 1], without the 1 where there are no biases, and p the softmax,
    H = Σ_n (diag p_n − p_n p_nᵀ) ⊗ φ_n φ_nᵀ, and the covariance of logits c and d is φᵀ (P⁻¹)_cd φ.
    LeNet-5 has 850 such weights. In float64.
    """

    name = "laplace_last_layer"
    label = "Last-layer Laplace"
    citation = "Daxberger et al. 2021"
    reads = "features"
    _posterior: ClassBlocks | LayerPosterior

    def fit_outputs(self, outputs: NetworkOutputs, labels: Labels) -> Self:
        """Sum the GGN over the training images, and choose the prior.

        Raises:
            ValueError: the head is not the linear layer that gives the logits, or labels are no
                classes.
        """
        require_labels(labels, outputs.logits)
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
        self.precision = self.prior_precision or self.evidence.best_precision()
        self._posterior = curvature.posterior(self.precision)
        return self

    def predict_outputs(self, outputs: NetworkOutputs) -> Prediction:
        """One prediction an image: the Gaussian is integrated."""
        (features,) = require_features(outputs)
        size = len(self._weights) * max(SAMPLES, self._weights.shape[1])
        return self.predictive(map(self.moments, torch.split(features, max(1, NUMBERS // size))))

    def moments(self, features: Features) -> Moments:
        """Mean and covariance of the logits."""
        inputs = self._inputs(features)
        return inputs @ self._weights.T, self._posterior.covariances(inputs)

    def curvature(
        self,
        inputs: Float64[Tensor, "images width"],
        probabilities: Float64[Tensor, "images classes"],
        labels: Labels,
    ) -> FullCurvature | Factors:
        """H, decomposed: here the full GGN."""
        return FullCurvature(ggn(inputs, probabilities), probabilities.shape[1])

    def _inputs(self, features: Tensor) -> Float64[Tensor, "images width"]:
        """Factors of the weights: the features, and 1 where there are biases."""
        return pad(features.double(), (0, self._weights.shape[1] - features.shape[1]), value=1.0)


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
    tiers = frozenset({"published"})
    by_probit = True

    def curvature(
        self,
        inputs: Float64[Tensor, "images width"],
        probabilities: Float64[Tensor, "images classes"],
        labels: Labels,
    ) -> FullCurvature:
        """The sum of the outer products of all gradients, decomposed."""
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
    tiers = frozenset({"published"})
    by_probit = True

    def curvature(
        self,
        inputs: Float64[Tensor, "images width"],
        probabilities: Float64[Tensor, "images classes"],
        labels: Labels,
    ) -> Factors:
        """Both factors; biases have a precision of their own."""
        features = inputs[:, : self.fitted[0].head.in_features]
        return Factors(
            features.T @ features / len(features),
            probabilities.sum(dim=0).diag() - probabilities.T @ probabilities,
            biased=features.shape[1] < inputs.shape[1],
        )


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
    labels: Labels,
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
        """The covariance of the weights, with a prior of this precision."""
        covariance = (self.vectors / (self.eigenvalues + precision)) @ self.vectors.T
        width = len(covariance) // self._classes
        return ClassBlocks(covariance.reshape(self._classes, width, self._classes, width))


@dataclass(frozen=True, eq=False)
class ClassBlocks:
    """The posterior covariance of the weights of the last layer."""

    weights: Float64[Tensor, "classes width classes width"]

    def covariances(
        self, inputs: Float64[Tensor, "images width"]
    ) -> Float64[Tensor, "images classes classes"]:
        """φᵀ (P⁻¹)_cd φ of any two classes c and d."""
        classes = len(self.weights)
        total = inputs.new_empty(len(inputs), classes, classes)
        for c in range(classes):
            for d in range(c + 1):
                total[:, c, d] = ((inputs @ self.weights[c, :, d]) * inputs).sum(dim=1)
                total[:, d, c] = total[:, c, d]
        return total
