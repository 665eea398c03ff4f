"""Gaussian densities of the classes in the features: distance and likelihood.

A covariance that is singular has no inverse, and whatever stands for one decides the score. So it
is refused by name, and neither patched by a ridge nor by a pseudo-inverse.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from methods.scores.score import FitError, Of, Score


class SingularCovarianceError(FitError):
    """A covariance of features is singular, so there is no density."""


def fit_distance(features: Float[Tensor, "images width"], labels: Int64[Tensor, " images"]) -> Of:
    """The Mahalanobis distance to the nearest class (Lee et al. 2018, equation 2).

    min_c (f − μ_c)ᵀ Σ⁻¹ (f − μ_c), with the means μ_c of the classes and one covariance Σ of all
    images around the mean of their class, divided by their number; squared, in [0, ∞). Without the
    authors' perturbed inputs and other layers.

    Raises:
        SingularCovarianceError: Σ is singular.
    """
    means, centred = _centred(features.double(), labels)
    factor = _factor(centred.T @ centred / len(centred), "within classes")
    whitened_means = _whitened(means, factor)

    def distance(features: Float[Tensor, "images width"]) -> Float64[Tensor, " images"]:
        whitened = _whitened(features.double(), factor)
        each = [(whitened - mean).square().sum(dim=1) for mean in whitened_means]
        return torch.stack(each).amin(dim=0)

    return distance


def fit_density(features: Float[Tensor, "images width"], labels: Int64[Tensor, " images"]) -> Of:
    """The negative log-density of DDU (Mukhoti et al. 2023, algorithm 1).

    −log Σ_c π_c N(f; μ_c, Σ_c), with each class' share π_c, mean and covariance of the training
    images, divided by their number. Any real number. The authors add the smallest jitter that makes
    covariances invertible; here none is added.

    Raises:
        SingularCovarianceError: the covariance of a class is singular.
    """
    means, centred = _centred(features.double(), labels)
    counts = torch.bincount(labels, minlength=len(means))
    factors = [
        _factor(of_class.T @ of_class / len(of_class), f"of class {c}")
        for c, of_class in enumerate(centred[labels == c] for c in range(len(means)))
    ]
    shares = (counts.double() / len(labels)).log()

    def density(features: Float[Tensor, "images width"]) -> Float64[Tensor, " images"]:
        each = [
            share + _log_density(features.double() - mean, factor)
            for share, mean, factor in zip(shares, means, factors, strict=True)
        ]
        return -torch.stack(each).logsumexp(dim=0)

    return density


def _centred(
    features: Float64[Tensor, "images width"], labels: Int64[Tensor, " images"]
) -> tuple[Float64[Tensor, "classes width"], Float64[Tensor, "images width"]]:
    """The classes' means, and the features around the mean of their class.

    Raises:
        FitError: a class has no image.
    """
    counts = torch.bincount(labels)
    if not counts.all():
        raise FitError(f"class {int(counts.argmin())} has no training image")
    totals = features.new_zeros(len(counts), features.shape[1]).index_add_(0, labels, features)
    means = totals / counts[:, None]
    return means, features - means[labels]


def _factor(covariance: Float64[Tensor, "width width"], of: str) -> Float64[Tensor, "width width"]:
    """Its Cholesky factor.

    Raises:
        SingularCovarianceError: its rank is not full, by the tolerance of NumPy's `matrix_rank`.
    """
    values = torch.linalg.eigvalsh(covariance)
    tolerance = values[-1] * len(values) * torch.finfo(values.dtype).eps
    rank = int((values > tolerance).sum())
    if rank < len(values):
        raise SingularCovarianceError(
            f"the covariance of the features {of} is singular: rank {rank} of {len(values)}"
        )
    factor: Tensor = torch.linalg.cholesky(covariance)
    return factor


def _whitened(
    rows: Float64[Tensor, "rows width"], factor: Float64[Tensor, "width width"]
) -> Float64[Tensor, "rows width"]:
    columns: Tensor = torch.linalg.solve_triangular(factor, rows.T, upper=False)
    return columns.T


def _log_density(
    centred: Float64[Tensor, "images width"], factor: Float64[Tensor, "width width"]
) -> Float64[Tensor, " images"]:
    squared = _whitened(centred, factor).square().sum(dim=1)
    log_determinant = 2 * factor.diagonal().log().sum()
    return -0.5 * (squared + log_determinant + len(factor) * math.log(2 * math.pi))


MAHALANOBIS = Score(
    name="mahalanobis",
    label="Mahalanobis distance",
    needs=frozenset({"features"}),
    fit=fit_distance,
    citation="Lee et al. 2018, equation 2",
    formula="min_c (f − μ_c)ᵀ Σ⁻¹ (f − μ_c), with features f, class means μ_c and the covariance Σ "
    "within classes",
    in_figures=False,
)

DDU = Score(
    name="ddu",
    label="DDU density",
    needs=frozenset({"features"}),
    fit=fit_density,
    unit="nats",
    citation="Mukhoti et al. 2023, algorithm 1",
    formula="−log Σ_c π_c N(f; μ_c, Σ_c), with features f and a Gaussian of each class",
    in_figures=False,
)
