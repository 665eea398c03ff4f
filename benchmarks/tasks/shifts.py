"""Conditions of many tasks: rotated, translated, corrupted and out-of-distribution images."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import grid_sample

from benchmarks.corruptions import CORRUPTIONS, Corruption, corrupted
from benchmarks.data.loading import IMAGES, OUT_OF_DISTRIBUTION
from benchmarks.tasks.task import (
    SPLIT_SEED,
    Condition,
    EvaluationSet,
    Groups,
    grouped,
    stratified_choice,
)
from methods.networks.recipes import LabelledImages


def rotated(
    images: Float[Tensor, "images channels height width"], angle: float
) -> Float[Tensor, "images channels height width"]:
    """The images rotated counter-clockwise by degrees: bilinear, black outside of the original.

    To the bit as `torchvision.transforms.v2.functional.rotate`, which takes seconds to import.
    """
    if angle % 90 == 0:
        return torch.rot90(images, int(angle) // 90, dims=(-2, -1))
    height, width = images.shape[-2:]
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    rows, columns = (torch.arange(n, dtype=images.dtype) - (n - 1) / 2 for n in (height, width))
    back = images.new_tensor([[cosine, sine], [-sine, cosine]])
    back /= images.new_tensor([width / 2, height / 2])
    grid = (
        (torch.cartesian_prod(rows, columns).flip(1) @ back)
        .view(1, height, width, 2)
        .expand(len(images), -1, -1, -1)
    )
    with_mask = torch.cat([images, torch.ones_like(images[:, :1])], dim=1)
    sampled = grid_sample(with_mask, grid, align_corners=False)
    return sampled[:, :-1] * sampled[:, -1:]  # the border fades into the black


LARGEST_IN_MEAN = 45
"""In degrees: what is rotated so far is still read as a rotated image of its class."""


def rotations(
    data: str,
    angles: Iterable[int],
    *,
    valid_to: int,
    reason: str,
    with_subset: Iterable[int] = (),
) -> tuple[Condition, ...]:
    """A condition an angle in degrees, of the task's test images.

    Args:
        valid_to: the largest angle at which a label is as right as before.
        reason: why labels are ill-defined beyond.
        with_subset: the angles at which slow methods are evaluated on a subset.
    """
    return tuple(
        Condition(
            name=f"rotated-{angle:03d}",
            label=f"{angle}°",
            group="rotated",
            data=data,
            severity=angle,
            unit="degrees",
            labels="valid" if angle <= valid_to else "ill-defined",
            reason="" if angle <= valid_to else reason,
            has_subset=angle in with_subset,
            in_mean=angle <= min(valid_to, LARGEST_IN_MEAN),
            headline=True,
            transform=partial(rotated, angle=angle),
        )
        for angle in angles
    )


def translated(
    images: Float[Tensor, "images channels height width"], pixels: int
) -> Float[Tensor, "images channels height width"]:
    """The images rolled to the right by pixels: what leaves at one side enters at the other.

    As Ovadia et al. 2019, "Can You Trust Your Model's Uncertainty?", section 4.1: their code rolls
    MNIST along its width.

    >>> translated(torch.tensor([[[[1.0, 2.0, 3.0]]]]), 1).tolist()
    [[[[3.0, 1.0, 2.0]]]]
    """
    return torch.roll(images, pixels, dims=-1)


def translations(data: str, distances: Iterable[int]) -> tuple[Condition, ...]:
    """A condition a distance in pixels, of the task's test images; their labels stay valid.

    Their mean is no headline: by 6 to 12 pixels a digit falls apart into halves at both sides.
    """
    return tuple(
        Condition(
            name=f"translated-{distance:02d}",
            label=f"{distance} px",
            group="translated",
            data=data,
            severity=distance,
            unit="pixels",
            in_mean=True,
            transform=partial(translated, pixels=distance),
        )
        for distance in distances
    )


CORRUPTED_IMAGES = 2_000
"""How many test images are evaluated, the same for all: of interest is the mean of fifteen."""


def corruptions(
    data: str,
    load_test: Callable[[Path | None], LabelledImages],
    groups: Groups | None = None,
) -> tuple[Condition, ...]:
    """A condition for each corruption (Mu & Gilmer 2019), of a task's 28x28 grey test images.

    A choice of `CORRUPTED_IMAGES`, stratified by class, is evaluated: image by image the same test
    images under each of the conditions, with their labels: as in MNIST-C, all count as valid.
    Neither the choice nor the images depend on a run's seed.

    Args:
        data: the data set that the images come from.
        load_test: loads the test images, all of them, from the user's data folder.
        groups: of the test images; see `Task`.
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
            headline=True,
            size=CORRUPTED_IMAGES,
            load=partial(_load_corrupted, corruption, load_test, groups),
        )
        for name, corruption in CORRUPTIONS.items()
    )


def _load_corrupted(
    corruption: Corruption,
    load_test: Callable[[Path | None], LabelledImages],
    groups: Groups | None,
    seed: int,
    data_dir: Path | None,
) -> EvaluationSet:
    test = load_test(data_dir)
    pixels = corrupted(corruption, np.rint(255 * test.images.squeeze(1).numpy()).astype(np.uint8))
    scaled = torch.from_numpy(np.divide(pixels, 255, dtype=np.float32)).unsqueeze(1)
    chosen = stratified_choice(test.labels, CORRUPTED_IMAGES, SPLIT_SEED)
    numbers = grouped(test.labels, groups)
    own = None if numbers is None else numbers[chosen]
    return EvaluationSet(scaled[chosen], test.labels[chosen], groups=own)


def out_of_distribution(
    name: str,
    label: str,
    *,
    in_mean: bool = False,
    size: int = IMAGES,
    load: Callable[[int, Path | None], EvaluationSet] | None = None,
) -> Condition:
    """The condition of a set of images.

    Args:
        in_mean: whether the mean over such sets includes it, by which methods are judged.
        name: of the set.
        label: in print.
        size, load: how many images it has, and what loads them; by default 10,000 of 28x28 pixels,
            of one of `benchmarks.data.loading.OUT_OF_DISTRIBUTION`.
    """
    return Condition(
        name=f"ood-{name}",
        label=label,
        group="out-of-distribution",
        data=name,
        labels="none",
        reason="out-of-distribution images have no label",
        paired_with=f"ood-{name}",
        in_mean=in_mean,
        size=size,
        load=load or partial(_load_out_of_distribution, name),
    )


def _load_out_of_distribution(name: str, seed: int, data_dir: Path | None) -> EvaluationSet:
    return EvaluationSet(OUT_OF_DISTRIBUTION[name](seed, data_dir), None)
