from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from methods.engines.lenet5_kernels import logits_and_features, sample_logits
from methods.engines.lenet5_kernels.layers import activate
from methods.engines.numba import kernel_network
from methods.networks.architectures import LeNet5
from tests.methods.engines.lenet5_kernels.support import (
    logits,
    random_images,
    random_masks,
    random_network,
    torch_logits,
)

IMAGES = random_images(130)


def test_tanh_is_exact_to_a_millionth() -> None:
    points = np.concatenate([np.linspace(-12, 12, 100_001), [-1e30, 1e30, -np.inf, np.inf, 0]])
    values = points.astype(np.float32)[None]
    expected = np.tanh(values.astype(np.float64))
    activate(values, False)
    assert np.abs(values - expected).max() < 1e-6


def test_without_masks_dropout_is_off(kind: type[LeNet5]) -> None:
    network = random_network(kind=kind)
    expected = torch_logits(network, IMAGES).detach().numpy()
    ours = logits(kernel_network(random_network(dropout=0.0, kind=kind)), IMAGES)
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    np.testing.assert_array_equal(ours, logits(kernel_network(network), IMAGES))


def test_one_mask_for_each_image(kind: type[LeNet5]) -> None:
    network, keep_mask = random_network(kind=kind), random_masks(130, kind=kind)
    first = kind.channels[0]
    keep_mask[0], keep_mask[1, :first], keep_mask[2, first:] = False, False, False
    expected = torch_logits(network, IMAGES, keep_mask).detach().numpy()
    ours = logits(kernel_network(network), IMAGES, keep_mask)
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_bits_do_not_depend_on_what_an_image_comes_with(kind: type[LeNet5]) -> None:
    network = kernel_network(random_network(kind=kind))
    whole = logits(network, IMAGES)
    parts = [logits(network, part) for part in np.split(IMAGES, [1, 8, 75])]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_features_are_what_the_last_layer_gets(kind: type[LeNet5]) -> None:
    network = random_network(kind=kind)
    expected = network.features(torch.from_numpy(IMAGES)[:, None]).detach().numpy()
    ours = logits_and_features(kernel_network(network), IMAGES)[1]
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    of_head = network.head(torch.from_numpy(ours)).detach().numpy()
    np.testing.assert_allclose(logits(kernel_network(network), IMAGES), of_head, atol=1e-5)


def test_no_images_have_no_logits() -> None:
    network = kernel_network(random_network())
    assert logits(network, IMAGES[:0]).shape == (0, 10)
    assert logits_and_features(network, IMAGES[:0])[1].shape == (0, 84)


@pytest.mark.parametrize("dropout", [0.5, 0.3, 0.0])
def test_passes_are_the_networks_with_the_same_masks(kind: type[LeNet5], dropout: float) -> None:
    network = random_network(dropout=dropout, kind=kind)
    keep_mask, first = random_masks(150, dropout, kind), kind.channels[0]
    keep_mask[0], keep_mask[1, :first], keep_mask[2, first:] = False, False, False
    ours = sample_logits(kernel_network(network), IMAGES[:40], keep_mask)
    for mask, of_pass in zip(keep_mask, ours, strict=True):
        expected = torch_logits(network, IMAGES[:40], mask[None]).detach().numpy()
        np.testing.assert_allclose(of_pass, expected, atol=1e-5)


def test_bits_depend_on_neither_the_split_nor_the_threads(kind: type[LeNet5]) -> None:
    network, keep_mask = kernel_network(random_network(kind=kind)), random_masks(300, kind=kind)

    def sample(images: np.ndarray) -> np.ndarray:
        return sample_logits(network, images, keep_mask)

    whole = sample(IMAGES[:40])
    with ThreadPoolExecutor(3) as pool:
        parts = list(pool.map(sample, np.split(IMAGES[:40], [1, 8])))
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))
    fewer = sample_logits(network, IMAGES[:40], keep_mask[:10])
    np.testing.assert_array_equal(whole[:10], fewer)


def test_an_image_that_is_no_number_leaves_nothing_behind(kind: type[LeNet5]) -> None:
    network, keep_mask = kernel_network(random_network(kind=kind)), random_masks(10, kind=kind)
    before = logits(network, IMAGES[:5]), sample_logits(network, IMAGES[:5], keep_mask)
    nothing = np.full_like(IMAGES, np.nan)
    assert np.isnan(logits(network, nothing)).all()
    assert np.isnan(sample_logits(network, nothing, np.ones_like(keep_mask))).all()
    after = logits(network, IMAGES[:5]), sample_logits(network, IMAGES[:5], keep_mask)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
