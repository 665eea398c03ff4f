"""The gradient of every tensor against autograd in double precision, with the same masks."""

from __future__ import annotations

import numpy as np
import pytest

from methods.engines.lenet5_kernels import loss_gradient
from methods.engines.lenet5_kernels.layout import Parameters, views
from tests.methods.engines.lenet5_kernels.support import (
    NORMALISATION,
    random_images,
    random_masks,
    random_network,
    torch_logits,
    torch_loss,
    vector,
)


def assert_gradient_is_autograds(
    images: np.ndarray, keep_mask: np.ndarray | None, *, loss: str, dropout: float
) -> None:
    network = random_network(dropout=dropout)
    labels = np.arange(len(images)) % 10
    value, gradient = loss_gradient(
        vector(network), images, labels, keep_mask, loss=loss, dropout=dropout, **NORMALISATION
    )
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


@pytest.mark.parametrize("loss", ["logits", "softmax"])
@pytest.mark.parametrize("dropout", [0.5, 0.3])
@pytest.mark.parametrize("batch", [1, 37, 64, 150])
def test_with_masks(loss: str, dropout: float, batch: int) -> None:
    keep_mask = random_masks(batch, dropout)
    assert_gradient_is_autograds(random_images(batch), keep_mask, loss=loss, dropout=dropout)


@pytest.mark.parametrize("loss", ["logits", "softmax"])
def test_without_dropout(loss: str) -> None:
    assert_gradient_is_autograds(random_images(70), None, loss=loss, dropout=0.0)


@pytest.mark.parametrize("dropped", [slice(0, 6), slice(6, 22), slice(0, 22)])
def test_masks_that_keep_no_channel_of_a_layer(dropped: slice) -> None:
    keep_mask = random_masks(20)
    keep_mask[::2, dropped] = False
    assert_gradient_is_autograds(random_images(20), keep_mask, loss="logits", dropout=0.5)


def test_all_images_lose_the_same_layer() -> None:
    keep_mask = random_masks(20)
    keep_mask[:, :6] = False
    assert_gradient_is_autograds(random_images(20), keep_mask, loss="logits", dropout=0.5)


def test_an_image_with_an_axis_for_its_channel_is_the_same() -> None:
    images, labels, flat = random_images(5), np.arange(5), vector(random_network())
    arguments = {"loss": "logits", "dropout": 0.0, **NORMALISATION}
    _, one = loss_gradient(flat, images, labels, None, **arguments)
    _, other = loss_gradient(flat, images[:, None], labels, None, **arguments)
    np.testing.assert_array_equal(one, other)


def test_read_only_and_strided_arrays_are_welcome() -> None:
    images, labels, flat = random_images(10)[::2], np.arange(10, dtype=np.int32)[::2], None
    flat = vector(random_network()).copy()
    flat.flags.writeable = images.flags.writeable = False
    arguments = {"loss": "logits", "dropout": 0.0, **NORMALISATION}
    _, gradient = loss_gradient(flat, images, labels, None, **arguments)
    _, expected = loss_gradient(flat.copy(), images.copy(), labels.astype(int), None, **arguments)
    np.testing.assert_array_equal(gradient, expected)
