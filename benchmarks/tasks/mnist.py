"""The task ``mnist``: handwritten digits, and a natural shift: digits by other writers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from torch.nn.functional import interpolate

from benchmarks.data.loading import IMAGES, load_digits, load_mnist, load_mnist_writers
from benchmarks.tasks.shifts import corruptions, out_of_distribution, rotations, translations
from benchmarks.tasks.task import Condition, EvaluationSet, Task
from benchmarks.tasks.tuned import tuned_recipe
from benchmarks.vocabulary import CLEAN
from methods.networks.recipes import (
    ARTICLE,
    ARTICLE_LOGITS,
    LAPLACE_REDUX,
    UNCERTAINTY_BASELINES,
)

TYPICAL, PECULIAR = 61, 591
"""The test images that the article shows: a typical 8 and a peculiar one."""

SIDE = 28
"""Of MNIST's images, in pixels."""


def _load_natural_digits(seed: int, data_dir: Path | None) -> EvaluationSet:
    """All 1,797 digits of 8x8 pixels, resized (bilinear), with their labels."""
    digits = load_digits()
    resized = interpolate(digits.images, size=SIDE, mode="bilinear", align_corners=False)
    return EvaluationSet(resized, digits.labels)


NATURAL_DIGITS = Condition(
    name="natural-digits",
    label="scikit-learn's digits",
    group="natural",
    data="digits",
    paired_with="natural-digits",
    size=1797,
    load=_load_natural_digits,
)
"""scikit-learn's digits (Alpaydin & Kaynak 1998), which fill their frame, as MNIST's do not.

They were written by others, and scanned otherwise.
"""

NAME = "mnist"


MNIST = Task(
    name=NAME,
    label="MNIST",
    shape=(1, 28, 28),
    classes=tuple(map(str, range(10))),
    conditions=(
        Condition(CLEAN, "Clean", "clean", NAME, has_subset=True),
        *rotations(
            NAME,
            range(15, 181, 15),
            valid_to=90,
            reason="6 and 9 swap",
            with_subset=(45,),
        ),
        *translations(NAME, range(2, 13, 2)),
        *corruptions(NAME, partial(load_mnist, "test"), load_mnist_writers),
        NATURAL_DIGITS,
        out_of_distribution("fashion_mnist", "Fashion-MNIST", in_mean=True),
        out_of_distribution("notmnist", "notMNIST", in_mean=True),
        out_of_distribution("kmnist", "KMNIST", in_mean=True),
        out_of_distribution("emnist_letters", "EMNIST letters"),
        out_of_distribution("uniform_noise", "Uniform noise"),
        out_of_distribution("gaussian_noise", "Gaussian noise"),
    ),
    recipes=(
        tuned_recipe(NAME),
        *(ARTICLE, ARTICLE_LOGITS, UNCERTAINTY_BASELINES, LAPLACE_REDUX),
    ),
    training_images=55_000,
    test_images=IMAGES,
    calibration_images=5_000,
    article_images=(TYPICAL, PECULIAR),
    groups=load_mnist_writers,
    load=load_mnist,
)
