"""A task: what is to be classified, and the conditions under which that is evaluated, as data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from benchmarks.io import UserError
from benchmarks.vocabulary import CLEAN
from methods.determinism import derive_seed
from methods.networks.recipes import LabelledImages, Recipe

SUBSET = "subset-"
"""What the names of conditions begin with that have few images, for the sake of exact methods."""

CALIBRATION = "calibration"
"""The split held out of training, and the name under which its predictions are stored."""

ImageTransform = Callable[[Float[Tensor, "images ..."]], Float[Tensor, "images ..."]]

Groups = Callable[[], Int64[Tensor, " images"]]
"""What gives each test image's number of the group that it belongs to."""


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """Images on which methods are evaluated.

    Attributes:
        images: in [0, 1].
        labels: ``None`` where the images belong to none of the classes.
        numbers: of the images in their data set; ``None`` before a task chooses among them.
        groups: by image the number of the group that it belongs to; see `Task`.
    """

    images: Float[Tensor, "images channels height width"]
    labels: Int64[Tensor, " images"] | None
    numbers: Int64[Tensor, " images"] | None = None
    groups: Int64[Tensor, " images"] | None = None

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
        paired_with: the condition whose images these are, image by image; where that has more,
            these are its first. Its own name where its images are its own.
        subset: whether it has few of the images, for which even a slow method is affordable.
        has_subset: whether there is such a subset of it.
        in_mean: whether the mean over its group includes it.
        headline: whether the mean over its group is one of the shifts that methods are judged by.
        size: how many images its data set has; ``None``: as many as the task's test images.
        transform: what is done to the test images; ``None``: nothing.
        load: loads its own images from a seed and the user's data folder; ``None``: they are the
            task's test images.

    Raises:
        ValueError: a name or group has other characters.
    """

    name: str
    label: str
    group: str
    data: str
    severity: float | None = None
    unit: str = ""
    labels: Literal["valid", "ill-defined", "none"] = "valid"
    reason: str = ""
    reference: str = CLEAN
    paired_with: str = CLEAN
    subset: bool = False
    has_subset: bool = False
    in_mean: bool = False
    headline: bool = False
    size: int | None = None
    transform: ImageTransform | None = field(default=None, compare=False)
    load: Callable[[int, Path | None], EvaluationSet] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for part, marks in (("name", "_-"), ("group", "-")):
            if not re.fullmatch(f"[a-z0-9{marks}]+", text := getattr(self, part)):
                expected = f"lower-case letters, digits and {' or '.join(marks)}"
                raise ValueError(f"a condition has the {part} {text!r}; expected {expected}")

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
        return self.labelled and (self.severity is not None or self.in_mean)

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


def grouped(
    labels: Int64[Tensor, " images"], groups: Groups | None
) -> Int64[Tensor, " images"] | None:
    """The group of each test image, where there are groups.

    Raises:
        UserError: they are of another number of images than there are labels.
    """
    numbers = None if groups is None else groups()
    if numbers is not None and numbers.shape != labels.shape:
        raise UserError(
            f"the groups of test images have the shape {list(numbers.shape)}; expected "
            f"{list(labels.shape)}: give the task a number for each test image, or groups=None"
        )
    return numbers


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(derive_seed("images", seed))


class ImageLimits(NamedTuple):
    """How many images of a condition are evaluated; ``None``: all.

    Attributes:
        images: of any condition.
        severity_images: of each but the clean test images.
    """

    images: int | None = None
    severity_images: int | None = None

    def number(self, condition: Condition, available: int) -> int:
        """How many of the available images of a condition are evaluated."""
        limits = [self.images, None if condition.name == CLEAN else self.severity_images]
        return min([available, *(limit for limit in limits if limit is not None)])

    def chosen(
        self,
        condition: Condition,
        labels: Int64[Tensor, " available"] | None,
        available: int,
        seed: int,
    ) -> Int64[Tensor, " images"]:
        """Which of the available images of a condition are evaluated, in their order.

        Few are stratified by class where there are labels, and come first among the clean ones: so
        the images of a condition that is paired with these are their first ones.
        """
        if condition.subset and self.images is not None and labels is not None:
            return stratified_choice(labels, self.images, seed)
        every = choice(available, self.images, seed)
        if self.severity_images is None or self.severity_images >= len(every):
            return every
        if labels is None:
            few = choice(len(every), self.severity_images, seed)
        else:
            few = stratified_choice(labels[every], self.severity_images, seed)
        if condition.name != CLEAN:
            return every[few]
        others = torch.ones(len(every), dtype=torch.bool)
        others[few] = False
        return torch.cat([every[few], every[others]])


ALL_IMAGES = ImageLimits()

Split = Literal["training", "calibration", "all", "test"]
"""``all``: the training and the calibration images together."""

RESERVED = frozenset({*get_args(Split), f"{SUBSET}{CALIBRATION}"})
"""Names that no condition may take: fingerprints and predictions of splits stand under them."""

SPLIT_SEED = 0
"""Of the choice of calibration images, which is the same in all runs."""


@dataclass(frozen=True)
class Task:
    """Images to classify, the conditions under which that is evaluated, and how it is learnt.

    Attributes:
        name: on the command line, and in tables.
        label: in print.
        shape: of an image: channels, height, width.
        classes: their names, in the order of the labels.
        conditions: among them ``clean``, the test images as they are.
        recipes: how networks can be trained; a run has one of them, by default the first.
        training_images: how many images there are to train with.
        test_images: how many test images there are.
        calibration_images: how many more images of the data set's own training split are held out
            for calibration, drawn with a fixed seed and stratified by class.
        article_images: the test images, by number, that the article shows.
        groups: which test images belong together, such as those of one writer: intervals are over
            the draw of groups. ``None``: each image is a group of its own.
        people: from the user's data folder to how many people gave each class to each test image,
            [images, classes]; ``None``: nobody was asked.
        load: from the data set's own split and the user's data folder to its images.

    Raises:
        ValueError: ``clean`` is missing, two conditions have one name, or one has that of a split
            or names another that there is not.
    """

    name: str
    label: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    conditions: tuple[Condition, ...]
    recipes: tuple[Recipe, ...]
    training_images: int
    test_images: int
    calibration_images: int = 0
    article_images: tuple[int, ...] = ()
    groups: Groups | None = field(default=None, kw_only=True, compare=False)
    people: Callable[[Path | None], Tensor] | None = field(
        default=None, kw_only=True, compare=False
    )
    load: Callable[[Literal["train", "test"], Path | None], LabelledImages] = field(
        kw_only=True, compare=False
    )

    def __post_init__(self) -> None:
        conditions = (*self.conditions, *self.subset_conditions)
        names = [condition.name for condition in conditions]
        if CLEAN not in names or RESERVED.intersection(names) or len(set(names)) < len(names):
            raise ValueError(
                f"the task {self.name!r} needs {CLEAN!r}, the test images as they are, and no "
                f"name twice, nor one of a split: {', '.join(sorted(RESERVED))}"
            )
        for condition in conditions:
            for part in ("reference", "paired_with"):
                if (other := getattr(condition, part)) not in names:
                    raise ValueError(
                        f"the condition {condition.name!r} has the {part} {other!r}, which the "
                        f"task {self.name!r} has not; choose from {', '.join(names)}"
                    )

    @cached_property
    def subset_conditions(self) -> tuple[Condition, ...]:
        """The subsets that are evaluated beside the conditions for the sake of slow methods."""
        return tuple(condition.as_subset() for condition in self.conditions if condition.has_subset)

    @cached_property
    def calibration(self) -> Condition | None:
        """The calibration images, which are predicted as those of a condition are.

        ``None`` where there are none. It is no condition of the task: nothing measures it.
        """
        if not self.calibration_images:
            return None
        return Condition(
            name=CALIBRATION,
            label="Calibration",
            group=CALIBRATION,
            data=self.name,
            reference=CALIBRATION,
            paired_with=CALIBRATION,
            size=self.calibration_images,
            load=self._load_calibration,
        )

    def condition(self, name: str) -> Condition:
        """The condition, or subset, of this name.

        Raises:
            KeyError: there is none.
        """
        conditions = (*self.conditions, *self.subset_conditions)
        return {condition.name: condition for condition in conditions}[name]

    def recipe(self, name: str) -> Recipe:
        """The recipe of this name.

        Raises:
            KeyError: there is none.
        """
        return {recipe.name: recipe for recipe in self.recipes}[name]

    def images_to_train_with(self, split: Split) -> int:
        """How many images are trained on: without the calibration images, or ``all``."""
        return self.training_images + (self.calibration_images if split == "all" else 0)

    def split(self, name: Split, data_dir: Path | None) -> LabelledImages:
        """The images of a split.

        Raises:
            benchmarks.data.files.Unavailable: the data set cannot be had.
        """
        if name == "test":
            return self.load("test", data_dir)
        whole = self.load("train", data_dir)
        if name == "all":
            return whole
        held_out = torch.zeros(len(whole.labels), dtype=torch.bool)
        held_out[stratified_choice(whole.labels, self.calibration_images, SPLIT_SEED)] = True
        chosen = held_out if name == "calibration" else ~held_out
        return LabelledImages(whole.images[chosen], whole.labels[chosen])

    def _load_calibration(self, seed: int, data_dir: Path | None) -> EvaluationSet:
        held_out = self.split("calibration", data_dir)
        return EvaluationSet(held_out.images, held_out.labels)

    def evaluation_set(
        self,
        condition: Condition,
        limits: ImageLimits = ALL_IMAGES,
        *,
        seed: int,
        data_dir: Path | None,
    ) -> EvaluationSet:
        """The images of a condition: all of them, or a seeded choice.

        The images of paired conditions are chosen alike.

        Raises:
            UserError: they are not of the task's shape, not as many as their labels or groups, or
                lack labels.
            benchmarks.data.files.Unavailable: the data set cannot be had.
        """
        if condition.load is None:
            test = self.load("test", data_dir)
            groups = grouped(test.labels, self.groups)
            whole = EvaluationSet(test.images, test.labels, groups=groups)
        else:
            whole = condition.load(seed, data_dir)
        chosen = limits.chosen(condition, whole.labels, len(whole.images), seed)
        pixels = whole.images[chosen]
        built = EvaluationSet(
            pixels if condition.transform is None else condition.transform(pixels),
            whole.labels[chosen] if condition.labelled and whole.labels is not None else None,
            chosen,
            None if whole.groups is None else whole.groups[chosen],
        )
        if condition.labelled and built.labels is None:
            raise UserError(
                f"the condition {condition.name!r} has labels={condition.labels!r}, but no labels "
                "are loaded; give them, or write labels='none'"
            )
        count = len(built.images if built.labels is None else built.labels)
        if (shape := tuple(built.images.shape)) != (expected := (count, *self.shape)):
            raise UserError(
                f"the images of the condition {condition.name!r} have the shape {list(shape)}; "
                f"expected {list(expected)}: correct its transform, or what loads them"
            )
        return built

    def matching(self, patterns: tuple[str, ...]) -> tuple[str, ...]:
        """The conditions that match any of the globs, in their order.

        Always ``clean``, and the references of the others.

        Raises:
            UserError: a glob matches none.
        """
        names = [condition.name for condition in self.conditions]
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise UserError(
                    f"the task {self.name!r} has no condition that matches {pattern!r}; choose "
                    f"from {', '.join(names)}, or use globs such as 'rotated-*'"
                )
        chosen = {name for name in names if any(fnmatchcase(name, glob) for glob in patterns)}
        added = {CLEAN, *chosen}
        while added:
            chosen |= added
            added = {self.condition(name).reference for name in added} - chosen
        return tuple(name for name in names if name in chosen)
