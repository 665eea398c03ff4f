"""How little a class fits an image: what conformal prediction sets are formed by.

A set score gives every class of an image a number; the set holds the classes up to a threshold,
which is chosen on calibration images. Ties between classes go to the lowest class.

Two of the scores are randomised, as their authors have it: without a uniform number an image a set
would always hold the most probable class, and so cover more than it promises wherever a classifier
is more accurate than that. The numbers are functions of a seed and of the image's position, so they
are the same for all methods and all runs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

PENALTY, UNPENALISED = 0.01, 1
"""RAPS' λ and k_reg: what each class of the set costs beyond the first.

The authors set k_reg to the rank that the label of most held-out images has at most: 1 for each
classifier that is right more often than the sets are to cover. λ is one of those they search. Both
are fixed, so that no image is needed to choose them.
"""

SEEDS = {"calibration": 1, "measured": 2}
"""Of the uniform numbers: an image that is measured has none of a calibration image."""

SetScore = Callable[
    [Float[Tensor, "images classes"], Float64[Tensor, " images"]],
    Float64[Tensor, "images classes"],
]
"""From probabilities, and a uniform number an image, to a score a class; higher fits less."""


def lac(
    mean: Float[Tensor, "images classes"], uniform: Float64[Tensor, " images"]
) -> Float64[Tensor, "images classes"]:
    """1 − p̄_c (Sadinle, Lei & Wasserman 2019, section 2): the smallest sets on average.

    >>> lac(torch.tensor([[0.75, 0.25]]), torch.zeros(1))
    tensor([[0.2500, 0.7500]], dtype=torch.float64)
    """
    return 1 - mean.double()


def aps(
    mean: Float[Tensor, "images classes"], uniform: Float64[Tensor, " images"]
) -> Float64[Tensor, "images classes"]:
    """Probability of the classes before and of a part of c (Romano, Sesia & Candès 2020, eq. 7).

    Σ_{k up to c} p̄_k − u p̄_c over classes by falling probability, with u uniform in [0, 1).

    >>> aps(torch.tensor([[0.25, 0.75]]), torch.tensor([0.5]))
    tensor([[0.8750, 0.3750]], dtype=torch.float64)
    """
    return raps(mean, uniform, penalty=0.0)


def raps(
    mean: Float[Tensor, "images classes"],
    uniform: Float64[Tensor, " images"],
    *,
    penalty: float = PENALTY,
    unpenalised: int = UNPENALISED,
) -> Float64[Tensor, "images classes"]:
    """APS and a penalty that grows with the rank (Angelopoulos et al. 2021, equation 5).

    APS' score + λ max(0, rank_c − k_reg), ranks from 1.

    >>> raps(torch.tensor([[0.25, 0.75]]), torch.tensor([0.5]), penalty=1.0)
    tensor([[1.8750, 0.3750]], dtype=torch.float64)
    """
    ordered, classes = mean.double().sort(dim=1, descending=True, stable=True)
    ranks = torch.arange(1, mean.shape[1] + 1, dtype=torch.float64)
    scores = ordered.cumsum(dim=1) - uniform[:, None] * ordered
    scores += penalty * (ranks - unpenalised).clamp(min=0)
    return torch.empty_like(scores).scatter_(1, classes, scores)


def uniform_numbers(seed: int, first: int, count: int) -> Float64[Tensor, " images"]:
    """Numbers in [0, 1), each a function of the seed and of its position alone.

    >>> torch.equal(uniform_numbers(1, 0, 8)[3:], uniform_numbers(1, 3, 5))
    True
    """
    by_four, left = divmod(first, 4)  # numbers that the generator gives in one step
    generator = np.random.Generator(np.random.Philox(key=seed).advance(by_four))
    return torch.from_numpy(generator.random(left + count)[left:])
