"""The questions of a user, as data: whom each is for, what may be chosen, and what decides."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from benchmarks.nouns import SizesByMethod, compared_variants, usual_variants
from benchmarks.schema import members_rank

ImageKind = Literal["clean", "shifted", "out-of-distribution"]

QUALITY = ("accuracy", "nll")
"""The metrics by which predictions are judged: is the class right, are the probabilities?"""

ABSTAINING = ("error_at_coverage_90", "augrc")
"""By which it is judged whether a method knows on which images to abstain."""

DETECTION = ("auroc",)
"""By which it is judged whether it knows images of no class."""

FEW = 5
"""Networks that many can afford to train."""


class Sized(Protocol):
    """A method of a size, with networks of a recipe."""

    @property
    def recipe(self) -> str:
        """How its networks are trained."""

    @property
    def method(self) -> str:
        """Its name."""

    @property
    def members(self) -> str:
        """How many members it has, as tables write it."""


AnySized = TypeVar("AnySized", bound=Sized)


@dataclass(frozen=True)
class Budgets:
    """What methods take to train, in networks of their recipe.

    Attributes:
        ensembles: the methods that take as many networks as they have members.
        by_method: of others, those that take another budget than one network.
        usual_sizes: of each method those that users run.
        by_recipe: what a network takes, in networks of the task, of recipes that differ in it.
    """

    ensembles: frozenset[str] = frozenset()
    by_method: Mapping[str, float] = field(default_factory=dict)
    usual_sizes: SizesByMethod = field(default_factory=dict)
    by_recipe: Mapping[str, float] = field(default_factory=dict)

    def networks(self, choice: Sized) -> float:
        """The budget of a method of a size, in networks of its recipe.

        >>> from benchmarks.report.results import Candidate
        >>> budgets = Budgets(frozenset(["ensemble"]), {"swag": 3}, by_recipe={"half": 0.5})
        >>> choices = [Candidate("half", name, "10") for name in ("ensemble", "swag", "dropout")]
        >>> list(map(budgets.networks, choices)), list(map(budgets.compute, choices))
        ([10.0, 3, 1.0], [5.0, 1.5, 0.5])
        """
        if choice.method in self.ensembles and choice.members.isdigit():
            return float(choice.members)
        return self.by_method.get(choice.method, 1.0)

    def compute(self, choice: Sized) -> float:
        """The same in networks of the task."""
        return self.networks(choice) * self.by_recipe.get(choice.recipe, 1.0)


@dataclass(frozen=True)
class Question:
    """Which method to use, asked by somebody who predicts such images.

    Networks, their recipe and their training images are the same for all candidates; where the
    question is what a training budget is best spent on, all candidates take that.

    Attributes:
        name: in tables.
        situation: whom it is for, in the user's words.
        images: on which predictions are judged, in print.
        kinds: the kinds of these images; of a shift, the mean over its headline conditions.
        metrics: by which it is judged, under each such condition.
        networks: how many may be trained: the budget; ``None``: any number.
        compute: what all candidates take to train, in networks of the task, by any of the recipes
            whose budgets are compared; ``None``: the recipe is fixed instead.
        by_any_score: whether a network may rank images by further scores than its primary one.
        milliseconds: in which a single image must be answered; ``None``: in any time. As latency
            differs from machine to machine, slower candidates are compared, too.
    """

    name: str
    situation: str
    images: str
    kinds: tuple[ImageKind, ...]
    metrics: tuple[str, ...]
    networks: int | None = None
    by_any_score: bool = False
    milliseconds: float | None = None
    compute: float | None = None

    def candidates(self, choices: Iterable[AnySized], budgets: Budgets) -> list[AnySized]:
        """Of methods of one recipe those that may be chosen, in their order.

        Where compute is fixed, of all recipes those that take it. Else of each method the largest
        size within the budget; where time is limited, all sizes that are compared, of which the
        fast ones are known later.
        """
        chosen = [choice for choice in choices if self._is_affordable(choice, budgets)]
        if self.compute is not None:
            return chosen
        if self.milliseconds is not None:
            named, usual = (
                [(choice.method, choice.members) for choice in chosen],
                budgets.usual_sizes,
            )
            shown = compared_variants(named, usual) | usual_variants(named, usual)
            return [choice for choice, name in zip(chosen, named, strict=True) if name in shown]
        ascending = sorted(chosen, key=lambda choice: members_rank(choice.members))
        largest = {choice.method: choice.members for choice in ascending}
        return [choice for choice in chosen if choice.members == largest[choice.method]]

    def _is_affordable(self, choice: Sized, budgets: Budgets) -> bool:
        if choice.method in budgets.ensembles and (self.networks == 1 or choice.members == "1"):
            return False  # an ensemble of one is the network alone, which is another candidate
        if self.compute is not None:
            return math.isclose(budgets.compute(choice), self.compute, rel_tol=0.01)
        return self.networks is None or budgets.networks(choice) <= self.networks


ONE, SEVERAL = "I train one network", f"I can afford up to {FEW} networks"
FAST = "Single images must be answered in a millisecond"

CLEAN_IMAGES, SHIFTED_IMAGES = "Clean images", "Shifted images"
ABSTENTION, UNKNOWN_IMAGES = "When to abstain", "Out-of-distribution images"

OF_BUDGETS: tuple[tuple[str, str, tuple[ImageKind, ...], tuple[str, ...]], ...] = (
    ("clean", CLEAN_IMAGES, ("clean",), QUALITY),
    ("shifted", SHIFTED_IMAGES, ("shifted",), QUALITY),
    ("abstain", ABSTENTION, ("clean", "shifted"), ABSTAINING),
    ("unknown", UNKNOWN_IMAGES, ("out-of-distribution",), DETECTION),
)
"""What is asked of a training budget: a name, the images, their kinds, and the metrics."""

QUESTIONS = (
    Question("one-clean", ONE, CLEAN_IMAGES, ("clean",), QUALITY, 1),
    Question("one-shifted", ONE, SHIFTED_IMAGES, ("shifted",), QUALITY, 1),
    Question("one-abstain", ONE, ABSTENTION, ("clean", "shifted"), ABSTAINING, 1),
    Question("one-unknown", ONE, UNKNOWN_IMAGES, ("out-of-distribution",), DETECTION, 1, True),
    Question("few-clean", SEVERAL, CLEAN_IMAGES, ("clean",), QUALITY, FEW),
    Question("few-shifted", SEVERAL, SHIFTED_IMAGES, ("shifted",), QUALITY, FEW),
    Question("few-abstain", SEVERAL, ABSTENTION, ("clean", "shifted"), ABSTAINING, FEW),
    Question(
        *("few-unknown", SEVERAL, UNKNOWN_IMAGES, ("out-of-distribution",), DETECTION, FEW, True)
    ),
    Question("fast-clean", FAST, CLEAN_IMAGES, ("clean",), QUALITY, milliseconds=1.0),
    Question("fast-shifted", FAST, SHIFTED_IMAGES, ("shifted",), QUALITY, milliseconds=1.0),
    *(
        Question(f"{name}-{kind}", situation, images, kinds, metrics, compute=compute)
        for name, situation, compute in (
            ("budget-one", "I spend the training of one network in any way", 1.0),
            ("budget-five", f"I spend the training of {FEW} networks in any way", float(FEW)),
        )
        for kind, images, kinds, metrics in OF_BUDGETS
    ),
)
"""All of them, in the order shown."""
