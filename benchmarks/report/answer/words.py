"""A decision in words: what to use, what it gains, what it costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.report.answer.candidates import (
    cost,
    score_of_single_image,
    single_image,
)
from benchmarks.report.answer.decision import Decision
from benchmarks.report.answer.evidence import Candidate, Evidence, Relation
from benchmarks.report.answer.labels import label
from benchmarks.report.editorial import NEEDS, TRAINING_IMAGES
from benchmarks.report.number_format import rounded, two_digits
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.texts import listed, within_sentence
from benchmarks.schema import members_rank
from benchmarks.vocabulary import SELF_TRAINED

NOTHING = "—"

FEW = 2
"""Of more measures or choices than these, the first are named and the others counted."""

REMAINING = {
    Relation.AS_GOOD: "as good",
    Relation.OPEN: "no difference found",
    Relation.UNTESTED: "not tested",
}
"""What is said of measures by which a choice is not better."""


class Advice(NamedTuple):
    """What is said of one choice.

    Attributes:
        use: what to use, or why nothing is recommended.
        gain: over the cheapest choice, by each measure.
        cost: training, needs, latency, and measures by which it is worse.
        others: what tests say of the other choices.
    """

    use: str
    gain: str = NOTHING
    cost: str = NOTHING
    others: str = NOTHING


def advised(evidence: Evidence, decision: Decision) -> tuple[Advice, ...]:
    """What is recommended, each for itself; of many choices the cheapest alone."""
    if decision.baseline is None:
        return (Advice(f"No recommendation: {decision.objection}."),)
    if decision.objection:
        name = _label(evidence, decision, decision.baseline)
        return (Advice(f"No recommendation: {decision.objection} with {name}."),)
    others = " ".join(_others(evidence, decision)) or NOTHING
    if not decision.chosen:
        return (Advice(_undecided(evidence, decision), others=others),)
    first, *more = named(decision)
    hidden = len(decision.chosen) > len(named(decision))
    tied = f", the cheapest of {len(decision.chosen)}" if hidden else ""
    name = f"{_label(evidence, decision, first)}{tied}"
    gain, cost = (" ".join(told(evidence, decision, first)) for told in (_gain, _cost))
    return (Advice(name, gain, cost, others), *(_second(evidence, decision, one) for one in more))


def is_kept(evidence: Evidence, decision: Decision) -> bool:
    """Whether the cheapest choice is kept, since tests were made and none beats it."""
    if decision.chosen or decision.objection or not decision.tested:
        return False
    baseline, *others = decision.tested
    return not any(evidence.beats(one, baseline, decision.quantities) for one in others)


def named(decision: Decision) -> Sequence[Candidate]:
    """Those of the chosen that are told of: of many the cheapest alone."""
    return decision.chosen if len(decision.chosen) <= FEW else decision.chosen[:1]


def _label(evidence: Evidence, decision: Decision, candidate: Candidate) -> str:
    return label(evidence.results, candidate, retrained=decision.situation.retrains)


def _some(evidence: Evidence, decision: Decision, several: Sequence[Candidate]) -> str:
    """The names of several: of many the first, and how many others there are."""
    labels = [_label(evidence, decision, one) for one in several]
    if len(labels) > FEW + 1:
        labels[FEW:] = [f"{len(labels) - FEW} others"]
    return listed(labels)


def _undecided(evidence: Evidence, decision: Decision) -> str:
    """What tests that choose nothing say: nothing beats the baseline, or that is beaten itself."""
    if is_kept(evidence, decision):
        return f"Keep {_label(evidence, decision, decision.tested[0])}: no other beats it."
    return "No recommendation: tests do not decide."


def _second(evidence: Evidence, decision: Decision, other: Candidate) -> Advice:
    """Another choice than the first; where it is better than that, by which measures."""
    first, name = decision.chosen[0], _label(evidence, decision, other)
    relations = evidence.relations(other, first, decision.quantities)
    better = with_relation(relations, Relation.BETTER)
    gain, cost = (" ".join(told(evidence, decision, other)) for told in (_gain, _cost))
    if set(relations.values()) == {Relation.UNTESTED}:
        return Advice(f"or {name}, not compared with the row above", gain, cost)
    if not better:
        return Advice(f"or {name}", gain, cost)
    measures = listed([within_sentence(measure(evidence, decision, one)) for one in better])
    changes = [values_of(evidence, decision, (first, other), one, "→") for one in better]
    gain = f"Over the row above: {'; '.join(changes)}. Over the baseline: {gain}"
    return Advice(
        f"or {name}, if {measures} {'count' if len(better) > 1 else 'counts'} most", gain, cost
    )


def _others(evidence: Evidence, decision: Decision) -> Iterator[str]:
    """What tests say of the choices beside the first: sentences."""
    if not decision.chosen and len(decision.rivals) > FEW:
        name = _label(evidence, decision, decision.tested[0])
        yield f"No test puts {name} before or after {_some(evidence, decision, decision.rivals)}."
    elif len(decision.chosen) > FEW:
        yield f"Also recommended: {_some(evidence, decision, decision.chosen[1:])}."
        if decision.rivals:
            yield f"No test puts {_some(evidence, decision, decision.rivals)} before it."
    else:
        first, *chosen = decision.chosen or decision.tested[:1]
        yield from _apart(evidence, decision, first, (*chosen, *decision.rivals))


def _apart(
    evidence: Evidence, decision: Decision, one: Candidate, others: Sequence[Candidate]
) -> Iterator[str]:
    """Why one is not used before the others, nor any of these before it: sentences."""
    name = _label(evidence, decision, one)
    differing: list[tuple[Candidate, str]] = []
    open_to: list[Candidate] = []
    untested: list[Candidate] = []
    for other in others:
        relations = evidence.relations(other, one, decision.quantities)
        told = [
            f"{relation} by "
            f"{listed([within_sentence(measure(evidence, decision, q)) for q in some])}"
            for relation in (Relation.BETTER, Relation.WORSE)
            if (some := with_relation(relations, relation))
        ]
        if told:
            differing.append((other, " and ".join(told)))
        else:
            known = set(relations.values()) != {Relation.UNTESTED}
            (open_to if known else untested).append(other)
    for other, how in differing[: FEW if len(differing) > FEW + 1 else None]:
        yield f"{_label(evidence, decision, other)} is {how}."
    if len(differing) > FEW + 1:
        yield f"{len(differing) - FEW} others are better or worse by some measures."
    if open_to:
        yield f"No test separates {name} from {_some(evidence, decision, open_to)}."
    if untested:
        yield f"{name} was not compared with {_some(evidence, decision, untested)}."


def _gain(evidence: Evidence, decision: Decision, chosen: Candidate) -> Iterator[str]:
    """Sentences."""
    baseline, quantities = decision.tested[0], decision.quantities
    if chosen == baseline:
        yield from _against_others(evidence, decision)
    else:
        relations = evidence.relations(chosen, baseline, quantities)
        better = with_relation(relations, Relation.BETTER)
        changes = [values_of(evidence, decision, (baseline, chosen), q, "→") for q in better]
        if len(quantities) > FEW and changes:
            such = ", such as" if len(better) > 1 else ":"
            yield f"Better {_of_all(len(better), quantities)}{such} {changes[0]}."
        elif changes:
            yield f"{'; '.join(changes)}."
        for relation, words in REMAINING.items():
            some = with_relation(relations, relation)
            if some and len(quantities) > FEW:
                yield f"{words.capitalize()} {_preposition(quantities)} {len(some)}."
            elif some:
                yield f"{listed([measure(evidence, decision, q) for q in some])}: {words}."
    yield from _sizes(evidence, chosen, quantities)


def _of_all(number: int, quantities: Sequence[Quantity]) -> str:
    """By how many of the measures; where these are one metric on several sets, on how many."""
    what = {"on": "sets of images", "by": "measures"}[_preposition(quantities)]
    return f"{_preposition(quantities)} {number} of {len(quantities)} {what}"


def _preposition(quantities: Sequence[Quantity]) -> str:
    return "on" if len({quantity.metric for quantity in quantities}) == 1 else "by"


def _against_others(evidence: Evidence, decision: Decision) -> Iterator[str]:
    """Of the cheapest choice: what it is better than, and what it is as good as."""
    chosen, *others = decision.tested
    quantities = decision.quantities
    better = [one for one in others if evidence.beats(chosen, one, quantities)]
    as_good = [
        one for one in others if one not in better and evidence.is_as_good(chosen, one, quantities)
    ]
    if better:
        name = _some(evidence, decision, better)
        relations = evidence.relations(chosen, better[0], quantities)
        (first, *_) = with_relation(relations, Relation.BETTER)
        change = values_of(evidence, decision, (chosen, better[0]), first, "against")
        yield f"Better than {name}{f': {change}' if len(better) == 1 else ''}."
    if as_good:
        yield f"As good as {_some(evidence, decision, as_good)}."
    rest = [one for one in others if one not in (*better, *as_good)]
    yield from _apart(evidence, decision, chosen, rest)


def _sizes(evidence: Evidence, chosen: Candidate, quantities: Sequence[Quantity]) -> Iterator[str]:
    """The smallest size that is as good as the chosen one; else, that this is as good as more."""
    results = evidence.results
    rows = results.summary
    own = rows[(rows["recipe"] == chosen.recipe) & (rows["method"] == chosen.method)]
    sizes = sorted((str(s) for s in set(own["members"]) if str(s).isdigit()), key=members_rank)
    for size in sizes:
        other = chosen._replace(members=size)
        smaller = members_rank(size) < members_rank(chosen.members)
        if smaller and evidence.is_as_good(other, chosen, quantities):
            yield f"{results.names.size(other.variant)} is as good."
            return
    if sizes and sizes[-1] != chosen.members:
        largest = chosen._replace(members=sizes[-1])
        if evidence.is_as_good(chosen, largest, quantities):
            yield f"As good as {results.names.size(largest.variant)}."


def _cost(evidence: Evidence, decision: Decision, chosen: Candidate) -> Iterator[str]:
    """Sentences."""
    results, baseline = evidence.results, decision.tested[0]
    if decision.situation.retrains:
        yield _training(results, chosen)
    needs = results.names.method(chosen.method).needs
    if chosen.score and results.names.score(chosen.score).fitted:
        needs = (*needs, TRAINING_IMAGES)
    for need in dict.fromkeys(needs):
        yield f"Needs {NEEDS.get(need, need)}."
    yield _latency(results, chosen)
    relations = evidence.relations(chosen, baseline, decision.quantities)
    worse = with_relation(relations, Relation.WORSE) if chosen != baseline else []
    if worse:
        changes = (values_of(evidence, decision, (baseline, chosen), q, "→") for q in worse)
        yield f"Worse: {'; '.join(changes)}."


def _training(results: Results, chosen: Candidate) -> str:
    """How many networks are to be trained, and in which time all together."""
    timing, networks = single_image(results, chosen.variant), cost(results, chosen)[0]
    seconds = math.nan if timing is None else float(timing["training_s"])
    trained = f"{networks} network{'s' if networks > 1 else ''} to train"
    if chosen.recipe == SELF_TRAINED:
        trained = "Trains itself"
    return f"{trained}." if math.isnan(seconds) else f"{trained} ({two_digits(seconds)} s)."


def _latency(results: Results, chosen: Candidate) -> str:
    """The median for a single image; that of a score has its network's forward pass in it."""
    timing = single_image(results, chosen.variant)
    if timing is None:
        return "Latency not measured."
    scored = score_of_single_image(results, chosen.score) if chosen.score else None
    median = two_digits(float((timing if scored is None else scored)["p50_ms"]))
    without = " without the score" if chosen.score and scored is None else ""
    return f"{median} ms an image{without}."


