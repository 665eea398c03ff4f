"""The one temperature by which a prediction has the smallest NLL, and where it is searched."""

from __future__ import annotations

import math
from collections.abc import Callable

from jaxtyping import Float, Int64
from torch import Tensor

COLDEST, HOTTEST = 1 / 20, 20.0
"""Temperatures that are searched."""

NEAR = 1.001
"""Within this factor of a bound, a temperature is at the bound."""


def temperature_of_least_nll(nll: Callable[[float], float]) -> float:
    """The temperature from 1/20 to 20 by which a prediction has the smallest NLL.

    Args:
        nll: of the inverse of a temperature; for one network it is convex in it, so that there is
            one minimum.

    Raises:
        ValueError: the NLL is not finite, so that it has no minimum.
    """
    # Here, not above: methods that need no minimum are timed where it is not installed.
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(nll, bounds=(1 / HOTTEST, 1 / COLDEST), method="bounded")
    if not math.isfinite(found.fun):
        raise ValueError(
            f"the NLL of the calibration images is {found.fun} at every temperature; check that "
            "all logits are finite"
        )
    return 1 / float(found.x)


def at_bound(temperature: float) -> str:
    """A remark where the minimum may lie beyond what was searched; else empty.

    >>> at_bound(1.2), at_bound(20.0)
    ('', 'the temperature 20 is at its bound')
    """
    searched = COLDEST * NEAR < temperature < HOTTEST / NEAR
    return "" if searched else f"the temperature {temperature:.3g} is at its bound"


def nll_of_members(
    logits: Float[Tensor, "members images classes"],
    labels: Int64[Tensor, " images"],
    inverse: float,
) -> float:
    """The NLL of the mean of members whose logits are all multiplied by one number.

    Mean over images of −log (1/M Σ_m softmax(logits_m / T)_y), in nats, with 1/T the number.

    >>> import torch
    >>> round(nll_of_members(torch.zeros(2, 1, 4), torch.tensor([3]), 0.5), 4)  # log 4
    1.3863
    """
    logarithms = (logits * inverse).log_softmax(dim=-1)
    of_label = logarithms.gather(-1, labels.expand(len(logits), -1)[..., None])[..., 0]
    return float(math.log(len(logits)) - of_label.logsumexp(dim=0).mean())
