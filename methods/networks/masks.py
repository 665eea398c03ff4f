"""Which channels dropout keeps, drawn on the CPU whatever the device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from methods.seeds import derive_seed


def draw_masks(
    random: np.random.Generator, masks: int, channels: Sequence[int], dropout: float
) -> Bool[Tensor, "masks channels"]:
    """Independent masks over all channels: each is kept with chance 1 - dropout.

    ``channels``: the width of each dropout site.

    >>> draw_masks(np.random.default_rng(0), 2, (6, 16), dropout=0.0).all()
    tensor(True)
    """
    return torch.from_numpy(random.random((masks, sum(channels)), dtype=np.float32) >= dropout)


def pass_masks(
    seed: int, replicate: int, passes: int, channels: Sequence[int], dropout: float
) -> Bool[Tensor, "passes channels"]:
    """The masks of MC-dropout's passes; pass t's is a function of (seed, replicate, t) alone.

    So ten passes are a prefix of a hundred, and results depend neither on the batch split nor on
    the device.

    >>> torch.equal(pass_masks(0, 0, 100, (6,), 0.5)[:10], pass_masks(0, 0, 10, (6,), 0.5))
    True
    """
    return torch.cat(
        [
            draw_masks(np.random.default_rng(one), 1, channels, dropout)
            for one in pass_seeds(seed, replicate, passes)
        ]
    )


def pass_seeds(seed: int, replicate: int, passes: int) -> list[int]:
    """The seeds of MC-dropout's passes."""
    return [derive_seed("mc_dropout", seed, replicate, t) for t in range(passes)]
