from __future__ import annotations

import numpy as np
import pytest
import torch

from methods.networks.architectures import LeNet5
from methods.networks.network import draw_masks, is_blank, pass_masks, pass_seeds

CHANNELS = LeNet5.channels


@pytest.mark.parametrize("dropout", [0.1, 0.5, 0.8])
def test_channels_are_kept_with_chance_one_minus_dropout(dropout: float) -> None:
    masks = draw_masks(np.random.default_rng(0), 20_000, CHANNELS, dropout)
    error = (dropout * (1 - dropout) / 20_000) ** 0.5
    assert masks.shape == (20_000, 22)
    assert (masks.double().mean(0) - (1 - dropout)).abs().max() < 4.5 * error


@pytest.mark.parametrize("passes", [0, 1, 3, 10, 99])
def test_a_pass_does_not_depend_on_how_many_there_are(passes: int) -> None:
    assert torch.equal(
        pass_masks(3, 2, 100, CHANNELS, 0.5)[:passes], pass_masks(3, 2, passes, CHANNELS, 0.5)
    )
    assert torch.equal(pass_seeds(3, 2, 100)[:passes], pass_seeds(3, 2, passes))


def test_blank_masks_are_as_rare_as_their_chance() -> None:
    masks = pass_masks(0, 0, 20_000, CHANNELS, 0.5)
    chance = 1 - np.prod([1 - 0.5**width for width in CHANNELS])
    error = np.sqrt(chance * (1 - chance) / 20_000)
    assert is_blank(masks, CHANNELS).double().mean().item() == pytest.approx(chance, abs=4 * error)


@pytest.mark.parametrize("passes", [1, 20, 300])
def test_without_blanks_the_others_move_up(passes: int) -> None:
    every = pass_masks(3, 2, 1000, CHANNELS, 0.7)
    blank = is_blank(every, CHANNELS)
    assert blank[:passes].any() or passes == 1
    assert torch.equal(
        pass_masks(3, 2, passes, CHANNELS, 0.7, blanks=False), every[~blank][:passes]
    )
