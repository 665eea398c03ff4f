"""The headline statements, and in which settings each of them holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.across.settings import Setting
from benchmarks.report.answer.decision import decisions
from benchmarks.report.answer.evidence import Candidate
from benchmarks.report.answer.labels import DROPOUT, kind_of_training, with_training
from benchmarks.report.answer.verdict import reply_on_dropout
from benchmarks.report.results import Results
from benchmarks.report.texts import listed

AS_MANY = "Is one network with dropout as good as the largest ensemble?"

UNDECIDED = ""
"""The answer where nothing is recommended, or nothing was tested."""


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
    def most_common(self) -> str:
        """The answer of most settings, the first of several; `UNDECIDED` if no two agree."""
        counts = Counter(answer for answer in self.answers.values() if answer != UNDECIDED)
        answer, count = max(counts.items(), key=lambda one: one[1], default=(UNDECIDED, 0))
        return answer if count > 1 else UNDECIDED

    @property
    def holds(self) -> str:
        """In which settings the most common answer is given.

        >>> Statement("?", {"a": "yes", "b": "no", "c": "yes"}).holds
        'in 2 of 3: a and c'
        >>> Statement("?", {"a": "yes", "b": "yes"}).holds
        'in all 2'
        >>> Statement("?", {"a": "", "b": "yes"}).holds
        'in none'
        """
        common = self.most_common
        if common == UNDECIDED:
            return "in none"
        where = [label for label, answer in self.answers.items() if answer == common]
        if len(where) == len(self.answers):
            return f"in all {len(where)}"
        return f"in {len(where)} of {len(self.answers)}: {listed(where)}"


def statements(settings: Sequence[Setting]) -> Iterator[Statement]:
    """The verdict, then each situation and purpose of the table of decisions."""
    yield Statement(AS_MANY, {one.label: reply_on_dropout(one.results) for one in settings})
    made = {one.label: decisions(one.results) for one in settings}
    for each in zip(*made.values(), strict=True):
        situation, purpose = each[0].situation.label, each[0].purpose.label
        answers = [
            listed([_named(one.results, candidate) for candidate in decision.chosen])
            for one, decision in zip(settings, each, strict=True)
        ]
        yield Statement(f"{situation}: {purpose}", dict(zip(made, answers, strict=True)))


def _named(results: Results, candidate: Candidate) -> str:
    """A choice in words that fit every setting: by whether it has dropout, not by the recipe."""
    needs = results.names.method(candidate.method).needs
    trained = "" if DROPOUT in needs else kind_of_training(results, candidate.recipe)
    return with_training(results, candidate, trained)
