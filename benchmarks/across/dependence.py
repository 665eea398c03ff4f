"""Between which settings an answer differs: data sets, networks, or both."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

from benchmarks.across.settings import Setting
from benchmarks.across.statements import UNDECIDED, Statement

Dependence = Literal["nothing", "data set", "network", "both", "not known"]


def dependence(statement: Statement, settings: Sequence[Setting]) -> Dependence:
    """Whether the answer of a statement differs between data sets, between networks, or both.

    Two settings of one network show the first, two of one task the second. It is not known where a
    setting has no answer, or where answers differ between settings that share neither.
    """
    if UNDECIDED in statement.answers.values():
        return "not known"
    if statement.holds_everywhere:
        return "nothing"
    by_task = _differs(statement, settings, shared="network")
    by_network = _differs(statement, settings, shared="task")
    if by_task and by_network:
        return "both"
    if by_task:
        return "data set"
    return "network" if by_network else "not known"


def _differs(
    statement: Statement, settings: Sequence[Setting], *, shared: Literal["task", "network"]
) -> bool:
    """Whether any two settings that share this have different answers."""
    return any(
        statement.answers[one.label] != statement.answers[other.label]
        for one, other in combinations(settings, 2)
        if getattr(one, shared) == getattr(other, shared)
    )
