"""How far an image's features are from those of training images."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torch.nn.functional import normalize

from methods.scores.score import FitError, Of, Score

NEIGHBOUR = 50
"""k, as the authors choose it for 50,000 training images."""

MOST = 5_500
"""At most so many training images are searched, with a k that is smaller in proportion.

The authors search a random part as well, down to a hundredth of the images, and lose little.
"""

SEED = 0
"""Of which training images these are."""

BLOCK = 2_000
"""How many images are compared with all of these at once."""


def fit_neighbour(
    features: Float[Tensor, "images width"],
    labels: Int64[Tensor, " images"],
    *,
    neighbour: int = NEIGHBOUR,
    most: int = MOST,
) -> Of:
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

    def distance(features: Float[Tensor, "images width"]) -> Float64[Tensor, " images"]:
        blocks = torch.split(normalize(features.float()), BLOCK)
        return torch.cat([_distance_to(bank, k, block) for block in blocks])

    return distance


def _distance_to(
    bank: Float[Tensor, "bank width"], k: int, block: Float[Tensor, "images width"]
) -> Float64[Tensor, " images"]:
    """To the k-th nearest; which that is, is found in single precision, how far it is in double."""
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
