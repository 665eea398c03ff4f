"""What Laplace approximations share: the prior's precision by evidence, and the probit predictive.

The posterior of the weights is a Gaussian around the trained ones θ, of precision P = H + δ I: H is
the generalised Gauss–Newton matrix (GGN) of the cross-entropy, summed over the training images, and
δ the precision of a Gaussian prior with mean zero (Daxberger et al. 2021, sections 2 and 3).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from methods.given_networks.pool import GivenPool
from methods.interface import LONG_PRESETS, Prediction
from methods.pooled import PooledMethod

SMALLEST, LARGEST = 1e-4, 1e8
"""Prior precisions that are searched."""


@dataclass(frozen=True, eq=False)
class Evidence:
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


def probit(
    mean: Float[Tensor, "images classes"], variance: Float[Tensor, "images classes"]
) -> Float[Tensor, "images classes"]:
    """Logits of the expected softmax: μ_c / √(1 + π σ²_c / 8) (MacKay 1992; Daxberger et al. 2021).

    >>> probit(torch.tensor([[3.0, 1.0]]), torch.tensor([[0.0, 24 / torch.pi]]))
    tensor([[3.0000, 0.5000]])
    """
    return mean / (1 + torch.pi / 8 * variance).sqrt()


class Laplace(PooledMethod):
    """A Gaussian over weights of one trained network, dropout off, and its linearised predictive.

    f ~ N(f_θ(x), J P⁻¹ Jᵀ) with J the Jacobian of the logits by these weights; probabilities by
    the probit.

    Attributes:
        evidence: the marginal likelihood as a function of the prior's precision.
        precision: δ, of the largest marginal likelihood on the training images.
    """

    evidence: Evidence
    precision: float
    group = "Laplace approximation"
    needs = frozenset({"training images"})
    presets = LONG_PRESETS

    @classmethod
    def from_network(
        cls,
        module: nn.Module,
        images: Tensor,
        labels: Tensor,
        *,
        features: str | None = None,
        device: str = "cpu",
        batch_size: int = 64,
    ) -> Self:
        """The method, fitted, of a network that was trained elsewhere on these images.

        Args:
            module, features, device, batch_size: see `Softmax.from_network`.
            images, labels: those that it was trained on.

        Raises:
            ValueError: as `Softmax.from_network`; or its weights cannot have such a posterior.
        """
        pool = GivenPool.of([module], features=features, device=device, batch_size=batch_size)
        return cls(device=device, pool=pool).fit(images, labels)

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
