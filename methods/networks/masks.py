"""Which channels dropout keeps, drawn on the CPU whatever the device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Int64
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
    the device. All come from one draw, row after row, of a generator whose numbers are functions
    of its key and their position (Philox 4x64, Salmon et al. 2011).

    >>> torch.equal(pass_masks(0, 0, 100, (6,), 0.5)[:10], pass_masks(0, 0, 10, (6,), 0.5))
    True
    """
    random = np.random.Generator(_pass_numbers(seed, replicate))
    return draw_masks(random, passes, channels, dropout)


def pass_seeds(seed: int, replicate: int, passes: int) -> Int64[Tensor, " passes"]:
    """A seed in [0, 2^63) for each of MC-dropout's passes, where widths are not known before.

    Seed t, too, is a function of (seed, replicate, t) alone.

    >>> torch.equal(pass_seeds(0, 0, 100)[:10], pass_seeds(0, 0, 10))
    True
    """
    return torch.from_numpy((_pass_numbers(seed, replicate).random_raw(passes) >> 1).view(np.int64))


def _pass_numbers(seed: int, replicate: int) -> np.random.Philox:
    return np.random.Philox(key=derive_seed("mc_dropout", seed, replicate))
