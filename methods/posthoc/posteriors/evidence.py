"""The marginal likelihood of a Laplace approximation, which chooses the prior's precision."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Float64
from torch import Tensor

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
