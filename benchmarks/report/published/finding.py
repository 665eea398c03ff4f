"""A finding of another paper that is no number, as data, and whether ours is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.report.results import Results

SAME, ANOTHER = "as they say", "not as they say"


@dataclass(frozen=True)
class Ours:
    """What a run finds.

    Attributes:
        verdict: `SAME` or `ANOTHER`.
        says: what was found, with its numbers.
    """

    verdict: str
    says: str


@dataclass(frozen=True)
class PublishedFinding:
    """What a paper shows in a figure or says, without a number that could be compared.

    Attributes:
        paper, place: author and year, and where in it.
        says: what they found.
        rule: by which ours is judged.
        task: ours.
        judge: what a run finds; ``None``: it has not measured this.
    """

    paper: str
    place: str
    says: str
    rule: str
    task: str
    judge: Callable[[Results], Ours | None]
