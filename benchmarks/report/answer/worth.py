"""What a method is worth in networks, over all measures by which predictions are judged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from benchmarks.report.answer.decision import judged_by
from benchmarks.report.results import Candidate, Quantity, Results


class TypicalWorth(NamedTuple):
    """Worth in networks over the measures by which predictions are judged.

    Attributes:
        median: of the worths; of two open or different ends in the middle, the range between.
        lower, upper: the medians of the 95 % limits; empty where a limit leaves something out.
            Their confidence is mostly more, but less where many measures have one worth and the
            others lie apart.
        by_measure: each worth, the least first.
    """

    median: str
    lower: str
    upper: str
    by_measure: Mapping[Quantity, str]

    @property
    def number(self) -> float:
        """The median as a number; of a range its lower end."""
        return networks(self.median.partition(" ")[0])

    @property
    def interval(self) -> str:
        """The median with its limits, if these differ."""
        if {self.lower, self.upper} <= {self.median, ""}:
            return self.median
        return f"{self.median} ({between(self.lower, self.upper)})"


def typical_worth(results: Results, choice: Candidate, ensemble: str) -> TypicalWorth | None:
    """What a method is worth in ensembles of a method, where any measure says so."""
    rows = {
        quantity: row
        for quantity in judged_by(results)
        if (row := results.worth_in(choice, ensemble, quantity)) and row["status"] == "ok"
    }
    if not rows:
        return None
    texts = {quantity: row["worth"] for quantity, row in rows.items()}
    ascending = sorted(texts, key=lambda quantity: networks(texts[quantity]))
    worths = {quantity: texts[quantity] for quantity in ascending}
    ends = "", ""
    if not any(row["reason"] for row in rows.values()):
        lower, upper = (
            middle(row[name] for row in rows.values()) for name in ("worth_lower", "worth_upper")
        )
        ends = lower[0], upper[1]
    return TypicalWorth(median(texts.values()), *ends, worths)


def between(lower: str, upper: str) -> str:
    """The range of two worths, in brackets of a table.

    >>> between("1.1", "2.4"), between("1.4", ">20")
    ('1.1–2.4', '1.4 to >20')
    """
    return f"{lower} to {upper}" if f"{lower}{upper}".strip("0123456789.") else f"{lower}–{upper}"


def networks(text: str) -> float:
    """A worth, or a bound of it, as ``worth.csv`` has it; beyond the sizes it is open.

    >>> networks("2.5"), networks("<1"), networks(">50")
    (2.5, 0.0, inf)
    """
    if text.startswith("<"):
        return 0.0
    return math.inf if text.startswith(">") else float(text)


def middle(worths: Iterable[str]) -> tuple[str, str]:
    """The two in the middle of several worths, which are one where their number is odd.

    >>> middle([">50", "1.2", "<1"]), middle(["2", "1.2"])
    (('1.2', '1.2'), ('1.2', '2'))
    """
    ordered = sorted(worths, key=networks)
    return ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]


def median(worths: Iterable[str]) -> str:
    """Of several worths; of two open or different ends in the middle, the range between them.

    >>> median(["<1", "1.2", "1.6", ">50"]), median(["1.2", ">50"]), median(["<1"])
    ('1.4', '1.2 to >50', '<1')
    """
    lower, upper = middle(worths)
    if lower == upper:
        return lower
    if lower.startswith("<") or upper.startswith(">"):
        return f"{lower} to {upper}"
    return f"{(float(lower) + float(upper)) / 2:.2g}"
