from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from methods.engines.lenet5_kernels import logits, sample_logits
from tests.methods.engines.lenet5_kernels.support import (
    NORMALISATION,
    random_images,
    random_masks,
    random_network,
    torch_logits,
    vector,
)

IMAGES = random_images(40)


@pytest.mark.parametrize("dropout", [0.5, 0.3, 0.0])
def test_passes_are_lenet5s_with_the_same_masks(dropout: float) -> None:
    network, kept = random_network(dropout=dropout), random_masks(150, dropout)
    found = sample_logits(vector(network), IMAGES, kept, dropout=dropout, **NORMALISATION)
    for mask, of_pass in zip(kept, found, strict=True):
        expected = torch_logits(network, IMAGES, mask[None]).detach().numpy()
        np.testing.assert_allclose(of_pass, expected, atol=1e-5)
        first, second = np.sort(expected, axis=1)[:, -1], np.sort(expected, axis=1)[:, -2]
        clear = first - second > 1e-4
        assert (of_pass.argmax(axis=1) == expected.argmax(axis=1))[clear].all()


def test_masks_that_keep_no_channel_of_a_layer() -> None:
    network, kept = random_network(), np.ones((4, 22), bool)
    kept[0], kept[1, :6], kept[2, 6:] = False, False, False
    found = sample_logits(vector(network), IMAGES, kept, dropout=0.5, **NORMALISATION)
    for mask, of_pass in zip(kept, found, strict=True):
        expected = torch_logits(network, IMAGES, mask[None]).detach().numpy()
        np.testing.assert_allclose(of_pass, expected, atol=1e-5)
    assert (found[2] == found[2, 0]).all()  # nothing is left of the image


def test_a_pass_agrees_with_plain_evaluation(trained: np.ndarray) -> None:
    kept = random_masks(10)
    found = sample_logits(trained, IMAGES, kept, dropout=0.5, **NORMALISATION)
    plain = [logits(trained, IMAGES, mask, dropout=0.5, **NORMALISATION) for mask in kept]
    np.testing.assert_allclose(found, plain, atol=1e-5)


def test_bits_depend_on_neither_the_split_nor_the_threads() -> None:
    flat, kept = vector(random_network()), random_masks(300)

    def sample(images: np.ndarray) -> np.ndarray:
        return sample_logits(flat, images, kept, dropout=0.5, **NORMALISATION)

    whole = sample(IMAGES)
    with ThreadPoolExecutor(3) as pool:
        parts = list(pool.map(sample, np.split(IMAGES, [1, 8])))
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))
    fewer = sample_logits(flat, IMAGES, kept[:10], dropout=0.5, **NORMALISATION)
    np.testing.assert_array_equal(whole[:10], fewer)
