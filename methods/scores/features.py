"""Scores fitted to features of training images: Gaussian densities, neighbours, a virtual logit.

A covariance that is singular has no inverse, and whatever stands for one decides the score. So it
is refused by name, and neither patched by a ridge nor by a pseudo-inverse.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn
from torch.nn.functional import normalize

from methods.scores.score import FitError, Score, ScoreFunction
from methods.shapes import Features, Labels


class SingularCovarianceError(FitError):
    """A covariance of features is singular, so there is no density."""


def fit_distance(features: Features, labels: Labels) -> ScoreFunction:
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

    def distance(features: Features) -> Float64[Tensor, " images"]:
        whitened = _whitened(features.double(), factor)
        each = [(whitened - mean).square().sum(dim=1) for mean in whitened_means]
        return torch.stack(each).amin(dim=0)

    return distance


def fit_density(features: Features, labels: Labels) -> ScoreFunction:
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
        _factor(rows.T @ rows / len(rows), f"of class {c}")
        for c, rows in enumerate(centred[labels == c] for c in range(len(means)))
    ]
    shares = (counts.double() / len(labels)).log()

    def density(features: Features) -> Float64[Tensor, " images"]:
        each = [
            share + _log_density(features.double() - mean, factor)
            for share, mean, factor in zip(shares, means, factors, strict=True)
        ]
        return -torch.stack(each).logsumexp(dim=0)

    return density


def _centred(
    features: Float64[Tensor, "images width"], labels: Labels
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


def _factor(
    covariance: Float64[Tensor, "width width"], which: str
) -> Float64[Tensor, "width width"]:
    """Its Cholesky factor.

    Raises:
        SingularCovarianceError: its rank is not full, by the tolerance of NumPy's `matrix_rank`.
    """
    values = torch.linalg.eigvalsh(covariance)
    tolerance = values[-1] * len(values) * torch.finfo(values.dtype).eps
    rank = int((values > tolerance).sum())
    if rank < len(values):
        raise SingularCovarianceError(
            f"the covariance of the features {which} is singular: rank {rank} of {len(values)}"
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


NEIGHBOUR = 50
"""k, as the authors choose it for 50,000 training images."""

MOST = 5_500
"""Largest number of training images that are searched, with a k that is smaller in proportion.

The authors search a random part as well, down to a hundredth of the images, and lose little.
"""

SEED = 0
"""Seed of the draw of these training images."""

BLOCK = 64
"""How many images are compared with all of these at once: few, so that a cache has the products."""


def fit_neighbour(
    features: Features, labels: Labels, *, neighbour: int = NEIGHBOUR, most: int = MOST
) -> ScoreFunction:
    """The distance to the k-th nearest training image (Sun et al. 2022, section 3).

    ‖z − z_(k)‖ between features of unit length, in [0, 2]. A k of 50 among all training images
    becomes 5 where a tenth of them is searched.

    Args:
        features, labels: of the training images.
        neighbour: k, were all images searched.
        most: how many are searched; of more a part is drawn at random, by a fixed seed.

    Raises:
        FitError: there are fewer than k training images.
    """
    if len(features) < neighbour:
        raise FitError(f"there are {len(features)} training images, fewer than k = {neighbour}")
    generator = torch.Generator().manual_seed(SEED)
    drawn = torch.randperm(len(features), generator=generator)[:most]
    bank = normalize(features[drawn].float())
    k = max(1, round(neighbour * len(bank) / len(features)))

    def distance(features: Features) -> Float64[Tensor, " images"]:
        blocks = torch.split(normalize(features.float()), BLOCK)
        return torch.cat([_distance_to(bank, k, block) for block in blocks])

    return distance


def _distance_to(
    bank: Float[Tensor, "bank width"], k: int, block: Float[Tensor, "images width"]
) -> Float64[Tensor, " images"]:
    """Distance to the k-th nearest, which is found in single precision and measured in double."""
    nearest = (block @ bank.T).topk(k, dim=1).indices
    apart = bank[nearest].double() - block[:, None].double()
    return apart.square().sum(dim=2).amax(dim=1).sqrt()


KNN = Score(
    name="knn",
    label="k-th neighbour",
    needs=frozenset({"features"}),
    fit=fit_neighbour,
    citation="Sun et al. 2022, section 3",
    formula="‖z − z_(k)‖, with features z of unit length and the k-th nearest z_(k) of at most "
    f"{MOST:,} training images; k is as large a part of these as {NEIGHBOUR} of all",
    in_figures=False,
)


NO_RESIDUAL_SPACE = "the features have no more directions than the principal ones"


def fit_virtual_logit(
    features: Features, labels: Labels, head: nn.Linear, *, principal: int | None = None
) -> ScoreFunction:
    """ViM: the virtual logit less the energy of the others (Wang et al. 2022, equations 4 to 7).

    α ‖P⊥ (f − o)‖ − log Σ_c exp z_c, any real number. o = −W⁺ b is where the logits are 0; P⊥
    projects on all but the principal directions of the training images around o; α makes the
    virtual logit on average as large as their largest logits. Half of all directions are principal:
    the authors take 1000 of 2048 and 512 of 768, and say nothing of fewer than 512 features.

    Args:
        features, labels: of the training images.
        head: the last layer, z = W f + b.

    Raises:
        FitError: the training images have nothing beside the principal directions.
    """
    kept = features.shape[1] // 2
    if kept == 0:
        raise FitError(NO_RESIDUAL_SPACE)
    weight, bias = (parameter.detach().double().cpu() for parameter in (head.weight, head.bias))
    origin = -torch.linalg.pinv(weight) @ bias
    centred = features.double() - origin
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    beside = vectors[:, :-kept]
    residuals = (centred @ beside).norm(dim=1)
    if values[beside.shape[1] - 1] <= values[-1] * len(values) * torch.finfo(values.dtype).eps:
        raise FitError(NO_RESIDUAL_SPACE)
    logits = features.double() @ weight.T + bias
    scale = logits.amax(dim=1).mean() / residuals.mean()

    def virtual_logit(features: Features) -> Float64[Tensor, " images"]:
        doubles = features.double()
        energy = -(doubles @ weight.T + bias).logsumexp(dim=1)
        score: Tensor = scale * ((doubles - origin) @ beside).norm(dim=1) + energy
        return score

    return virtual_logit


VIM = Score(
    name="vim",
    label="Virtual logit",
    needs=frozenset({"features", "head"}),
    fit=fit_virtual_logit,
    citation="Wang et al. 2022, equations 4 to 7",
    formula="α ‖P⊥ (f − o)‖ − log Σ_c exp z_c, with features f, logits z and P⊥ beside half of "
    "their directions",
    in_figures=False,
)
