"""The task ``digits``: small handwritten digits, for runs of seconds."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

import torch

from benchmarks.data.loading import NOISES, load_digits
from benchmarks.tasks.shifts import out_of_distribution, rotations
from benchmarks.tasks.task import SPLIT_SEED, Condition, EvaluationSet, Task, stratified_choice
from benchmarks.vocabulary import CLEAN
from methods.networks.architectures import SmallCNN
from methods.networks.recipes import LabelledImages, Recipe

NAME, SHAPE = "digits", (1, 8, 8)

TRAINING_IMAGES, CALIBRATION_IMAGES, TEST_IMAGES = 1000, 200, 597


def _load(split: Literal["train", "test"], data_dir: Path | None) -> LabelledImages:
    """Our own split, stratified by class.

    scikit-learn has only what the data set itself calls its test part, by 13 writers in no known
    order. So the same people wrote our training and test images.
    """
    digits = load_digits()
    tested = torch.zeros(len(digits.labels), dtype=torch.bool)
    tested[stratified_choice(digits.labels, TEST_IMAGES, SPLIT_SEED)] = True
    chosen = tested if split == "test" else ~tested
    return LabelledImages(digits.images[chosen], digits.labels[chosen])


def _load_noise(name: str, seed: int, data_dir: Path | None) -> EvaluationSet:
    return EvaluationSet(NOISES[name](seed, (TEST_IMAGES, *SHAPE)), None)


def _noise(name: str, label: str) -> Condition:
    # Noise stands for real images here: there are no others of 8x8 pixels.
    load = partial(_load_noise, name)
    return out_of_distribution(name, label, in_mean=True, size=TEST_IMAGES, load=load)


WELL_TRAINED = Recipe(
    "well-trained",
    network=SmallCNN,
    split="training",
    mean=0.3053,
    std=0.376,
    dropout=0.0,
    epochs=8,
    batch_size=50,
    learning_rate=5e-3,
)
DIGITS = Task(
    name=NAME,
    label="Digits",
    shape=SHAPE,
    classes=tuple(map(str, range(10))),
    conditions=(
        Condition(CLEAN, "Clean", "clean", NAME),
        *rotations(NAME, (15, 30, 45), valid_to=45, reason=""),
        _noise("uniform_noise", "Uniform noise"),
        _noise("gaussian_noise", "Gaussian noise"),
    ),
    recipes=(WELL_TRAINED,),
    training_images=TRAINING_IMAGES,
    test_images=TEST_IMAGES,
    calibration_images=CALIBRATION_IMAGES,
    load=_load,
)
