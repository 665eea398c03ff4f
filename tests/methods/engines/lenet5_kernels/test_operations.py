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
    pool_first,
    pool_second,
    resize,
    unpool_first,
    unpool_second,
)
from methods.engines.lenet5_kernels.layout import KernelNetwork, aligned_zeros, exp
from tests.methods.engines.lenet5_kernels.support import random_images

SCALE = np.float32(2)
# The size of a map, the length of its rows and that of its pooled rows, and its kernels.
LAYERS = pytest.mark.parametrize(
    ("size", "width", "columns", "pool", "unpool"),
    [(28, 32, 16, pool_first, unpool_first), (10, 16, 5, pool_second, unpool_second)],
    ids=["first", "second"],
)


def padded_map(size: int, width: int) -> np.ndarray:
    """Integers between -3 and 2, in the padding as well."""
    return np.random.default_rng(size).integers(-3, 3, (size, width)).astype(np.float32)


def in_torch(values: np.ndarray, size: int, relu: bool) -> tuple[Tensor, Tensor]:
    """The map without its padding, and what it is pooled to."""
    maps = torch.from_numpy(values[:, :size].copy())[None].requires_grad_()
    pooled = max_pool2d(torch.relu(maps), 2) if relu else avg_pool2d(torch.tanh(maps), 2)
    return maps, SCALE.item() * pooled[0]


@LAYERS
@pytest.mark.parametrize("relu", [True, False])
def test_pools_and_leads_errors_back(size, width, columns, pool, unpool, relu) -> None:
    values, pooled = padded_map(size, width), np.zeros((size // 2, columns), np.float32)
    maps, expected = in_torch(values, size, relu)
    pool(pooled.reshape(-1), values.reshape(-1), SCALE, relu)
    rounding = 0 if relu else 1e-5
    np.testing.assert_allclose(pooled[:, : size // 2], expected.detach(), atol=rounding)

    errors = np.zeros((size, width), np.float32)
    arriving = np.random.default_rng(0).integers(-9, 10, (size // 2, columns)).astype(np.float32)
    expected.backward(torch.from_numpy(arriving[:, : size // 2].copy()))
    total = unpool(errors.reshape(-1), arriving.reshape(-1), values.reshape(-1), SCALE, relu)
    np.testing.assert_allclose(errors[:, :size], maps.grad[0], atol=rounding)
    assert not errors[:, size:].any()
    assert total == pytest.approx(errors.sum(), abs=1e3 * rounding)


@LAYERS
@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_what_is_no_number_is_handed_through(size, width, columns, pool, unpool, corner) -> None:
    values, pooled = padded_map(size, width), np.zeros((size // 2, columns), np.float32)
    values[4 + corner[0], 6 + corner[1]] = np.nan
    pool(pooled.reshape(-1), values.reshape(-1), SCALE, True)
    assert np.argwhere(np.isnan(pooled)).tolist() == [[2, 3]]
    errors = np.zeros((size, width), np.float32)
    arriving = np.full_like(pooled, np.nan)
    total = unpool(errors.reshape(-1), arriving.reshape(-1), values.reshape(-1), SCALE, True)
    assert np.isnan(errors[4:6, 6:8]).any()
    assert np.isnan(total)


def test_resize_is_torchs_bilinear_interpolation() -> None:
    image, row = random_images(1), aligned_zeros(32 * 32 + 16)
    network = KernelNetwork.from_vector(np.zeros(61_706, np.float32), mean=0.137, std=0.3081)
    tall = aligned_zeros(32, 30)
    resize(row, image.reshape(-1), tall, network.pixel_scale, network.pixel_offset)
    resized = interpolate(torch.from_numpy(image)[None], size=32, mode="bilinear")
    expected = (resized.reshape(-1).numpy() - 0.137) / 0.3081
    np.testing.assert_allclose(row[: 32 * 32], expected, atol=1e-6)


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
