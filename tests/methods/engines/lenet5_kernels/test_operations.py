"""Activations against NumPy; pooling and resizing against PyTorch, also of ties and below 0."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

from methods.engines.lenet5_kernels.enumeration import apply_double_exp
from methods.engines.lenet5_kernels.layers import (
    activate,
    load_images,
    load_masks,
    pool_first,
    pool_second,
    resize,
    unpool_first,
    unpool_second,
)
from methods.engines.lenet5_kernels.layout import LANES, KernelNetwork, Maps, buffers, exp
from tests.methods.engines.lenet5_kernels.support import random_images, random_masks

SCALES = np.linspace(0, 3, LANES, dtype=np.float32)
"""What dropout multiplies a channel by, image by image."""
LAYERS = pytest.mark.parametrize(
    ("size", "pool", "unpool"),
    [(28, pool_first, unpool_first), (10, pool_second, unpool_second)],
    ids=["first", "second"],
)


def random_maps(*sizes: int) -> np.ndarray:
    """Integers between -3 and 2, sixteen images side by side."""
    return np.random.default_rng(0).integers(-3, 3, (*sizes, LANES)).astype(np.float32)


def flat(maps: np.ndarray) -> np.ndarray:
    """As the kernels take them: columns and lanes in one axis. A view."""
    return maps.reshape(*maps.shape[:-2], -1)


def in_torch(maps: np.ndarray) -> Tensor:
    """[images, 1, rows, columns]."""
    return torch.from_numpy(np.moveaxis(maps, -1, 0)[:, None].copy())


def pooled_in_torch(maps: Tensor, relu: bool) -> Tensor:
    pooled = max_pool2d(torch.relu(maps), 2) if relu else avg_pool2d(torch.tanh(maps), 2)
    return torch.from_numpy(SCALES)[:, None, None, None] * pooled


@LAYERS
@pytest.mark.parametrize("relu", [True, False])
def test_pools_and_leads_errors_back(size, pool, unpool, relu) -> None:
    values, pooled = random_maps(size, size), random_maps(size // 2, size // 2)
    maps = in_torch(values).requires_grad_()
    expected = pooled_in_torch(maps, relu)
    pool(flat(pooled), flat(values), SCALES, relu)
    rounding = 0 if relu else 1e-5
    torch.testing.assert_close(in_torch(pooled), expected, atol=rounding, rtol=0)

    errors, arriving = random_maps(size, size), random_maps(size // 2, size // 2)
    expected.backward(in_torch(arriving))
    total = unpool(flat(errors), flat(arriving), flat(values), SCALES, relu)
    torch.testing.assert_close(in_torch(errors), maps.grad, atol=rounding, rtol=0)
    assert total == pytest.approx(errors.sum(), abs=1e-3)


@LAYERS
@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_what_is_no_number_is_handed_through(size, pool, unpool, corner) -> None:
    values, pooled = random_maps(size, size), random_maps(size // 2, size // 2)
    values[4 + corner[0], 6 + corner[1], 5] = np.nan
    pool(flat(pooled), flat(values), SCALES, True)
    assert np.argwhere(np.isnan(pooled)).tolist() == [[2, 3, 5]]
    errors = np.zeros((size, size, LANES), np.float32)
    total = unpool(flat(errors), flat(pooled), flat(values), SCALES, True)
    assert np.isnan(errors[4:6, 6:8, 5]).any()
    assert np.isnan(total)


def test_resize_is_torchs_bilinear_interpolation() -> None:
    images = random_images(LANES)
    network = KernelNetwork.from_vector(np.zeros(61_706, np.float32), mean=0.137, std=0.3081)
    maps = buffers(Maps)
    load_images(maps.raw, images.reshape(LANES, -1), np.arange(LANES))
    resize(maps.pixels, maps.wide, maps.raw, network.pixel_scale, network.pixel_offset)
    resized = interpolate(torch.from_numpy(images)[:, None], size=32, mode="bilinear")
    pixels = in_torch(maps.pixels.reshape(32, 32, LANES))
    torch.testing.assert_close(pixels, (resized - 0.137) / 0.3081, atol=1e-6, rtol=0)


@pytest.mark.parametrize("count", [1, 5, 16])
def test_lanes_left_over_repeat_the_last_image_and_its_mask(count: int) -> None:
    images, chosen = random_images(20).reshape(20, -1), np.array([7, 3, 19, 0, 5] * 4)[:count]
    keep_mask, maps = random_masks(count), buffers(Maps)
    load_images(maps.raw, images, chosen)
    load_masks(maps.keep, maps.scales, maps.used, keep_mask, np.float32(2))
    lanes = np.minimum(np.arange(LANES), count - 1)
    np.testing.assert_array_equal(maps.raw.reshape(-1, LANES).T, images[chosen[lanes]])
    np.testing.assert_array_equal(maps.keep, keep_mask[lanes])
    np.testing.assert_array_equal(maps.scales, 2 * keep_mask[lanes].T)
    np.testing.assert_array_equal(maps.used, keep_mask[:, :6].any(axis=0))


def test_tanh_is_exact_to_a_millionth() -> None:
    points = np.concatenate([np.linspace(-12, 12, 100_001), [-1e30, 1e30, -np.inf, np.inf, 0]])
    values = points.astype(np.float32)[None]
    expected = np.tanh(values.astype(np.float64))
    activate(values, False)
    assert np.abs(values - expected).max() < 1e-6


def test_exp_is_exact_to_seven_digits() -> None:
    values = np.linspace(-43.4, 43.4, 100_001).astype(np.float32)[None]
    expected = np.exp(2 * values.astype(np.float64))
    apply_double_exp(values)
    assert np.abs(values / expected - 1).max() < 2e-7


def test_exp_beyond_its_range_is_clamped() -> None:
    low, high = exp(np.float32(-1e9)), exp(np.float32(1e9))
    assert 0 < low < 1e-37
    assert 1e37 < high < np.inf


def test_nan_passes_through_tanh() -> None:
    values = np.full((1, 40), np.nan, np.float32)
    activate(values, False)
    assert np.isnan(values).all()
