"""What tests say about a situation: which method to use, or why none can be recommended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from benchmarks.report.answer.candidates import NOT_MEASURED, candidates, objection
from benchmarks.report.answer.evidence import Candidate, Evidence
from benchmarks.report.answer.situations import SITUATIONS, Purpose, Situation
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results


@dataclass(frozen=True)
class Decision:
    """What to use in a situation, for a purpose.

    Attributes:
        quantities: by which it was decided; those that were measured.
        baseline: the cheapest choice, which gains and costs are told against.
        chosen: what to use, the cheapest first; empty: nothing is recommended.
        rivals: what no test separates from the chosen; without a recommendation, from the baseline.
        tested: what was compared with the baseline, with it, the cheapest first.
        objection: why nothing is recommended, whatever tests say; empty: because of tests. With a
            baseline, what was not compared "with" it.
    """

    situation: Situation
    purpose: Purpose
    quantities: tuple[Quantity, ...] = ()
    baseline: Candidate | None = None
    chosen: tuple[Candidate, ...] = ()
    rivals: tuple[Candidate, ...] = ()
    tested: tuple[Candidate, ...] = ()
    objection: str = ""


@lru_cache(maxsize=1)
def decisions(results: Results) -> Sequence[Decision]:
    """Of every situation and purpose, in the order in which they are shown.

    Args:
        results: those of all recipes.
    """
    evidence = Evidence(results)
    return tuple(
        decide(evidence, situation, purpose)
        for situation in SITUATIONS
        for purpose in situation.purposes
    )


def decide(evidence: Evidence, situation: Situation, purpose: Purpose) -> Decision:
    """What to use in a situation for a purpose.

    One choice is recommended before another if it is better by at least one measure and worse by
    none, or if it is as good by all and cheaper. Where none is recommended before all others, all
    are that beat the cheapest choice and are beaten by none.
    """
    results = evidence.results
    wanted = purpose.quantities(results)
    found = candidates(results, situation, by_any_score=purpose.by_any_score)
    measured = [one for one in found if any(evidence.value(one, q) for q in wanted)]
    if objected := objection(results, situation, measured):
        return Decision(situation, purpose, objection=objected)
    baseline = measured[0]
    quantities = tuple(q for q in wanted if any(evidence.value(one, q) for one in measured))
    if purpose.together and quantities != wanted:
        return Decision(situation, purpose, objection=NOT_MEASURED)
    tested = tuple(
        one for one in measured if one == baseline or evidence.is_tested(one, baseline, quantities)
    )
    known = Decision(situation, purpose, quantities, baseline, tested=tested)
    if len(tested) == 1:
        return replace(known, objection="no alternative was compared")
    if objected := objection(results, situation, tested):
        return replace(known, objection=objected)
    return _decided(evidence, known)


def _decided(evidence: Evidence, known: Decision) -> Decision:
    """The decision by what tests say of those that were tested."""
    tested, quantities, baseline = known.tested, known.quantities, known.tested[0]
    for one in tested:
        if all(_is_preferred(evidence, one, other, tested, quantities) for other in tested):
            return replace(known, chosen=(one,))
    unbeaten = [c for c in tested if not any(evidence.beats(o, c, quantities) for o in tested)]
    if unbeaten == [baseline]:
        return replace(known, chosen=(baseline,))
    chosen = tuple(one for one in unbeaten if evidence.beats(one, baseline, quantities))
    rivals = tuple(one for one in unbeaten if one not in (*chosen, baseline))
    return replace(known, chosen=chosen, rivals=rivals)


def _is_preferred(
    evidence: Evidence,
    one: Candidate,
    other: Candidate,
    by_cost: Sequence[Candidate],
    quantities: Sequence[Quantity],
) -> bool:
    if one == other or evidence.beats(one, other, quantities):
        return True
    is_cheaper = by_cost.index(one) < by_cost.index(other)
    return is_cheaper and evidence.is_as_good(one, other, quantities)
