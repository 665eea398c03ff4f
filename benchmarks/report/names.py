"""What the nouns of a run are called in print, and the order they are shown in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from benchmarks.nouns import (
    ConditionRecord,
    MethodRecord,
    MetricRecord,
    Nouns,
    ScoreRecord,
    TaskRecord,
)

ARROWS = {"higher": "↑", "lower": "↓", "": ""}
"""By which value of a metric is better."""

UNKNOWN_TASK = TaskRecord("", "", (), (), 0, 0, 0, ())


class Variant(NamedTuple):
    """A method of a size: what a line of a table and a line of a figure stand for."""

    method: str
    members: str

    @property
    def key(self) -> str:
        """In addresses, and for what switches it off.

        >>> Variant("mc_dropout", "100").key
        'mc_dropout-100'
        """
        return f"{self.method}-{self.members}"


class Printed(NamedTuple):
    """A metric or score in print: its name, its unit if it has one, and the better direction.

    >>> Printed("NLL", "nats", "↓").heading, Printed("Mutual information", "nats").heading
    ('NLL\\n(nats) ↓', 'Mutual\\ninformation\\n(nats)')
    """

    name: str
    unit: str = ""
    arrow: str = ""

    @property
    def title(self) -> str:
        """The name, and the arrow if it has one."""
        return f"{self.name} {self.arrow}".rstrip()

    @property
    def heading(self) -> str:
        """For a column: name, and unit and arrow in a line of their own."""
        below = " ".join(filter(None, [self.unit and f"({self.unit})", self.arrow]))
        split = self.name.replace(", ", ",\n") if "," in self.name else self.name.replace(" ", "\n")
        return f"{split}\n{below}" if below else split

    @property
    def axis_label(self) -> str:
        """For an axis: name and unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def axis_title(self) -> str:
        """For an axis that has no title above it: name, unit and arrow."""
        return f"{self.axis_label} {self.arrow}".rstrip()


@dataclass(frozen=True)
class Names:
    """The records of a run's nouns by name; an unknown name is its own label, and comes last."""

    nouns: Nouns

    @property
    def task(self) -> TaskRecord:
        """What is classified."""
        return next(iter(self.nouns.tasks), UNKNOWN_TASK)

    def condition(self, name: str) -> ConditionRecord:
        """A condition, or the mean over a group."""
        return self._conditions.get(name) or ConditionRecord(name, name, "", "")

    def condition_rank(self, name: str) -> tuple[int, str]:
        """The position among other conditions."""
        return _position(name, self._conditions)

    def method(self, name: str) -> MethodRecord:
        """A method."""
        return self._methods.get(name) or MethodRecord(name, name)

    @property
    def usual_sizes(self) -> dict[str, tuple[int, ...]]:
        """By method, the sizes that users run."""
        return {one.name: tuple(map(int, one.usual_sizes)) for one in self.nouns.methods}

    def in_text(self, method: str) -> str:
        """A method in a sentence."""
        record = self.method(method)
        return record.in_text or record.label

    def metric(self, name: str) -> MetricRecord:
        """A metric."""
        return self._metrics.get(name) or MetricRecord(name, name)

    def score(self, name: str) -> ScoreRecord:
        """An uncertainty score; a method's own has the name that it gives it."""
        return self._scores.get(name) or ScoreRecord(name, name)

    def score_rank(self, name: str) -> tuple[int, str]:
        """The position among other scores."""
        return _position(name, self._scores)

    def training_images(self, recipes: Iterable[str]) -> dict[str, int]:
        """By recipe, how many images its networks are trained on."""
        known = {recipe.name: recipe.images for recipe in self.nouns.recipes}
        return {name: known[name] for name in recipes if name in known}

    def recipe_rank(self, name: str) -> tuple[int, str]:
        """The position among other recipes."""
        return _position(name, [recipe.name for recipe in self.nouns.recipes])

    @property
    def overview(self) -> list[MetricRecord]:
        """The metrics shown where few are."""
        return [one for one in self.nouns.metrics if one.shown == "overview"]

    @property
    def main(self) -> list[MetricRecord]:
        """The metrics that the main table shows, those of the overview too."""
        return [one for one in self.nouns.metrics if one.shown in ("overview", "main")]

    def printed(self, metric: str) -> Printed:
        """A metric in print."""
        record = self.metric(metric)
        return Printed(record.label, record.unit, ARROWS[record.better])

    def printed_score(self, score: str) -> Printed:
        """A score in print."""
        record = self.score(score)
        return Printed(record.label, record.unit)

    def label(self, variant: Variant) -> str:
        """The method with its number of members, where it has more than one."""
        name = self.method(variant.method).label
        if variant.members in ("", "1"):
            return name
        return f"{name}, {self.size(variant)}"

    def size(self, variant: Variant) -> str:
        """The number of members with its symbol, such as ``T = 100``."""
        if not variant.members.isdigit():
            return variant.members
        return f"{self.method(variant.method).symbol or 'M'} = {variant.members}"

    def rank(self, variant: Variant) -> tuple[bool, int, str, float]:
        """The position among other variants: the suite's methods first, then by size."""
        position = self.method(variant.method).position
        size = float(variant.members) if variant.members.isdigit() else float("inf")
        return position < 0, position, variant.method, size

    def class_name(self, number: int) -> str:
        """What a class is called."""
        classes = self.task.classes
        return classes[number] if 0 <= number < len(classes) else str(number)

    @cached_property
    def _conditions(self) -> dict[str, ConditionRecord]:
        return {one.name: one for one in self.nouns.conditions}

    @cached_property
    def _methods(self) -> dict[str, MethodRecord]:
        return {one.name: one for one in self.nouns.methods}

    @cached_property
    def _metrics(self) -> dict[str, MetricRecord]:
        return {one.name: one for one in self.nouns.metrics}

    @cached_property
    def _scores(self) -> dict[str, ScoreRecord]:
        return {one.name: one for one in self.nouns.scores}


def left_out_remark(labels: Sequence[str]) -> str:
    """The sentence about conditions without data; empty if there are none.

    >>> left_out_remark(["KMNIST", "EMNIST letters"])
    'Left out, because their data are not available: KMNIST, EMNIST letters.'
    """
    return f"Left out, because their data are not available: {', '.join(labels)}." if labels else ""


def training_images_remark(images: Mapping[str, int]) -> str:
    """The sentence about recipes that train on different images; empty if there are no such.

    >>> training_images_remark({"article": 60_000, "article-logits": 60_000, "standard": 55_000})
    'Training images: 60,000 (article, article-logits); 55,000 (standard). Recipes with fewer hold \
out the others for calibration. Recipes with different numbers of training images are not compared.'
    """
    recipes: dict[int, list[str]] = {}
    for recipe, number in images.items():
        recipes.setdefault(number, []).append(recipe)
    if len(recipes) < 2:
        return ""
    counts = "; ".join(f"{number:,} ({', '.join(some)})" for number, some in recipes.items())
    return (
        f"Training images: {counts}. Recipes with fewer hold out the others for calibration. "
        "Recipes with different numbers of training images are not compared."
    )


def _position(name: str, known: Iterable[str]) -> tuple[int, str]:
    order = list(known)
    return (order.index(name), "") if name in order else (len(order), name)


def by_group(conditions: Iterable[ConditionRecord]) -> dict[str, list[ConditionRecord]]:
    """The conditions of each group, in their order."""
    groups: dict[str, list[ConditionRecord]] = {}
    for one in conditions:
        groups.setdefault(one.group, []).append(one)
    return groups
