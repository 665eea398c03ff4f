"""What an answer depends on: the data set, the network, or both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Literal

from benchmarks.across.settings import Setting
from benchmarks.across.statements import UNDECIDED, Statement

Dependence = Literal["nothing", "data set", "network", "both", "not known"]


def dependence(statement: Statement, settings: Sequence[Setting]) -> Dependence:
    """On what the answer of a statement depends, as far as these settings tell.

    Two settings of one network and two tasks tell whether it depends on the data set, and two of
    one task and two networks whether on the network. It is not known where a setting has no answer,
    or where no two settings share the network or the task.
    """
    if UNDECIDED in statement.answers.values():
        return "not known"
    by_task = list(_changes(statement, settings, shared="network"))
    by_network = list(_changes(statement, settings, shared="task"))
    if not by_task and not by_network:
        return "not known"
    if any(by_task):
        return "both" if any(by_network) else "data set"
    return "network" if any(by_network) else "nothing"


def _changes(
    statement: Statement, settings: Sequence[Setting], *, shared: Literal["task", "network"]
) -> Iterator[bool]:
    """Of each pair of settings that share a task or a network, whether their answers differ."""
    for one, other in combinations(settings, 2):
        if getattr(one, shared) == getattr(other, shared):
            yield statement.answers[one.label] != statement.answers[other.label]
