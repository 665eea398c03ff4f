"""The questions of a user, as data: whom each is for, what may be chosen, and what decides."""

from __future__ import annotations

from collections.abc import Iterable
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
    """A method of a size at a budget."""

    @property
    def method(self) -> str:
        """Its name."""

    @property
    def members(self) -> str:
        """How many members it has, as tables write it."""

    @property
    def budget(self) -> float:
        """What it takes to train, in networks of the recipe."""


AnySized = TypeVar("AnySized", bound=Sized)


@dataclass(frozen=True)
class Budgets:
    """What is known of the sizes of methods.

    Attributes:
        ensembles: the methods that take as many networks as they have members.
        usual_sizes: of each method those that users run.
    """

    ensembles: frozenset[str] = frozenset()
    usual_sizes: SizesByMethod = field(default_factory=dict)

    def shown(self, choices: Iterable[AnySized]) -> list[AnySized]:
        """Those of usual and compared sizes; see `benchmarks.nouns.compared_sizes`.

        So are all ensembles that divide a budget otherwise than into its networks.
        """
        choices = list(choices)
        named, usual = [(each.method, each.members) for each in choices], self.usual_sizes
        shown = compared_variants(named, usual) | usual_variants(named, usual)
        return [
            each
            for each, name in zip(choices, named, strict=True)
            if name in shown
            or (each.method in self.ensembles and members_rank(each.members) != each.budget)
        ]


@dataclass(frozen=True)
class Question:
    """Which method to use, asked by somebody who predicts such images.

    Attributes:
        name: in tables.
        situation: whom it is for, in the user's words.
        images: on which predictions are judged, in print.
        kinds: the kinds of these images; of a shift, the mean over its headline conditions.
        metrics: by which it is judged, under each such condition.
        budget: what all candidates take to train, in networks; ``None``: it does not matter.
        milliseconds: in which a single image must be answered; ``None``: in any time. As latency
            differs from machine to machine, slower candidates are compared, too.
        by_any_score: whether a network may rank images by further scores than its primary one.
    """

    name: str
    situation: str
    images: str
    kinds: tuple[ImageKind, ...]
    metrics: tuple[str, ...]
    budget: float | None = None
    milliseconds: float | None = None
    by_any_score: bool = False

    def candidates(self, choices: Iterable[AnySized], budgets: Budgets) -> list[AnySized]:
        """Of methods those that may be chosen, in their order.

        Of a budget, the largest size of each method, and all ensembles, which spend it in different
        ways. Of any, all sizes that are compared: which are fast enough is known later. An ensemble
        of one is the network alone, which is another candidate.
        """
        several = [
            each for each in choices if each.method not in budgets.ensembles or each.members != "1"
        ]
        if self.budget is None:
            return budgets.shown(several)
        chosen = [each for each in several if each.budget == self.budget]
        ascending = sorted(chosen, key=lambda each: members_rank(each.members))
        largest = {each.method: each.members for each in ascending}
        return [
            each
            for each in chosen
            if each.method in budgets.ensembles or each.members == largest[each.method]
        ]


ABOUT: tuple[tuple[str, str, tuple[ImageKind, ...], tuple[str, ...]], ...] = (
    ("clean", "Clean images", ("clean",), QUALITY),
    ("shifted", "Shifted images", ("shifted",), QUALITY),
    ("abstain", "When to abstain", ("clean", "shifted"), ABSTAINING),
    ("unknown", "Out-of-distribution images", ("out-of-distribution",), DETECTION),
)
"""What is asked: a name, the images, their kinds, and the metrics."""

QUESTIONS = tuple(
    Question(
        *(f"{name}-{about}", situation, images, kinds, metrics, budget, milliseconds),
        by_any_score=about == "unknown",
    )
    for name, situation, budget, milliseconds, asked in (
        ("one", "I can spend the training of one network", 1.0, None, ABOUT),
        ("five", f"I can spend the training of {FEW} networks", float(FEW), None, ABOUT),
        ("fast", "Single images must be answered in a millisecond", None, 1.0, ABOUT[:2]),
    )
    for about, images, kinds, metrics in asked
)
"""All of them, in the order shown."""
