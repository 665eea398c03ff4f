"""MIMO, beside the network written out for images side by side, and torch-uncertainty's batches."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from methods.networks.recipes import LabelledImages
from methods.trained.base import MemberNetwork, Step
from methods.trained.layouts import HeadsNetwork
from methods.trained.mimo import MIMO, member_orders
from tests.methods.trained.conftest import begun, lenet, random

MEMBERS = 3


def side_by_side(network: MemberNetwork, images: Tensor) -> Tensor:
    """The heads' logits of images whose channels are the members' images."""
    first, *layers = network.network.children()
    logits = lenet([first.layer, *layers], images)
    return logits.reshape(len(images), network.members, 10).transpose(0, 1)


def test_each_input_is_a_channel_and_each_head_has_its_logits(shades: LabelledImages) -> None:
    network = begun(MIMO)
    nn.init.normal_(network.network.head.bias)
    images = shades.images[:15].reshape(MEMBERS, 5, 1, 28, 28)
    expected = side_by_side(network, torch.cat([*images], dim=1))
    logits = HeadsNetwork.forward(network, images.flatten(end_dim=1))
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)
    same = side_by_side(network, images[0].repeat(1, MEMBERS, 1, 1))
    torch.testing.assert_close(network(images[0]), same, atol=1e-5, rtol=1e-5)


def test_each_head_is_trained_on_the_label_of_its_own_image(shades: LabelledImages) -> None:
    network, images, labels = begun(MIMO), shades.images[:20], shades.labels[:20]
    loss = network.training_loss(images, labels, Step(0, 20, random()))
    orders = member_orders(20, MEMBERS, 0.6, random())
    heads = side_by_side(network, torch.cat([images[order] for order in orders], dim=1))
    losses = [cross_entropy(head, labels[order]) for head, order in zip(heads, orders, strict=True)]
    torch.testing.assert_close(loss, sum(losses) / MEMBERS, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("repetition", [0.0, 0.6, 1.0])
def test_as_many_images_are_repeated_as_in_torch_uncertainty(repetition: float) -> None:
    library = pytest.importorskip("torch_uncertainty")
    # The file alone: its package imports what may not be installed.
    file = Path(library.__file__).parent / "transforms" / "batch.py"
    batches = run_path(str(file))["MIMOBatchFormat"](MEMBERS, repetition)
    orders = member_orders(50, MEMBERS, repetition, random())
    numbers = torch.arange(50)
    theirs = batches((numbers, numbers))[1].reshape(MEMBERS, 50)
    for batch in (orders, theirs):
        assert all(torch.equal(row.sort().values, numbers) for row in batch)
        # Shuffled ones may be the same by chance, too: here two at the most.
        repeated = (batch == batch[0]).all(dim=0).sum().item()
        assert repeated == pytest.approx(repetition * 50, abs=2)
