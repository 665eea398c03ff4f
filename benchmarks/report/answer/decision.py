"""What tests say about a question: which method to use, or why none can be recommended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from benchmarks.report.answer.candidates import NOT_MEASURED, candidates, objection
from benchmarks.report.answer.evidence import Evidence
from benchmarks.report.answer.questions import Question, asked
from benchmarks.report.results import Candidate, Quantity, Results


@dataclass(frozen=True)
class Decision:
    """What to use, as the answer to a question.

    Attributes:
        quantities: by which it was decided; those that were measured.
        baseline: the cheapest choice, which the others are compared with.
        chosen: what to use, the cheapest first; empty: nothing is recommended.
        keeps: whether nothing is recommended before the baseline, since no other choice beats it.
        rivals: what no test separates from the chosen; without a recommendation, from the baseline.
        tested: what was compared with the baseline, with it, the cheapest first.
        objection: why nothing is recommended, whatever tests say; empty: because of tests. With a
            baseline, what was not compared "with" it.
    """

    question: Question
    quantities: tuple[Quantity, ...] = ()
    baseline: Candidate | None = None
    chosen: tuple[Candidate, ...] = ()
    keeps: bool = False
    rivals: tuple[Candidate, ...] = ()
    tested: tuple[Candidate, ...] = ()
    objection: str = ""


@lru_cache(maxsize=1)
def decisions(results: Results) -> Sequence[Decision]:
    """Of every question, in their order.

    Args:
        results: those of all recipes.
    """
    evidence = Evidence(results)
    return tuple(decide(evidence, question) for question in asked(results))


def decide(evidence: Evidence, question: Question) -> Decision:
    """What to use, as the answer to a question.

    One choice is recommended before another if it is better by at least one measure and worse by
    none, or if it is as good by all and cheaper. Where none is recommended before all others, all
    are that beat the cheapest choice and are beaten by none.
    """
    results = evidence.results
    wanted = question.quantities(results)
    allowed = candidates(results, question)
    measured = [choice for choice in allowed if any(results.value(choice, q) for q in wanted)]
    if objected := objection(results, question, measured):
        return Decision(question, objection=objected)
    baseline = measured[0]
    quantities = tuple(q for q in wanted if any(results.value(choice, q) for choice in measured))
    if question.together and quantities != wanted:
        return Decision(question, objection=NOT_MEASURED)
    tested = tuple(
        choice
        for choice in measured
        if choice == baseline or evidence.is_tested(choice, baseline, quantities)
    )
    known = Decision(question, quantities, baseline, tested=tested)
    if len(tested) == 1:
        return replace(known, objection="no alternative was compared")
    if objected := objection(results, question, tested):
        return replace(known, objection=objected)
    return _decided(evidence, known)


def _decided(evidence: Evidence, known: Decision) -> Decision:
    """The decision by what tests say of those that were tested."""
    tested, quantities, baseline = known.tested, known.quantities, known.tested[0]
    for one in tested:
        if all(_is_preferred(evidence, one, other, known) for other in tested):
            return replace(known, chosen=(one,))
    unbeaten = [c for c in tested if not any(evidence.beats(o, c, quantities) for o in tested)]
    if unbeaten == [baseline]:
        return replace(known, chosen=(baseline,))
    chosen = tuple(one for one in unbeaten if evidence.beats(one, baseline, quantities))
    rivals = tuple(one for one in unbeaten if one not in (*chosen, baseline))
    keeps = not chosen and baseline in unbeaten
    return replace(known, chosen=chosen, keeps=keeps, rivals=rivals)


def _is_preferred(evidence: Evidence, one: Candidate, other: Candidate, known: Decision) -> bool:
    if one == other or evidence.beats(one, other, known.quantities):
        return True
    is_cheaper = known.tested.index(one) < known.tested.index(other)
    return is_cheaper and evidence.is_as_good(one, other, known.quantities)
