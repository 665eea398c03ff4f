"""The task ``fashion_mnist``: clothes, clean, rotated and among images that are no clothes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.data.loading import IMAGES, load_fashion_mnist, load_people_on_fashion
from benchmarks.tasks.shifts import corruptions, out_of_distribution, rotations, translations
from benchmarks.tasks.task import Condition, Task
from benchmarks.tasks.tuned import tuned_recipe
from benchmarks.vocabulary import CLEAN
from methods.networks.recipes import ARTICLE, UNCERTAINTY_BASELINES

NAME = "fashion_mnist"

CLASSES = (
    *("T-shirt", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)

PIXELS: Any = {"mean": 0.286, "std": 0.353}
"""Of its own training images."""

FASHION_MNIST = Task(
    name=NAME,
    label="Fashion-MNIST",
    shape=(1, 28, 28),
    classes=CLASSES,
    conditions=(
        Condition(CLEAN, "Clean", "clean", NAME, has_subset=True),
        # No class becomes another when it is rotated: an ankle boot upside down is an ankle boot.
        *rotations(NAME, range(15, 181, 15), valid_to=180, reason="", with_subset=(45,)),
        *translations(NAME, range(2, 13, 2)),
        *corruptions(NAME, partial(load_fashion_mnist, "test")),
        out_of_distribution("mnist", "MNIST", in_mean=True),
        out_of_distribution("notmnist", "notMNIST", in_mean=True),
        out_of_distribution("kmnist", "KMNIST", in_mean=True),
        out_of_distribution("uniform_noise", "Uniform noise"),
        out_of_distribution("gaussian_noise", "Gaussian noise"),
    ),
    recipes=(
        tuned_recipe(NAME, **PIXELS),
        replace(ARTICLE, **PIXELS, reported=None),  # which the article does not train
        UNCERTAINTY_BASELINES,
    ),
    training_images=55_000,
    test_images=IMAGES,
    calibration_images=5_000,
    people=load_people_on_fashion,
    load=load_fashion_mnist,
)
