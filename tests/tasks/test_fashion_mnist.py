"""The task of clothes: its images, its normalisation, and the labels of rotated ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.tasks.fashion_mnist import FASHION_MNIST, PIXELS
from methods.networks.recipes import ARTICLE, LabelledImages


@pytest.fixture(scope="module")
def training() -> LabelledImages:
    return FASHION_MNIST.split("all", None)


@pytest.fixture(scope="module")
def tested() -> LabelledImages:
    return FASHION_MNIST.split("test", None)


def test_classes_are_balanced_and_the_first_images_known(
    training: LabelledImages, tested: LabelledImages
) -> None:
    """Its authors: image 0 of the training set is an ankle boot, of the test set too."""
    assert training.labels.bincount().tolist() == [6000] * 10
    assert tested.labels.bincount().tolist() == [1000] * 10
    assert FASHION_MNIST.classes[int(training.labels[0])] == "Ankle boot"
    assert FASHION_MNIST.classes[int(tested.labels[0])] == "Ankle boot"


def test_recipe_normalises_by_the_moments_of_the_training_pixels(training: LabelledImages) -> None:
    pixels = training.images.double()
    mean, std = pixels.mean().item(), pixels.std().item()
    recipe = FASHION_MNIST.recipes[0]
    assert recipe.mean == pytest.approx(mean, abs=5e-5)
    assert recipe.std == pytest.approx(std, abs=5e-5)


def test_labels_are_valid_at_every_angle() -> None:
    rotated = [condition for condition in FASHION_MNIST.conditions if condition.group == "rotated"]
    assert [condition.severity for condition in rotated] == list(range(15, 181, 15))
    assert all(condition.labels == "valid" for condition in rotated)


def test_the_articles_training_is_that_of_digits_by_the_pixels_of_clothes() -> None:
    recipe = FASHION_MNIST.recipe("article")
    assert (recipe.mean, recipe.std) == (PIXELS["mean"], PIXELS["std"])
    assert replace(recipe, mean=ARTICLE.mean, std=ARTICLE.std, reported=ARTICLE.reported) == ARTICLE