def with_relation(relations: dict[Quantity, Relation], relation: Relation) -> list[Quantity]:
    """Those by which tests say so."""
    return [quantity for quantity, found in relations.items() if found is relation]


def values_of(
    evidence: Evidence,
    decision: Decision,
    pair: tuple[Candidate, Candidate],
    quantity: Quantity,
    sign: str,
) -> str:
    """The means of both, to the same decimals, for example ``Accuracy ↑ 0.980 → 0.989``."""
    rows = [row for one in pair if (row := evidence.value(one, quantity))]
    half = max(((row["upper"] - row["lower"]) / 2 for row in rows), default=math.nan)
    shown = [rounded(row["value"], half)[0] for row in rows]
    arrow = evidence.results.names.printed(quantity.metric).arrow
    return f"{measure(evidence, decision, quantity, arrow)} {f' {sign} '.join(shown)}"


def measure(evidence: Evidence, decision: Decision, quantity: Quantity, arrow: str = "") -> str:
    """What a measure is called; with its condition where there are several."""
    results = evidence.results
    several = len({one.condition for one in decision.quantities}) > 1
    condition = f"({results.label_of(quantity.condition)})" if several else ""
    name = results.names.printed(quantity.metric).name
    return " ".join(filter(None, (name, arrow, condition)))
