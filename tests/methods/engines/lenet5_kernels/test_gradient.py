"""The gradient of every tensor against autograd in double precision, with the same masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from methods.engines.lenet5_kernels import TrainingState, features_gradient, train_epoch
from methods.engines.lenet5_kernels.layout import Parameters, views
from methods.engines.numba import kernel_network
from methods.networks.architectures import LeNet5, LeNet5ReLU
from tests.methods.engines.lenet5_kernels.support import (
    random_images,
    random_masks,
    random_network,
    torch_logits,
    torch_loss,
)


def assert_gradient_is_autograds(
    network: LeNet5, images: np.ndarray, keep_mask: np.ndarray | None, *, loss: str = "logits"
) -> None:
    """By one batch of training at learning rate 0."""
    labels, state = np.arange(len(images)) % 10, TrainingState.start(kernel_network(network))
    given = {"loss": loss, "batch_size": len(images), "learning_rate": 0.0}
    value = train_epoch(state, images, labels, np.arange(len(images)), keep_mask, **given)
    network.double()
    expected = torch_loss(torch_logits(network, images.astype(np.float64), keep_mask), labels, loss)
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-6)
    for name, part, parameter in zip(
        Parameters._fields, views(state.gradient), network.parameters(), strict=True
    ):
        reference = parameter.grad.numpy().reshape(part.shape)
        error = np.abs(part - reference).max()
        assert error <= 1e-5 * np.abs(reference).max(), name


SEED = 9
"""By which no ReLU and no maximum is so near that single precision may turn it."""


@pytest.mark.parametrize("loss", ["logits", "softmax"])
@pytest.mark.parametrize(("batch", "dropout"), [(1, 0.5), (64, 0.5), (150, 0.3)])
def test_with_masks(kind: type[LeNet5], loss: str, batch: int, dropout: float) -> None:
    network = random_network(SEED, dropout=dropout, kind=kind)
    keep_mask = random_masks(batch, dropout, kind)
    assert_gradient_is_autograds(network, random_images(batch), keep_mask, loss=loss)


def test_without_dropout(kind: type[LeNet5]) -> None:
    network = random_network(SEED, dropout=0.0, kind=kind)
    assert_gradient_is_autograds(network, random_images(70), None)


def test_masks_that_keep_nothing_of_a_layer(kind: type[LeNet5]) -> None:
    keep_mask, first = random_masks(20, kind=kind), kind.channels[0]
    keep_mask[:6], keep_mask[6:12, :first], keep_mask[12:18, first:] = False, False, False
    assert_gradient_is_autograds(random_network(SEED, kind=kind), random_images(20), keep_mask)


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


def test_of_features_by_any_errors(kind: type[LeNet5]) -> None:
    network, images = random_network(SEED, kind=kind), random_images(21)
    errors = np.random.default_rng(0).normal(size=(21, 84)).astype(np.float32)
    gradient = features_gradient(kernel_network(network), images, errors)
    features = network.double().features(torch.from_numpy(images.astype(np.float64))[:, None])
    (features * torch.from_numpy(errors)).sum().backward()
    for part, parameter in zip(views(gradient)[:-2], network.parameters(), strict=False):
        assert parameter.grad is not None
        reference = parameter.grad.numpy().reshape(part.shape)
        assert np.abs(part - reference).max() <= 1e-5 * np.abs(reference).max()
    assert not any(part.any() for part in views(gradient)[-2:])
