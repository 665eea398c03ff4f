"""Layers switched on by our masks, against the same layers in training mode."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from methods.given import GivenNetwork, switched_on

ELEMENTWISE = [(nn.Dropout, (5, 7)), (nn.Dropout, (5, 3, 4, 4))]
CHANNELS = [
    (nn.Dropout1d, (5, 6, 9)),
    (nn.Dropout2d, (5, 6, 4, 4)),
    (nn.Dropout3d, (5, 6, 2, 4, 4)),
]
KINDS = pytest.mark.parametrize(
    ("kind", "shape"), ELEMENTWISE + CHANNELS, ids=lambda value: getattr(value, "__name__", None)
)


def on(layer: nn.Module, inputs: Tensor, seed: int = 0) -> Tensor:
    return switched_on(layer, inputs, np.random.default_rng(seed))


@KINDS
@pytest.mark.parametrize("p", [0.2, 0.5])
def test_numbers_are_those_of_the_layer_in_training_mode(
    kind: type[nn.Module], shape: tuple[int, ...], p: float
) -> None:
    """A number is kept or dropped; both become a linear function of the input."""
    layer = kind(p).train()
    for value in (0.0, 1.0, -3.0):
        inputs = torch.full((64, *shape[1:]), value)
        with torch.random.fork_rng(devices=[]):
            theirs = layer(inputs)
        ours = torch.stack([on(layer, inputs, seed) for seed in range(64)])
        expected, found = (torch.unique(x.double().mul(1e5).round()) for x in (theirs, ours))
        torch.testing.assert_close(found, expected, atol=1, rtol=0)


@KINDS
def test_one_mask_serves_all_images(kind: type[nn.Module], shape: tuple[int, ...]) -> None:
    outputs = on(kind(0.5), torch.ones(shape))
    assert torch.equal(outputs, outputs[:1].expand(shape))
    more = on(kind(0.5), torch.ones(2, *shape[1:]))
    assert torch.equal(more[0], outputs[0])


@pytest.mark.parametrize(("kind", "shape"), CHANNELS)
def test_channels_are_dropped_as_a_whole(kind: type[nn.Module], shape: tuple[int, ...]) -> None:
    outputs = torch.cat([on(kind(0.5), torch.ones(shape), seed)[0] for seed in range(20)])
    assert torch.equal(outputs.flatten(1).amin(dim=1), outputs.flatten(1).amax(dim=1))
    assert len(outputs.flatten(1)[:, 0].unique()) == 2


@KINDS
@pytest.mark.parametrize("p", [0.0, 1.0])
def test_nothing_or_everything_is_dropped(
    kind: type[nn.Module], shape: tuple[int, ...], p: float
) -> None:
    inputs = torch.rand(shape)
    torch.testing.assert_close(on(kind(p), inputs), inputs * (1 - p))


def test_layers_of_every_kind_are_found_by_name() -> None:
    class Own(nn.Dropout2d):
        """A subclass that computes as its base class does."""

    module = nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.Sequential(nn.Dropout1d(), Own()))
    assert list(GivenNetwork(module).dropouts) == ["1", "2.0", "2.1"]


def test_layer_that_drops_in_its_own_way_is_named() -> None:
    class Own(nn.Dropout):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs * 2

    with pytest.raises(ValueError, match=r"'1' has a forward of its own \(Own\)"):
        GivenNetwork(nn.Sequential(nn.Linear(2, 2), Own())).require_dropout()
    with pytest.raises(ValueError, match=r"'0' has a forward of its own \(AlphaDropout\)"):
        GivenNetwork(nn.Sequential(nn.AlphaDropout())).require_dropout()
