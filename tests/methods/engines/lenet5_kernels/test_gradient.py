"""The gradient of every tensor against autograd in double precision, with the same masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from methods.engines.lenet5_kernels import TrainingState, train_epoch
from methods.engines.lenet5_kernels.layout import Parameters, views
from methods.networks.architectures import LeNet5, LeNet5ReLU
from tests.methods.engines.lenet5_kernels.support import (
    prepared,
    random_images,
    random_masks,
    random_network,
    torch_logits,
    torch_loss,
)


def loss_gradient(
    network: LeNet5,
    images: np.ndarray,
    labels: np.ndarray,
    keep_mask: np.ndarray | None = None,
    *,
    loss: str = "logits",
) -> tuple[float, np.ndarray]:
    """Of one batch of training at learning rate 0."""
    state = TrainingState.start(prepared(network))
    given = {"loss": loss, "batch_size": len(images), "learning_rate": 0.0}
    value = train_epoch(state, images, labels, np.arange(len(images)), keep_mask, **given)
    return value, state.gradient


def assert_gradient_is_autograds(
    network: LeNet5, images: np.ndarray, keep_mask: np.ndarray | None, *, loss: str = "logits"
) -> None:
    labels = np.arange(len(images)) % 10
    value, gradient = loss_gradient(network, images, labels, keep_mask, loss=loss)
    network.double()
    expected = torch_loss(torch_logits(network, images.astype(np.float64), keep_mask), labels, loss)
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-6)
    for name, part, parameter in zip(
        Parameters._fields, views(gradient), network.parameters(), strict=True
    ):
        reference = parameter.grad.numpy().reshape(part.shape)
        error = np.abs(part - reference).max()
        assert error <= 1e-5 * np.abs(reference).max(), name


def check(
    kind: type[LeNet5],
    images: np.ndarray,
    keep_mask: np.ndarray | None,
    *,
    dropout: float = 0.5,
    loss: str = "logits",
) -> None:
    """With a seed by which no ReLU and no maximum is so near that single precision may turn it."""
    network = random_network(9, dropout=dropout, kind=kind)
    assert_gradient_is_autograds(network, images, keep_mask, loss=loss)


@pytest.mark.parametrize("loss", ["logits", "softmax"])
@pytest.mark.parametrize("dropout", [0.5, 0.3])
@pytest.mark.parametrize("batch", [1, 37, 64, 150])
def test_with_masks(kind: type[LeNet5], loss: str, dropout: float, batch: int) -> None:
    keep_mask = random_masks(batch, dropout, kind)
    check(kind, random_images(batch), keep_mask, dropout=dropout, loss=loss)


@pytest.mark.parametrize("loss", ["logits", "softmax"])
def test_without_dropout(kind: type[LeNet5], loss: str) -> None:
    check(kind, random_images(70), None, dropout=0.0, loss=loss)


@pytest.mark.parametrize("layers", ["first", "second", "both"])
def test_masks_that_keep_nothing_of_a_layer(kind: type[LeNet5], layers: str) -> None:
    keep_mask, first = random_masks(20, kind=kind), kind.channels[0]
    dropped = {"first": slice(first), "second": slice(first, None), "both": slice(None)}
    keep_mask[::2, dropped[layers]] = False
    check(kind, random_images(20), keep_mask)


def test_black_images_and_those_with_a_black_border(kind: type[LeNet5]) -> None:
    """Most squares are ties of four values that see the same."""
    images = random_images(20)
    images[:5] = 0
    images[5:, :9] = images[5:, 20:] = images[5:, :, :9] = images[5:, :, 20:] = 0
    masks = random_masks(20, kind=kind)
    assert_gradient_is_autograds(random_network(kind=kind), images, masks)


def test_ties_between_values_that_see_something_else() -> None:
    """All maps are sums of few binary digits, exact in any precision: ties are those of PyTorch."""
    random = np.random.default_rng(0)
    network = LeNet5ReLU(mean=0.0, std=1.0, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for layer in (network.conv1, network.conv2):
            weight = random.integers(-1, 2, tuple(layer.weight.shape))
            layer.weight[:] = torch.from_numpy(weight)
    images = random.integers(0, 2, (20, 4, 4)).repeat(7, axis=1).repeat(7, axis=2)
    assert_gradient_is_autograds(network, images.astype(np.float32), random_masks(20))
