"""Which channels dropout keeps, drawn on the CPU whatever the device."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from methods.networks.lenet5 import CHANNELS
from methods.seeds import derive_seed


def draw_masks(random: np.random.Generator, masks: int, dropout: float) -> Bool[Tensor, "masks 22"]:
    """Independent masks over LeNet-5's 22 channels: each channel is kept with chance 1 - dropout.

    >>> draw_masks(np.random.default_rng(0), 2, dropout=0.0).all()
    tensor(True)
    """
    return torch.from_numpy(random.random((masks, sum(CHANNELS)), dtype=np.float32) >= dropout)


def pass_masks(seed: int, replicate: int, passes: int, dropout: float) -> Bool[Tensor, "passes 22"]:
    """The masks of MC-dropout's passes; pass t's is a function of (seed, replicate, t) alone.

    So ten passes are a prefix of a hundred, and results depend neither on the batch split nor on
    the device.

    >>> torch.equal(pass_masks(0, 0, 100, 0.5)[:10], pass_masks(0, 0, 10, 0.5))
    True
    """
    seeds = (derive_seed("mc_dropout", seed, replicate, t) for t in range(passes))
    return torch.cat([draw_masks(np.random.default_rng(s), 1, dropout) for s in seeds])
