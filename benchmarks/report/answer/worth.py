"""What a method is worth in networks, over all measures by which predictions are judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.report.answer.decision import judged_by
from benchmarks.report.results import Candidate, Results
from benchmarks.vocabulary import SELF_TRAINED


class TypicalWorth(NamedTuple):
    """Worth in networks over the measures by which predictions are judged.

    Attributes:
        median: of the worths; of two open or different ends in the middle, the range between.
        lower, upper: the medians of the 95 % limits. Their confidence is mostly more, but less
            where many measures have one worth and the others lie apart.
        least, most: of the worths.
        measures: how many have one.
    """

    median: str
    lower: str
    upper: str
    least: str
    most: str
    measures: int

    @property
    def interval(self) -> str:
        """The median with its limits, if these differ."""
        if {self.lower, self.upper} == {self.median}:
            return self.median
        return f"{self.median} ({self.lower}–{self.upper})"


def typical_worth(results: Results, choice: Candidate, ensemble: str) -> TypicalWorth | None:
    """What a method is worth in ensembles of its recipe, where any measure says so."""
    recipe = results.recipes[0] if choice.recipe == SELF_TRAINED else choice.recipe
    known = (results.worth_in(choice, (recipe, ensemble), q) for q in judged_by(results))
    # A reason says what an interval leaves out.
    rows = [row for row in known if row and row["status"] == "ok" and not row["reason"]]
    if not rows:
        return None
    worths, lower, upper = (
        sorted((row[name] for row in rows), key=networks)
        for name in ("worth", "worth_lower", "worth_upper")
    )
    ends = lower[(len(rows) - 1) // 2], upper[len(rows) // 2], worths[0], worths[-1]
    return TypicalWorth(median(worths), *ends, len(rows))


def networks(text: str) -> float:
    """A worth, or a bound of it, as ``worth.csv`` has it; beyond the sizes it is open.

    >>> networks("2.5"), networks("<1"), networks(">50")
    (2.5, 0.0, inf)
    """
    if text.startswith("<"):
        return 0.0
    return math.inf if text.startswith(">") else float(text)


def median(ordered: Sequence[str]) -> str:
    """Of sorted worths; of two open or different ends in the middle, the range between them.

    >>> median(["<1", "1.2", "1.6", ">50"]), median(["1.2", ">50"]), median(["<1"])
    ('1.4', '1.2 to >50', '<1')
    """
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    if lower == upper:
        return lower
    if lower.startswith("<") or upper.startswith(">"):
        return f"{lower} to {upper}"
    return f"{(float(lower) + float(upper)) / 2:.2g}"
