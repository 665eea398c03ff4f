"""The conditions of corrupted test images: the fifteen corruptions of MNIST-C."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.corruptions import CORRUPTIONS, Corruption
from benchmarks.corruptions.originals import original
from benchmarks.corruptions.store import corrupted
from benchmarks.tasks.conditions import OF_SHIFTS, Condition, EvaluationSet, stratified_choice
from benchmarks.tasks.task import SPLIT_SEED
from methods.networks.labelled_images import LabelledImages

IMAGES = 2_000
"""How many test images are evaluated, the same for all: of interest is the mean of fifteen."""

ORIGINAL, COMPUTED = "original files", "computed by definition"
"""Where corrupted images come from; the record of a run says it."""


def corruptions(
    data: str,
    load_test: Callable[[Path | None], LabelledImages],
    *,
    originals: str | None = None,
) -> tuple[Condition, ...]:
    """A condition for each corruption (Mu & Gilmer 2019), of a task's 28x28 grey test images.

    A choice of `IMAGES`, stratified by class, is evaluated: image by image the same test images
    under each of the conditions, with their labels: as in MNIST-C, all count as valid. Neither the
    choice nor the images depend on a run's seed.

    Args:
        data: the data set that the images come from.
        load_test: loads the test images, all of them, from the user's data folder.
        originals: the folder of published corrupted images, such as ``mnist_c``; where it is in the
            data folder, these are taken. ``None``: there are none of this task.
    """
    first = next(iter(CORRUPTIONS))
    return tuple(
        Condition(
            name=f"corrupted-{name}",
            label=corruption.label,
            group="corrupted",
            data=f"{data}_c",
            paired_with=f"corrupted-{first}",
            in_mean=True,
            presets=OF_SHIFTS,
            size=IMAGES,
            load=partial(_load, corruption, load_test, originals),
        )
        for name, corruption in CORRUPTIONS.items()
    )


def _load(
    corruption: Corruption,
    load_test: Callable[[Path | None], LabelledImages],
    originals: str | None,
    seed: int,
    data_dir: Path | None,
) -> EvaluationSet:
    test = load_test(data_dir)
    published = None
    if originals is not None:
        published = original(
            corruption.name, test.labels.numpy(), archive=originals, data_dir=data_dir
        )
    if published is None:
        clean = np.rint(255 * test.images.squeeze(1).numpy()).astype(np.uint8)
        pixels, source = corrupted(corruption, clean), COMPUTED
    else:
        pixels, source = published, ORIGINAL
    scaled = torch.from_numpy(np.divide(pixels, 255, dtype=np.float32)).unsqueeze(1)
    chosen = stratified_choice(test.labels, IMAGES, SPLIT_SEED)
    return EvaluationSet(scaled[chosen], test.labels[chosen], source)
