"""Masksembles, beside the authors' library."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from methods.networks.architectures import LeNet5ReLU
from methods.networks.recipes import LabelledImages
from methods.trained.masksembles import Masked, Masksembles, MasksemblesNetwork, overlapping_masks
from tests.methods.trained.conftest import begun, lenet, random

MEMBERS, SCALE = 4, 2.0


def overlap(masks: Tensor) -> float:
    """The mean intersection over union of two of them."""
    pairs = [(masks[m], masks[n]) for m in range(len(masks)) for n in range(m)]
    shares = [(mask * other).sum() / (mask + other).clamp(max=1).sum() for mask, other in pairs]
    return torch.stack(shares).mean().item()


@pytest.mark.parametrize("features", [10, 16, 84, 400])
def test_masks_are_like_those_of_the_library(features: int) -> None:
    library = pytest.importorskip("masksembles.common")
    own = [overlapping_masks(features, MEMBERS, SCALE, random(seed)) for seed in range(40)]
    theirs = [torch.tensor(library.generation_wrapper(features, MEMBERS, SCALE)) for _ in range(40)]
    for masks in own:
        assert set(masks.flatten().tolist()) == {0.0, 1.0}
        assert masks.any(dim=0).all()
        assert masks.sum(dim=1).tolist() == theirs[0].sum(dim=1).tolist()
    means = [sum(map(overlap, drawn)) / len(drawn) for drawn in (own, theirs)]
    assert means[0] == pytest.approx(means[1], abs=0.03)
    assert means[0] == pytest.approx(1 / (2 * SCALE - 1), abs=0.03)  # of K ones in S K positions


@pytest.mark.parametrize("layer", [nn.Linear(12, 5), nn.Conv2d(12, 4, 3)], ids=["linear", "conv"])
def test_layer_is_that_of_the_library(layer: nn.Linear | nn.Conv2d) -> None:
    library = pytest.importorskip("masksembles.torch")
    linear = isinstance(layer, nn.Linear)
    theirs = (library.Masksembles1D if linear else library.Masksembles2D)(12, MEMBERS, SCALE)
    inputs = torch.randn(8, 12) if linear else torch.randn(8, 12, 7, 7)
    own = Masked(layer, theirs.masks)
    torch.testing.assert_close(own(inputs), layer(theirs(inputs)), atol=1e-5, rtol=1e-5)


def test_a_member_is_the_network_with_its_masks(shades: LabelledImages) -> None:
    network = begun(Masksembles, members=MEMBERS)
    images, own = shades.images[:5], network.network
    hidden = [own.linear1, own.linear2, own.head]
    assert [layer.masks.shape[1] for layer in hidden] == [400, 120, 84]
    assert isinstance(own.conv2, nn.Conv2d)  # of six channels
    logits = network(images)
    for member in range(MEMBERS):
        masked = [
            lambda inputs, layer=layer, member=member: layer.layer(inputs * layer.masks[member])
            for layer in hidden
        ]
        expected = lenet([own.conv1, own.conv2, *masked], images)
        torch.testing.assert_close(logits[member], expected, atol=1e-5, rtol=1e-5)


class HeadFirst(LeNet5ReLU):
    """Its last layer is registered before all others."""

    def __init__(self, *, generator: torch.Generator | None = None) -> None:
        super().__init__(generator=generator)
        self._modules = {"head": self.head, **self._modules}


def test_the_first_layer_is_that_computed_first() -> None:
    network = MasksemblesNetwork(HeadFirst(generator=random()), MEMBERS, SCALE, random()).network
    assert isinstance(network.head, Masked)
    assert isinstance(network.conv1, nn.Conv2d)
