"""Edges of steps, whose gradient is known."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.feature import canny

from benchmarks.corruptions.appearance import canny_edges
from tests.corruptions.support import generator, grey, random_images


@pytest.mark.parametrize(("height", "found"), [(0.07, False), (0.09, True), (1.0, True)])
def test_step_is_an_edge_from_a_height_of_0_078(height: float, found: bool) -> None:
    """Sobel's operator is 4 (g(0) + g(1)) = 2.56 times as high, by the Gaussian g of one pixel.

    The upper threshold is 0.2.
    """
    image = grey(0.0)
    image[0, :, 14:] = height
    (edges,) = canny_edges(image, generator())
    assert edges[5:23, 13:15].any() == found
    if found:
        assert (edges[5:23].sum(axis=1) <= 2).all()
        assert edges[5:23, 13:15].any(axis=1).all()


def test_edges_are_white_lines_on_black_around_a_square() -> None:
    image = grey(0.0)
    image[0, 8:20, 8:20] = 1
    (edges,) = canny_edges(image, generator())
    assert set(np.unique(edges)) == {0, 1}
    assert not edges[10:18, 10:18].any()
    assert not edges[:6].any()
    assert 40 <= edges.sum() <= 52


def test_each_image_is_on_its_own() -> None:
    images = random_images(3)
    expected = [canny(image, sigma=1, low_threshold=0.1, high_threshold=0.2) for image in images]
    np.testing.assert_array_equal(canny_edges(images, generator()), expected)


def test_one_grey_has_no_edges() -> None:
    assert not canny_edges(grey(0.7), generator())[0, 5:23, 5:23].any()
