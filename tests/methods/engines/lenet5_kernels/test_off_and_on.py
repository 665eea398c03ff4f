from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from methods.engines.lenet5_kernels import logits_off_and_on
from methods.networks.lenet5 import LeNet5
from tests.methods.engines.lenet5_kernels.support import (
    prepared,
    random_images,
    random_masks,
    random_network,
    torch_logits,
)

IMAGES = random_images(130)


@pytest.mark.parametrize("dropout", [0.5, 0.3, 0.0])
def test_they_are_the_networks_without_and_with_masks(kind: type[LeNet5], dropout: float) -> None:
    network, keep_mask = random_network(dropout=dropout, kind=kind), random_masks(130, dropout)
    keep_mask[0], keep_mask[1, :6], keep_mask[2, 6:], keep_mask[3] = False, False, False, True
    off, on = logits_off_and_on(prepared(network), IMAGES, keep_mask)
    for ours, mask in ((off, None), (on, keep_mask)):
        expected = torch_logits(network, IMAGES, mask).detach().numpy()
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_bits_depend_on_neither_the_split_nor_the_threads(kind: type[LeNet5]) -> None:
    network, keep_mask = prepared(random_network(kind=kind)), random_masks(130)
    whole = logits_off_and_on(network, IMAGES, keep_mask)
    with ThreadPoolExecutor(3) as pool:
        parts = pool.map(
            lambda part: logits_off_and_on(network, IMAGES[part], keep_mask[part]),
            (slice(0, 1), slice(1, 70), slice(70, 130)),
        )
    for ours, joined in zip(whole, zip(*parts, strict=True), strict=True):
        np.testing.assert_array_equal(ours, np.concatenate(joined))


def test_an_image_that_is_no_number_leaves_nothing_behind(kind: type[LeNet5]) -> None:
    network, keep_mask = prepared(random_network(kind=kind)), random_masks(130)
    before = logits_off_and_on(network, IMAGES, keep_mask)
    nothing = logits_off_and_on(network, np.full_like(IMAGES, np.nan), np.ones((130, 22), bool))
    assert np.isnan(nothing).all()
    np.testing.assert_array_equal(logits_off_and_on(network, IMAGES, keep_mask), before)


def test_masks_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"the mask is bool of \(129, 22\); expected"):
        logits_off_and_on(prepared(random_network()), IMAGES, random_masks(129))
