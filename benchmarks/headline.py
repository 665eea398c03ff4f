"""The five measures by which methods are judged: one for each thing that a user wants.

A measure that decides is proper or a rank statistic, and bounded where images may fail altogether:
the Brier score of corrupted images cannot be decided by a corruption on which everything fails, as
the mean of their NLL is. All other measures are told, and decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from benchmarks.nouns import ConditionRecord
from benchmarks.vocabulary import CLEAN, mean_name

Images = Literal["clean", "shifted", "unknown"]
"""Of which kind: the test images as they are; the mean of the last group of shifts that make the
headline, the corruptions if there are any; the mean of the sets of real images of no class."""


class Headline(NamedTuple):
    """A measure by which methods are judged.

    Attributes:
        purpose: what it is for, in the user's words.
        metric: by its name.
        images: on which images.
    """

    purpose: str
    metric: str
    images: Images

    @property
    def name(self) -> str:
        """For files: the metric and the images."""
        return f"{self.metric}-{self.images}"


HEADLINE = (
    Headline("the right class", "accuracy", "clean"),
    Headline("honest probabilities", "nll", "clean"),
    Headline("the same under shift", "brier", "shifted"),
    Headline("knowing when to abstain", "augrc", "shifted"),
    Headline("knowing what is foreign", "auroc", "unknown"),
)
"""All of them, in the order shown."""


def headline_conditions(conditions: Iterable[ConditionRecord]) -> dict[Headline, str]:
    """The condition, or mean over conditions, of each measure that a run has, by its conditions."""
    own: dict[Images, str] = {"clean": CLEAN}
    for condition in conditions:
        if condition.in_mean and condition.labels == "none":
            own["unknown"] = mean_name(condition.group)
        elif condition.in_mean and condition.headline:
            own["shifted"] = mean_name(condition.group)
    return {measure: own[measure.images] for measure in HEADLINE if measure.images in own}
