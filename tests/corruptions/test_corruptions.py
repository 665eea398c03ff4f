"""What all corruptions have in common."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.corruptions import CORRUPTIONS, Corruption
from benchmarks.corruptions.corruption import BLOCK
from methods.networks.recipes import LabelledImages
from tests.corruptions.support import digits, grey

EACH = pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS)

CHANGE = {
    "shot_noise": 0.045,
    "impulse_noise": 0.085,
    "glass_blur": 0.079,
    "motion_blur": 0.1,
    "shear": 0.112,
    "scale": 0.114,
    "rotate": 0.115,
    "brightness": 0.449,
    "translate": 0.188,
    "stripe": 0.494,
    "fog": 0.358,
    "spatter": 0.034,
    "dotted_line": 0.023,
    "zigzag": 0.047,
    "canny_edges": 0.164,
}
"""The mean change of a pixel of MNIST's 10,000 test images, measured when this was written."""


def test_they_are_the_fifteen_of_the_archive_in_its_order() -> None:
    assert [*CORRUPTIONS] == [*CHANGE]
    assert len({corruption.seed for corruption in CORRUPTIONS.values()}) == 15


@EACH
def test_images_are_changed_by_as_much_as_ever(
    corruption: Corruption, test_images: LabelledImages
) -> None:
    images = digits(test_images, 200)
    before = images.copy()
    corrupted = corruption.apply(images)
    np.testing.assert_array_equal(images, before)
    assert (corrupted.dtype, corrupted.shape) == (np.uint8, images.shape)
    change = np.abs(corrupted.astype(float) - images) / 255
    assert (change.max(axis=(1, 2)) > 0.1).all()
    assert change.mean() == pytest.approx(CHANGE[corruption.name], rel=0.15)


@EACH
def test_corrupted_images_follow_from_the_images(
    corruption: Corruption, test_images: LabelledImages
) -> None:
    images = digits(test_images, 20)
    once = corruption.apply(images)
    np.testing.assert_array_equal(corruption.apply(images), once)


@EACH
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_values_stay_in_their_range(corruption: Corruption, value: float) -> None:
    """Beyond it, a byte would begin again from the other end."""
    corrupted = corruption.function(grey(value, 3), np.random.default_rng(0))
    assert corrupted.shape == (3, 28, 28)
    assert ((corrupted >= 0) & (corrupted <= 1)).all()


def test_images_of_another_block_are_corrupted_otherwise() -> None:
    images = np.full((BLOCK + 3, 28, 28), 128, dtype=np.uint8)
    corrupted = CORRUPTIONS["impulse_noise"].apply(images)
    assert len(np.unique(corrupted, axis=0)) == len(images)


@pytest.mark.parametrize("shape", [(2, 8, 8), (2, 1, 28, 28), (28, 28)])
def test_images_of_another_size_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \[images, 28, 28\]: corruptions are defined"):
        CORRUPTIONS["shear"].apply(np.zeros(shape, np.uint8))
