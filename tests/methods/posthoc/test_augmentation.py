"""Test-time augmentation: its members are the network's predictions of the moved images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import rotate, shift
from torch import nn

from methods.networks.pool import NetworkPool
from methods.networks.recipes import LabelledImages
from methods.posthoc.augmentation import VERSIONS, Augmentation, Version, moved
from methods.softmax import Softmax
from tests.training import STANDARD

POOL = NetworkPool(replace(STANDARD, epochs=2))


def test_members_are_the_networks_predictions_of_moved_images(
    training_images: LabelledImages, test_images: LabelledImages
) -> None:
    given = training_images.images, training_images.labels
    method, softmax = (kind(pool=POOL, replicate=1).fit(*given) for kind in (Augmentation, Softmax))
    members = method.member_logits(test_images.images)
    for member, version in zip(members, VERSIONS, strict=True):
        (expected,) = softmax.member_logits(moved(test_images.images, version))
        torch.testing.assert_close(member, expected)
    assert torch.equal(members[0], softmax.member_logits(test_images.images)[0])
    mean = members.double().softmax(dim=-1).mean(dim=0)
    torch.testing.assert_close(method.predict(test_images.images).mean, mean)


def test_strength_multiplies_distances_and_angles(
    training_images: LabelledImages, test_images: LabelledImages
) -> None:
    given = training_images.images, training_images.labels
    tuned = {"test_time_augmentation": {"strength": 0.5}}
    weak = Augmentation(pool=replace(POOL, recipe=replace(POOL.recipe, tuned=tuned))).fit(*given)
    softmax = Softmax(pool=POOL).fit(*given)
    view = moved(test_images.images, Version(degrees=-2.5))
    torch.testing.assert_close(
        weak.member_logits(test_images.images)[-1], softmax.member_logits(view)[0]
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_shifts_and_rotations_are_scipys(version: Version, test_images: LabelledImages) -> None:
    image = test_images.images[:1]
    rotated = rotate(image[0, 0].numpy(), version.degrees, reshape=False, order=1)
    expected = shift(rotated, (version.down, version.right), order=1)
    inside = moved(image, version)[0, 0].numpy()[3:-3, 3:-3]
    np.testing.assert_allclose(inside, expected[3:-3, 3:-3], atol=1e-5)


def test_is_of_a_given_network_too() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 5, 4))
    images = torch.rand(7, 3, 6, 5)
    prediction = Augmentation.from_network(module, views=3).predict(images)
    assert (prediction.members, prediction.mean.shape) == (3, (7, 4))
    with pytest.raises(ValueError, match="at most 9"):
        Augmentation.from_network(module, views=10)
