"""The conditions of the evaluation: clean, rotated and out-of-distribution images."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.data.loading import (
    IMAGES,
    OUT_OF_DISTRIBUTION,
    load_mnist,
    load_out_of_distribution,
)
from benchmarks.errors import UserError
from benchmarks.tasks.rotations import rotated
from benchmarks.vocabulary import CLEAN, LABELS_ILL_DEFINED_BEYOND, SUBSET, SUBSET_CLEAN
from methods.seeds import derive_seed


@dataclass(frozen=True)
class Condition:
    """A named set of images under which methods are evaluated; only `build` loads them.

    Attributes:
        name: ``clean``, ``rotated-<degrees>`` or ``ood-<data set>``; ``subset-`` in front denotes
            few of its images, for which even exact MC-dropout is affordable.
        angle: degrees by which the clean images are rotated, counter-clockwise.
        dataset: the out-of-distribution set, or ``None`` for MNIST's own test images.
        subset: whether it is a subset; its digits are stratified by class.
    """

    name: str
    angle: int = 0
    dataset: str | None = None
    subset: bool = False

    @property
    def labelled(self) -> bool:
        """Whether the images belong to the ten classes."""
        return self.dataset is None

    @property
    def labels_ill_defined(self) -> bool:
        """Whether the images are rotated so far that their labels are ill-defined."""
        return self.angle > LABELS_ILL_DEFINED_BEYOND

    @property
    def averaged(self) -> bool:
        """Whether the mean over rotations includes it."""
        return self.angle > 0 and not self.labels_ill_defined and not self.subset

    @property
    def reference(self) -> str:
        """The condition of in-distribution images from which this one is distinguished."""
        return SUBSET_CLEAN if self.subset else CLEAN

    def build(self, images: int | None, *, seed: int, data_dir: Path | None) -> EvaluationSet:
        """The condition's images: all of them, or a seeded choice.

        Clean and rotated images are chosen alike, so that they are paired.

        Raises:
            benchmarks.data.files.Unavailable: the data set cannot be had.
        """
        if self.dataset is not None:
            ood = load_out_of_distribution(self.dataset, seed=seed, data_dir=data_dir)
            return EvaluationSet(ood[_choice(len(ood), images, seed)], None)
        test = load_mnist("test", data_dir=data_dir)
        if self.subset and images is not None:
            chosen = stratified_choice(test.labels, images, seed)
        else:
            chosen = _choice(len(test.images), images, seed)
        return EvaluationSet(rotated(test.images[chosen], self.angle), test.labels[chosen])


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """Images on which methods are evaluated.

    Attributes:
        images: in [0, 1].
        labels: ``None`` where the images belong to none of the classes.
    """

    images: Float[Tensor, "images 1 28 28"]
    labels: Int64[Tensor, " images"] | None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the images' bytes, in 64 hexadecimal digits."""
        return sha256(self.images.contiguous().numpy().data).hexdigest()


CONDITIONS = {
    condition.name: condition
    for condition in (
        Condition(CLEAN),
        *(Condition(f"rotated-{angle:03d}", angle=angle) for angle in range(15, 181, 15)),
        *(Condition(f"ood-{name}", dataset=name) for name in OUT_OF_DISTRIBUTION),
    )
}

SUBSET_CONDITIONS = (
    Condition(SUBSET_CLEAN, subset=True),
    Condition(f"{SUBSET}rotated-045", angle=45, subset=True),
    Condition(f"{SUBSET}ood-fashion_mnist", dataset="fashion_mnist", subset=True),
)
"""Evaluated by every method, beside the others, if exact MC-dropout is among the methods."""


def matching(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The conditions that match any of the globs, in their order; ``clean`` is always among them.

    Raises:
        UserError: a glob matches none.

    >>> matching(("rotated-0[13]*",))
    ('clean', 'rotated-015', 'rotated-030')
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in CONDITIONS):
            raise UserError(
                f"no condition matches {pattern!r}; choose from {', '.join(CONDITIONS)}, "
                "or use globs such as 'rotated-*'"
            )
    wanted = (CLEAN, *patterns)
    return tuple(
        name for name in CONDITIONS if any(fnmatchcase(name, pattern) for pattern in wanted)
    )


def chosen_indices(images: int | None, seed: int) -> Int64[Tensor, " images"]:
    """Indices of the images that a condition other than a subset evaluates; loads nothing."""
    return _choice(IMAGES, images, seed)


def _choice(available: int, wanted: int | None, seed: int) -> Int64[Tensor, " images"]:
    """Indices of the images to evaluate, ascending."""
    if wanted is None or wanted >= available:
        return torch.arange(available)
    return torch.from_numpy(np.sort(_generator(seed).permutation(available)[:wanted]))


def stratified_choice(
    labels: Int64[Tensor, " available"], wanted: int, seed: int
) -> Int64[Tensor, " images"]:
    """Indices of equally many images of each class (one more of the lowest classes), ascending.

    A smaller choice is part of a larger one.
    """
    shuffled = _generator(seed).permutation(len(labels))
    classes = labels.numpy()[shuffled]
    rank = np.empty(len(labels), dtype=np.int64)
    for c in range(10):
        members = np.flatnonzero(classes == c)
        rank[members] = np.arange(len(members)) * 10 + c
    return torch.from_numpy(np.sort(shuffled[np.argsort(rank)[:wanted]]))


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(derive_seed("images", seed))
