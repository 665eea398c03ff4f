"""ReLU and max pooling against PyTorch, on small integers: squares with ties, all zero, below 0."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from methods.engines.lenet5_kernels import check
from methods.engines.lenet5_kernels.layout import aligned_zeros
from methods.engines.lenet5_kernels.partial_maps import CORNER, max_pool_corners, split_corners
from methods.engines.lenet5_kernels.pooling import (
    max_pool_first,
    max_pool_second,
    max_unpool_first,
    max_unpool_second,
    resize,
)
from tests.methods.engines.lenet5_kernels.support import random_images

SCALE = np.float32(2)
# The size of a map, the length of its rows and that of its pooled rows, and its kernels.
LAYERS = pytest.mark.parametrize(
    ("size", "width", "columns", "pool", "unpool"),
    [
        (28, 32, 16, max_pool_first, max_unpool_first),
        (10, 16, 5, max_pool_second, max_unpool_second),
    ],
    ids=["first", "second"],
)


def padded_map(size: int, width: int) -> np.ndarray:
    """Integers between -3 and 2, in the padding as well."""
    return np.random.default_rng(size).integers(-3, 3, (size, width)).astype(np.float32)


def in_torch(values: np.ndarray, size: int) -> tuple[Tensor, Tensor]:
    """The map without its padding, and what it is pooled to."""
    maps = torch.from_numpy(values[:, :size].copy())[None].requires_grad_()
    return maps, SCALE.item() * max_pool2d(torch.relu(maps), 2)[0]


@LAYERS
def test_forwards(size, width, columns, pool, unpool) -> None:
    values, pooled = padded_map(size, width), np.zeros((size // 2, columns), np.float32)
    pool(pooled.reshape(-1), values.reshape(-1), SCALE)
    _, expected = in_torch(values, size)
    np.testing.assert_array_equal(pooled[:, : size // 2], expected.detach())


@LAYERS
def test_the_error_goes_to_the_first_largest_value_above_zero(
    size, width, columns, pool, unpool
) -> None:
    values, errors = padded_map(size, width), np.zeros((size, width), np.float32)
    pooled_errors = np.random.default_rng(0).integers(-9, 10, (size // 2, columns))
    total = unpool(
        errors.reshape(-1), pooled_errors.astype(np.float32).reshape(-1), values.reshape(-1), SCALE
    )
    maps, pooled = in_torch(values, size)
    pooled.backward(torch.from_numpy(pooled_errors[:, : size // 2]).float())
    np.testing.assert_array_equal(errors[:, :size], maps.grad[0])
    assert not errors[:, size:].any()
    assert total == errors.sum()


@LAYERS
@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_what_is_no_number_is_handed_through(size, width, columns, pool, unpool, corner) -> None:
    values, pooled = padded_map(size, width), np.zeros((size // 2, columns), np.float32)
    values[4 + corner[0], 6 + corner[1]] = np.nan
    pool(pooled.reshape(-1), values.reshape(-1), SCALE)
    _, expected = in_torch(values, size)
    np.testing.assert_array_equal(pooled[:, : size // 2], expected.detach())
    assert np.argwhere(np.isnan(pooled)).tolist() == [[2, 3]]
    errors = np.zeros((size, width), np.float32)
    total = unpool(
        errors.reshape(-1), np.full_like(pooled, np.nan).reshape(-1), values.reshape(-1), SCALE
    )
    assert np.isnan(errors[4:6, 6:8]).any()
    assert np.isnan(total)


@pytest.mark.parametrize("position", [None, (4, 6), (4, 7), (5, 6), (5, 7)])
def test_of_a_map_sorted_by_corners(position: tuple[int, int] | None) -> None:
    values, corners = padded_map(10, 16), np.zeros(4 * CORNER, np.float32)
    if position:
        values[position] = np.nan
    split_corners(corners, values.reshape(-1))
    features = np.zeros(25, np.float32)
    max_pool_corners(features, corners, SCALE)
    _, expected = in_torch(values, 10)
    np.testing.assert_array_equal(features.reshape(5, 5), expected.detach())
    assert np.isnan(features).any() == (position is not None)


def test_resize_is_torchs_bilinear_interpolation() -> None:
    image = random_images(1)
    row = aligned_zeros(32 * 32 + 16)
    resize(
        row,
        image.reshape(-1),
        check.constants(0.137, 0.3081, 0.0, relu=False),
        aligned_zeros(32, 30),
    )
    resized = interpolate(torch.from_numpy(image)[None], size=32, mode="bilinear")
    expected = (resized.reshape(-1).numpy() - 0.137) / 0.3081
    np.testing.assert_allclose(row[: 32 * 32], expected, atol=1e-6)
