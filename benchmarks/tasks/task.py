"""A task: what is to be classified, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import torch

from benchmarks.io import UserError
from benchmarks.tasks.conditions import Condition, EvaluationSet, choice, stratified_choice
from benchmarks.vocabulary import CALIBRATION, CLEAN, SUBSET
from methods.networks.recipes import LabelledImages, Recipe

Split = Literal["training", "calibration", "all", "test"]
"""``all``: the training and the calibration images together."""

RESERVED = frozenset({*get_args(Split), f"{SUBSET}{CALIBRATION}"})
"""Names that no condition may take: fingerprints and predictions of splits stand under them."""

Load = Callable[[Literal["train", "test"], Path | None], LabelledImages]
"""From the data set's own split and the user's data folder to its images."""

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
        recipes: how networks are trained, the main one first.
        training_images: how many images there are to train with.
        test_images: how many test images there are.
        calibration_images: how many more images of the data set's own training split are held out
            for calibration, drawn with a fixed seed and stratified by class.
        example_class: of the image that is shown under every severity of a group of conditions.
        article_images: the test images, by number, that the article shows.
        article_recipes: the recipes that its claims are measured by; none: it has another task.
        published: recipes that follow other papers, for the preset ``published``; others train
            them only where they are named.
        load: loads the data set's own splits.

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
    example_class: int = 0
    article_images: tuple[int, ...] = ()
    article_recipes: tuple[str, ...] = ()
    published: tuple[Recipe, ...] = ()
    load: Load = field(kw_only=True, compare=False)

    def __post_init__(self) -> None:
        every = (*self.conditions, *self.subset_conditions)
        names = [one.name for one in every]
        if CLEAN not in names or RESERVED.intersection(names) or len(set(names)) < len(names):
            raise ValueError(
                f"the task {self.name!r} needs {CLEAN!r}, the test images as they are, and no "
                f"name twice, nor one of a split: {', '.join(sorted(RESERVED))}"
            )
        for one in every:
            for part in ("reference", "paired_with"):
                if (other := getattr(one, part)) not in names:
                    raise ValueError(
                        f"the condition {one.name!r} has the {part} {other!r}, which the task "
                        f"{self.name!r} has not; choose from {', '.join(names)}"
                    )

    @cached_property
    def subset_conditions(self) -> tuple[Condition, ...]:
        """The subsets that are evaluated beside the conditions for the sake of slow methods."""
        return tuple(one.as_subset() for one in self.conditions if one.has_subset)

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
        return self._every_condition[name]

    @cached_property
    def _every_condition(self) -> Mapping[str, Condition]:
        return {one.name: one for one in (*self.conditions, *self.subset_conditions)}

    def recipe(self, name: str) -> Recipe:
        """The recipe of this name.

        Raises:
            KeyError: there is none.
        """
        return {recipe.name: recipe for recipe in self.every_recipe}[name]

    @property
    def every_recipe(self) -> tuple[Recipe, ...]:
        """Those of its own, and those that follow other papers."""
        return (*self.recipes, *self.published)

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
        self, condition: Condition, images: int | None, *, seed: int, data_dir: Path | None
    ) -> EvaluationSet:
        """The images of a condition: all of them, or so many of a seeded choice.

        The images of paired conditions are chosen alike.

        Raises:
            UserError: they are not of the task's shape, not as many as their labels, or lack these.
            benchmarks.data.files.Unavailable: the data set cannot be had.
        """
        if condition.load is None:
            test = self.load("test", data_dir)
            whole = EvaluationSet(test.images, test.labels)
        else:
            whole = condition.load(seed, data_dir)
        if condition.subset and images is not None and whole.labels is not None:
            chosen = stratified_choice(whole.labels, images, seed)
        else:
            chosen = choice(len(whole.images), images, seed)
        pixels = whole.images[chosen]
        built = EvaluationSet(
            pixels if condition.transform is None else condition.transform(pixels),
            whole.labels[chosen] if condition.labelled and whole.labels is not None else None,
            whole.source,
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
