"""Tones against scikit-image's colours, and by hand."""

from __future__ import annotations

import numpy as np
from skimage.color import gray2rgb, hsv2rgb, rgb2gray, rgb2hsv

from benchmarks.corruptions.appearance import brightness, stripe
from tests.corruptions.support import generator, grey, random_images


def test_brightness_is_the_value_of_the_colour() -> None:
    """As the paper's code has it: by way of hue, saturation and value."""
    (image,) = images = random_images(1)
    colour = rgb2hsv(gray2rgb(image))
    colour[..., 2] = (colour[..., 2] + 0.5).clip(0, 1)
    expected = rgb2gray(hsv2rgb(colour))
    np.testing.assert_allclose(brightness(images, generator())[0], expected, atol=1e-12)


def test_stripe_inverts_seven_columns_at_either_side() -> None:
    striped = stripe(grey(0.2), generator())
    np.testing.assert_allclose(striped[0, 13], [0.8] * 7 + [0.2] * 14 + [0.8] * 7)
    assert (striped == striped[:, :1]).all()


def test_images_are_not_changed_in_place() -> None:
    images = random_images(2)
    before = images.copy()
    for function in (brightness, stripe):
        function(images, generator())
    np.testing.assert_array_equal(images, before)
