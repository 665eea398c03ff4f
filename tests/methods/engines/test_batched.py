"""Members computed batched give what each gives alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from methods.engines.torch import TorchEngine, TorchNetworks
from methods.networks.labelled_images import LabelledImages
from methods.networks.lenet5 import LeNet5
from methods.networks.masks import pass_masks
from methods.networks.recipes import ARTICLE, STANDARD, Recipe
from methods.networks.training import initial_network

CHANNELS = LeNet5.channels
RECIPES = pytest.mark.parametrize("recipe", [STANDARD, ARTICLE], ids=lambda recipe: recipe.name)
MOST = pytest.mark.parametrize("most", [1, 7, 450, 2**14])
"""Members times images in a batch: less than the members, a part of the images, and all of both."""

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.cuda,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
        ],
    ),
]


class Batched(TorchEngine):
    """Computes batched on any device, as on an accelerator."""

    @property
    def trains_batched(self) -> bool:
        return True


@RECIPES
@MOST
@torch.inference_mode()
def test_stacked_networks_predict_as_one_by_one(
    recipe: Recipe, most: int, test_images: LabelledImages
) -> None:
    images = test_images.images[:60]
    networks = [initial_network(recipe, index) for index in range(9)]
    assert_alike(
        TorchNetworks(networks, "cpu", stacked=True, most=most).logits(images),
        torch.stack([network(images) for network in networks]),
    )


@RECIPES
@MOST
@torch.inference_mode()
def test_subnetworks_that_share_terms_predict_as_one_by_one(
    recipe: Recipe, most: int, test_images: LabelledImages
) -> None:
    images, network = test_images.images[:60], initial_network(recipe, 0)
    masks = pass_masks(0, 0, 9, CHANNELS, recipe.dropout)
    masks[0, :6] = False
    masks[1, 6:] = False
    assert_alike(
        TorchNetworks([network], "cpu", stacked=False, most=most).pass_logits(images, masks),
        torch.stack([network(images, mask[None]) for mask in masks]),
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("engine", [TorchEngine, Batched])
def test_engine_returns_on_the_cpu_what_the_loop_computes(
    device: str, engine: type[TorchEngine], enlarged_digits: LabelledImages
) -> None:
    images = enlarged_digits.images[:300]
    networks = [initial_network(STANDARD, index) for index in range(5)]
    masks = pass_masks(0, 0, 20, CHANNELS, STANDARD.dropout)
    with torch.inference_mode():
        members = torch.stack([network(images) for network in networks])
        passes = torch.stack([networks[0](images, mask[None]) for mask in masks])
    assert_alike(engine(device).prepare(networks).logits(images), members)
    assert_alike(engine(device).pass_logits(networks[0], images, masks), passes)


def test_a_pass_rounds_alike_whatever_other_passes_there_are(
    test_images: LabelledImages,
) -> None:
    network, masks = (
        initial_network(STANDARD, 0),
        pass_masks(0, 0, 30, CHANNELS, STANDARD.dropout),
    )
    many, few = (TorchEngine().pass_logits(network, test_images.images, masks[:t]) for t in (30, 7))
    assert torch.equal(many[:7], few)


def assert_alike(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    assert torch.equal(ours.argmax(dim=-1), theirs.argmax(dim=-1))
