"""The questions of a user, as data: whom each is for, what may be chosen, and what decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.report.editorial import ABSTAINING, DETECTION, QUALITY
from benchmarks.report.results import Quantity, Results
from benchmarks.vocabulary import CLEAN


@dataclass(frozen=True)
class Question:
    """Which method to use, asked by somebody who predicts such images.

    Attributes:
        situation: whom it is for, in the user's words.
        images: on which predictions are judged.
        conditions: those of a run that count.
        metrics: by which it is judged, under each of these conditions.
        together: whether nothing is decided unless all of these were measured.
        by_any_score: whether methods may rank images by other scores than their primary ones.
        retrains: whether networks may be trained anew, by other recipes too; if not, only methods
            of one network of the main recipe may be chosen that need no more training.
        networks: how many may be trained; 1: only methods of one network; ``None``: any number.
        milliseconds: in which a single image must be answered; ``None``: in any time.
    """

    situation: str
    images: str
    conditions: Callable[[Results], tuple[str, ...]]
    metrics: tuple[str, ...]
    together: bool = False
    by_any_score: bool = False
    retrains: bool = True
    networks: int | None = None
    milliseconds: float | None = None

    def quantities(self, results: Results) -> tuple[Quantity, ...]:
        """What it is judged by in a run, each by the score of a method or of a choice."""
        return tuple(
            Quantity(condition, metric)
            for condition in self.conditions(results)
            for metric in self.metrics
        )


def _both(results: Results) -> tuple[str, ...]:
    return (CLEAN, *results.group_means)


def _either(results: Results) -> tuple[str, ...]:
    return _both(results) if results.group_means else ()


_CLEAN = Question("", "Clean images", lambda _: (CLEAN,), QUALITY)
_SHIFTED = Question("", "Shifted images", lambda results: results.group_means, QUALITY)


def _each(situation: str, *questions: Question, **allowed: Any) -> list[Question]:
    """The questions as asked in this situation, in which this may be chosen."""
    return [replace(question, situation=situation, **allowed) for question in questions]


QUESTIONS = (
    *_each(
        "I have one trained network and cannot retrain",
        _CLEAN,
        _SHIFTED,
        Question("", "Clean or shifted, unknown in advance", _either, QUALITY, together=True),
        retrains=False,
        networks=1,
    ),
    *_each("I can retrain one network", _CLEAN, _SHIFTED, networks=1),
    *_each("I can afford up to five networks", _CLEAN, _SHIFTED, networks=5),
    *_each("Single images must be answered in a millisecond", _CLEAN, _SHIFTED, milliseconds=1.0),
    Question("I need to know when to abstain", "Clean and shifted images", _both, ABSTAINING),
    Question(
        "I need to notice out-of-distribution inputs",
        "Out-of-distribution images",
        lambda results: results.ood,
        (DETECTION,),
        by_any_score=True,
    ),
)
"""All of them, in the order shown."""


def asked(results: Results) -> tuple[Question, ...]:
    """Those of a run; of others' predictions the ones that neither training nor latency limits."""
    if results.names.recipes:
        return QUESTIONS
    limits = ("retrains", True), ("networks", None), ("milliseconds", None)
    return tuple(q for q in QUESTIONS if all(getattr(q, name) == free for name, free in limits))


def judged_by(results: Results) -> list[Quantity]:
    """All by which predictions are judged in a run, whatever the question."""
    every = (quantity for question in QUESTIONS for quantity in question.quantities(results))
    return list(dict.fromkeys(every))
