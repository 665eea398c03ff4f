"""What Laplace approximations share: the prior's precision by evidence, and the probit predictive.

The posterior of the weights is a Gaussian around the trained ones θ, of precision P = H + δ I: H is
the generalised Gauss–Newton matrix (GGN) of the cross-entropy, summed over the training images, and
δ the precision of a Gaussian prior with mean zero (Daxberger et al. 2021, sections 2 and 3).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Self, Unpack

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.given import GivenArguments
from methods.interface import LONG_PRESETS, Prediction
from methods.pooled import PooledMethod
from methods.posthoc.posteriors.evidence import LARGEST, SMALLEST, Evidence


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
        **given: Unpack[GivenArguments],
    ) -> Self:
        """The method, fitted, of a network that was trained elsewhere on these images.

        Args:
            module, given: see `Softmax.from_network`.
            images, labels: those that it was trained on.

        Raises:
            ValueError: as `Softmax.from_network`; or its weights cannot have such a posterior.
        """
        return cls.of_modules([module], given).fit(images, labels)

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
