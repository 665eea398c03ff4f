from __future__ import annotations

import numpy as np
import pytest

from methods.engines.lenet5_kernels import logits
from tests.methods.engines.lenet5_kernels.support import (
    NORMALISATION,
    random_images,
    random_masks,
    random_network,
    torch_logits,
    vector,
)

IMAGES = random_images(130)


def test_without_masks_dropout_is_off() -> None:
    network = random_network()
    expected = torch_logits(network, IMAGES).detach().numpy()
    found = logits(vector(network), IMAGES, **NORMALISATION)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(
        found, logits(vector(network), IMAGES, dropout=0.5, **NORMALISATION)
    )


@pytest.mark.parametrize("dropout", [0.5, 0.3])
def test_one_mask_for_all_images(dropout: float) -> None:
    network, kept = random_network(dropout=dropout), random_masks(1, dropout)
    expected = torch_logits(network, IMAGES, kept).detach().numpy()
    found = logits(vector(network), IMAGES, kept[0], dropout=dropout, **NORMALISATION)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_one_mask_for_each_image() -> None:
    network, kept = random_network(), random_masks(130)
    kept[0], kept[1, :6], kept[2, 6:] = False, False, False
    expected = torch_logits(network, IMAGES, kept).detach().numpy()
    found = logits(vector(network), IMAGES, kept, dropout=0.5, **NORMALISATION)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_bits_do_not_depend_on_what_an_image_comes_with() -> None:
    flat = vector(random_network())
    whole = logits(flat, IMAGES, **NORMALISATION)
    parts = [logits(flat, part, **NORMALISATION) for part in np.split(IMAGES, [1, 8, 75])]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_no_images_have_no_logits() -> None:
    found = logits(vector(random_network()), IMAGES[:0], **NORMALISATION)
    assert found.shape == (0, 10)
