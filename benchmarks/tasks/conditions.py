"""A condition: a named set of images under which methods are evaluated, as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.vocabulary import CLEAN, SUBSET
from methods.determinism import derive_seed

Labels = Literal["valid", "ill-defined", "none"]

Transform = Callable[[Float[Tensor, "images ..."]], Float[Tensor, "images ..."]]


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """Images on which methods are evaluated.

    Attributes:
        images: in [0, 1].
        labels: ``None`` where the images belong to none of the classes.
        source: where the images come from, in a phrase, if the same condition may have several.
    """

    images: Float[Tensor, "images channels height width"]
    labels: Int64[Tensor, " images"] | None
    source: str = ""

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the images' bytes, in 64 hexadecimal digits."""
        return sha256(self.images.contiguous().numpy().data).hexdigest()


@dataclass(frozen=True)
class Condition:
    """A named set of images under which methods are evaluated; only a task loads them.

    Its images are a transform of the task's test images, or loaded from a data set of their own.

    Attributes:
        name: in tables and files: lower-case letters, digits, ``-`` and ``_``.
        label: in print.
        group: of conditions that belong together, such as ``rotated``; also in names of files:
            lower-case letters, digits and ``-``.
        data: the data set that its images come from.
        severity: how strong its shift is, in ``unit``; ``None`` where that is no number.
        labels: ``valid``; ``ill-defined``: there are labels, but another class may be as right;
            ``none``: the images belong to none of the classes.
        reason: why labels are not valid, in a phrase.
        reference: the condition of in-distribution images that detection compares it with; the
            condition's own name where there is no detection.
        paired_with: the condition whose images these are, image by image; its own name where its
            images are its own.
        subset: whether it has few of the images, for which even a slow method is affordable.
        has_subset: whether there is such a subset of it.
        in_mean: whether the mean over its group includes it.
        size: how many images its data set has; ``None``: as many as the task's test images.
        transform: what is done to the test images; ``None``: nothing.
        load: loads its own images from a seed and the user's data folder; ``None``: they are the
            task's test images.
    """

    name: str
    label: str
    group: str
    data: str
    severity: float | None = None
    unit: str = ""
    labels: Labels = "valid"
    reason: str = ""
    reference: str = CLEAN
    paired_with: str = CLEAN
    subset: bool = False
    has_subset: bool = False
    in_mean: bool = False
    size: int | None = None
    transform: Transform | None = field(default=None, compare=False)
    load: Callable[[int, Path | None], EvaluationSet] | None = field(default=None, compare=False)

    @property
    def labelled(self) -> bool:
        """Whether the images have labels, ill-defined ones too."""
        return self.labels != "none"

    @property
    def detected(self) -> bool:
        """Whether its images are to be distinguished from those of its reference."""
        return self.name != self.reference

    @property
    def is_one_of_many(self) -> bool:
        """Whether it is one of a group of shifts, for which their mean can stand."""
        return self.severity is not None or self.in_mean

    def as_subset(self) -> Condition:
        """The condition with few of its images; the choice is stratified by class."""
        return replace(
            self,
            name=f"{SUBSET}{self.name}",
            label=f"{self.label}, subset",
            reference=f"{SUBSET}{self.reference}",
            paired_with=f"{SUBSET}{self.paired_with}",
            subset=True,
            has_subset=False,
            in_mean=False,
        )


MOST_NAMED = 4
"""Of how many conditions without even severities the mean is called by their names."""


def mean_label(conditions: Iterable[Condition]) -> str:
    """What the mean over conditions is called: a range if their severities are evenly spaced.

    Many conditions are counted, not named.

    >>> labels = [Condition(f"r{a}", f"{a}°", "r", "", severity=a) for a in (15, 30, 45)]
    >>> mean_label(labels), mean_label(labels[::2]), mean_label(labels[:1])
    ('Mean 15°–45°', 'Mean of 15°, 45°', '15°')
    """
    chosen = list(conditions)
    first, last = chosen[0], chosen[-1]
    if len(chosen) == 1:
        return first.label
    severities = [condition.severity for condition in chosen]
    steps = {round(b - a, 9) for a, b in pairwise(severities) if a is not None and b is not None}
    if len(chosen) > 2 and len(steps) == 1 and None not in severities:
        return f"Mean {first.label}–{last.label}"
    if len(chosen) > MOST_NAMED:
        return f"{first.group.capitalize()}, mean of {len(chosen)}"
    return "Mean of " + ", ".join(condition.label for condition in chosen)


def choice(available: int, wanted: int | None, seed: int) -> Int64[Tensor, " images"]:
    """Indices of the images to evaluate, ascending: all, or a seeded choice."""
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
    number = int(classes.max()) + 1
    for c in range(number):
        members = np.flatnonzero(classes == c)
        rank[members] = np.arange(len(members)) * number + c
    return torch.from_numpy(np.sort(shuffled[np.argsort(rank)[:wanted]]))


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(derive_seed("images", seed))
