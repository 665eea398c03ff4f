from __future__ import annotations

import numpy as np
import pytest
import torch

from methods.networks.lenet5 import LeNet5
from methods.networks.masks import draw_masks, pass_masks

CHANNELS = LeNet5.channels


@pytest.mark.parametrize("dropout", [0.1, 0.5, 0.8])
def test_channels_are_kept_with_chance_one_minus_dropout(dropout: float) -> None:
    masks = draw_masks(np.random.default_rng(0), 20_000, CHANNELS, dropout)
    error = (dropout * (1 - dropout) / 20_000) ** 0.5
    assert masks.shape == (20_000, 22)
    assert (masks.double().mean(0) - (1 - dropout)).abs().max() < 4.5 * error


def test_a_pass_does_not_depend_on_how_many_there_are() -> None:
    assert torch.equal(
        pass_masks(3, 2, 100, CHANNELS, 0.5)[:10], pass_masks(3, 2, 10, CHANNELS, 0.5)
    )


@pytest.mark.parametrize("other", [(1, 0), (0, 1)])
def test_seeds_and_replicates_have_masks_of_their_own(other: tuple[int, int]) -> None:
    assert not torch.equal(
        pass_masks(0, 0, 10, CHANNELS, 0.5), pass_masks(*other, 10, CHANNELS, 0.5)
    )


def test_passes_differ() -> None:
    assert len(pass_masks(0, 0, 100, CHANNELS, 0.5).unique(dim=0)) == 100
