"""The headline statements, in which settings each of them holds, and between which it differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from benchmarks.across.settings import Setting
from benchmarks.report.answer.decision import Decision, decisions
from benchmarks.report.answer.evidence import Candidate
from benchmarks.report.answer.labels import kind_of_training, with_training
from benchmarks.report.answer.verdict import NOT_DECIDED, reply_on_dropout
from benchmarks.report.editorial import DROPOUT
from benchmarks.report.results import Results
from benchmarks.report.texts import listed

AS_MANY = "Is one network with dropout as good as the largest ensemble?"

NOTHING = "nothing"
"""The answer where methods were tested and none is recommended."""

UNDECIDED = ""
"""The answer where nothing was tested, or a situation rules out every method."""


@dataclass(frozen=True)
class Statement:
    """A question, and its answer in each setting.

    Attributes:
        question: with the images that it is about, where it is about some.
        answers: by the label of the setting; `UNDECIDED` where there is none.
    """

    question: str
    answers: Mapping[str, str]

    @property
    def most_common(self) -> tuple[str, ...]:
        """The answer of most settings, several if as many give each; empty if no two agree."""
        counts = Counter(answer for answer in self.answers.values() if answer != UNDECIDED)
        most = max(counts.values(), default=0)
        return tuple(one for one, count in counts.items() if count == most) if most > 1 else ()

    @property
    def holds_everywhere(self) -> bool:
        """Whether all settings give the same answer."""
        return UNDECIDED not in self.answers.values() and len({*self.answers.values()}) == 1

    @property
    def holds(self) -> str:
        """In which settings the most common answer is given, for each of several.

        >>> Statement("?", {"a": "yes", "b": "no", "c": "yes"}).holds
        'in 2 of 3: a and c'
        >>> Statement("?", {"a": "yes", "b": "yes"}).holds
        'in all 2'
        >>> Statement("?", {"a": "", "b": "yes"}).holds
        'in none'
        >>> Statement("?", {"a": "yes", "b": "no", "c": "yes", "d": "no"}).holds
        'in 2 of 4: a and c; in 2 of 4: b and d'
        """
        if self.holds_everywhere:
            return f"in all {len(self.answers)}"
        where = [
            [label for label, answer in self.answers.items() if answer == common]
            for common in self.most_common
        ]
        each = (f"in {len(one)} of {len(self.answers)}: {listed(one)}" for one in where)
        return "; ".join(each) or "in none"


def statements(settings: Sequence[Setting]) -> Iterator[Statement]:
    """The verdict, then each situation and purpose of the table of decisions."""
    yield Statement(AS_MANY, {one.label: _reply(one.results) for one in settings})
    made = {one.label: decisions(one.results) for one in settings}
    for each in zip(*made.values(), strict=True):
        situation, purpose = each[0].situation.label, each[0].purpose.label
        answers = [_answer(one.results, d) for one, d in zip(settings, each, strict=True)]
        yield Statement(f"{situation}: {purpose}", dict(zip(made, answers, strict=True)))


def _reply(results: Results) -> str:
    reply = reply_on_dropout(results)
    return UNDECIDED if reply == NOT_DECIDED else reply


def _answer(results: Results, decision: Decision) -> str:
    if not decision.chosen:
        return UNDECIDED if decision.objection else NOTHING
    return listed([_named(results, candidate) for candidate in decision.chosen])


def _named(results: Results, candidate: Candidate) -> str:
    """A choice in words that fit every setting: by whether it has dropout, not by the recipe."""
    needs = results.names.method(candidate.method).needs
    trained = "" if DROPOUT in needs else kind_of_training(results, candidate.recipe)
    return with_training(results, candidate, trained)


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
