"""The situations of a user, as data: what may be chosen, and by which measures it is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.report.editorial import ABSTAINING as ABSTAINING_BY
from benchmarks.report.editorial import DETECTION, QUALITY
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.vocabulary import CLEAN

MILLISECOND = 1.0


@dataclass(frozen=True)
class Purpose:
    """What predictions are for.

    Attributes:
        label: on which images, or for what.
        clause: the same at the end of "use …"; empty where the situation says it.
        conditions: those of a run that count.
        metrics: by which it is judged, under each of these conditions.
        together: whether nothing is decided unless all of these were measured.
        by_any_score: whether methods may rank images by other scores than their primary ones.
    """

    label: str
    clause: str
    conditions: Callable[[Results], tuple[str, ...]]
    metrics: tuple[str, ...]
    together: bool = False
    by_any_score: bool = False

    def quantities(self, results: Results) -> tuple[Quantity, ...]:
        """What it is judged by in a run, each by the score of a method or of a choice."""
        return tuple(
            Quantity(condition, metric)
            for condition in self.conditions(results)
            for metric in self.metrics
        )


@dataclass(frozen=True)
class Situation:
    """What a user has or needs, and what may therefore be chosen.

    Attributes:
        label: in the user's words.
        clause: the same, before "use …".
        purposes: what is decided, each by its own measures.
        retrains: whether networks may be trained anew, by other recipes too; if not, only methods
            of one network of the main recipe may be chosen that need no more training.
        networks: how many may be trained; 1: only methods of one network; ``None``: any number.
        milliseconds: in which a single image must be answered; ``None``: in any time.
    """

    label: str
    clause: str
    purposes: tuple[Purpose, ...]
    retrains: bool = True
    networks: int | None = None
    milliseconds: float | None = None


ON_CLEAN = Purpose("Clean images", "on clean images", lambda _: (CLEAN,), QUALITY)

ON_SHIFTED = Purpose(
    "Shifted images", "on shifted images", lambda results: results.group_means, QUALITY
)

ON_EITHER = Purpose(
    "Clean or shifted, unknown in advance",
    "when either may come",
    lambda results: (CLEAN, *results.group_means) if results.group_means else (),
    QUALITY,
    together=True,
)

ABSTAINING = Purpose(
    "Clean and shifted images",
    "",
    lambda results: (CLEAN, *results.group_means),
    ABSTAINING_BY,
)

NOTICING = Purpose(
    "Out-of-distribution images",
    "",
    lambda results: results.ood,
    (DETECTION,),
    by_any_score=True,
)

PURPOSES = (ON_CLEAN, ON_SHIFTED, ABSTAINING, NOTICING)
"""Those that share no measure."""


def judged_by(results: Results) -> list[Quantity]:
    """All by which predictions are judged in a run, whatever they are for."""
    return [quantity for purpose in PURPOSES for quantity in purpose.quantities(results)]


SITUATIONS = (
    Situation(
        "I have one trained network and cannot retrain",
        "if you cannot retrain",
        (ON_CLEAN, ON_SHIFTED, ON_EITHER),
        retrains=False,
        networks=1,
    ),
    Situation(
        "I can retrain one network",
        "if you can train one network",
        (ON_CLEAN, ON_SHIFTED),
        networks=1,
    ),
    Situation(
        "I can afford up to five networks",
        "if you can train up to five",
        (ON_CLEAN, ON_SHIFTED),
        networks=5,
    ),
    Situation(
        "Single images must be answered in a millisecond",
        "if a millisecond must do",
        (ON_CLEAN, ON_SHIFTED),
        milliseconds=MILLISECOND,
    ),
    Situation("I need to know when to abstain", "to abstain", (ABSTAINING,)),
    Situation(
        "I need to notice out-of-distribution inputs",
        "to notice out-of-distribution inputs",
        (NOTICING,),
    ),
)
