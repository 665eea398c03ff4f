"""Which test images are offered: by predictions worked out by hand."""

from __future__ import annotations

from base64 import b64decode

import torch

from benchmarks.lab.contents import first_agreed, groups, sure_alone
from benchmarks.tasks.task import EvaluationSet
from methods import Prediction

IMAGES = 600
LABELS = torch.arange(IMAGES) % 10


def prediction(members: int, *others: tuple[int, int, float]) -> Prediction:
    """Members that give each label .95, but for images of (index, members that differ, value)."""
    probabilities = torch.full((members, IMAGES, 10), 0.05 / 9)
    probabilities[:, torch.arange(IMAGES), LABELS] = 0.95
    for index, differing, value in others:
        label = int(LABELS[index])
        probabilities[:differing, index] = (1 - value) / 9
        probabilities[:differing, index, (label + 1) % 10] = value
    return Prediction.of(probabilities)


PREDICTIONS = {
    "softmax": prediction(1, (40, 1, 0.89), (50, 1, 0.91), (3, 1, 0.6)),
    "mc_dropout": prediction(10),
    "deep_ensemble": prediction(10, (20, 2, 0.9), (30, 1, 0.9), (40, 5, 0.9), (50, 4, 0.9)),
}
TEST = EvaluationSet(torch.rand(IMAGES, 1, 28, 28, generator=torch.Generator()), LABELS)


def test_sure_alone_are_those_of_confidence_and_of_few_equal_votes() -> None:
    # 30 has 9 of 10 votes, and of 40 the single network is unsure.
    assert torch.nonzero(sure_alone(PREDICTIONS))[:, 0].tolist() == [20, 50]


def test_first_agreed_image_of_each_class_is_one_of_which_all_are_sure() -> None:
    # Of 3 the single network is unsure.
    assert first_agreed(TEST, PREDICTIONS).tolist() == [0, 1, 2, 13, 4, 5, 6, 7, 8, 9]


def test_groups_name_their_images_by_index() -> None:
    article, sure, uncertain, clear = groups(TEST, PREDICTIONS)
    assert [image.index for image in article.images] == [61, 591]
    assert [image.index for image in sure.images] == [50, 20]
    assert sure.title == "The single network is sure of these, and the ensemble is not"
    assert "2 of 600 test images." in sure.note
    assert [image.index for image in uncertain.images[:4]] == [40, 50, 20, 30]
    assert len(clear.images) == 10
    first = article.images[0]
    assert first.label == 1
    pixels = torch.frombuffer(bytearray(b64decode(first.pixels)), dtype=torch.uint8)
    torch.testing.assert_close(pixels / 255, TEST.images[61].flatten(), atol=0.002, rtol=0)
