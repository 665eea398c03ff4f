"""A decision in words: what to use, what it gains, what it costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.records import members_rank
from benchmarks.report.answer.candidates import (
    cost,
    score_of_single_image,
    single_image,
)
from benchmarks.report.answer.decision import Decision
from benchmarks.report.answer.evidence import Candidate, Evidence, Relation
from benchmarks.report.answer.labels import DROPOUT, label
from benchmarks.report.answer.situations import MORE_TRAINING
from benchmarks.report.number_format import rounded, two_digits
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.texts import listed, within_sentence
from benchmarks.vocabulary import SELF_TRAINED

NOTHING = "—"

FEW = 2
"""Of more measures or choices than these, the first are named and the others counted."""

TRAINING_IMAGES = "training images"
"""What a method or a score needs that is fitted to these."""

NEEDS = {
    DROPOUT: "networks trained with dropout",
    "calibration": "held-out images",
    MORE_TRAINING: "additional training",
    TRAINING_IMAGES: "the training images",
}
"""What methods need beside networks."""


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
        return (Advice(f"No recommendation: {_undecided(evidence, decision)}.", others=others),)
    first, *more = named(decision)
    hidden = len(decision.chosen) - len(named(decision))
    also = f" or {hidden} others" if hidden else ""
    return (
        _advice(evidence, decision, first, f"{_label(evidence, decision, first)}{also}", others),
        *(_advice(evidence, decision, one, _second(evidence, decision, one)) for one in more),
    )


def _advice(
    evidence: Evidence, decision: Decision, one: Candidate, use: str, others: str = NOTHING
) -> Advice:
    gain, cost = (" ".join(told(evidence, decision, one)) for told in (_gain, _cost))
    return Advice(use, gain, cost, others)


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
    """Why tests choose nothing: nothing beats the baseline, or what beats it is beaten itself."""
    baseline, tested = decision.tested[0], decision.tested
    if any(evidence.beats(other, baseline, decision.quantities) for other in tested):
        return "tests do not decide"
    return f"no other beats {_label(evidence, decision, baseline)}"


def _second(evidence: Evidence, decision: Decision, other: Candidate) -> str:
    """Another choice than the first, and by which measures it is better than that."""
    relations = evidence.relations(other, decision.chosen[0], decision.quantities)
    better = [_measure(evidence, decision, one) for one in _with(relations, Relation.BETTER)]
    name = _label(evidence, decision, other)
    if better:
        return f"or, by {listed([within_sentence(one) for one in better])}, {name}"
    compared = set(relations.values()) != {Relation.UNTESTED}
    return f"or {name}" if compared else f"or (not compared) {name}"


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
            f"{listed([within_sentence(_measure(evidence, decision, q)) for q in some])}"
            for relation in (Relation.BETTER, Relation.WORSE)
            if (some := _with(relations, relation))
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
        better = _with(relations, Relation.BETTER)
        changes = [_values(evidence, decision, (baseline, chosen), q, "→") for q in better]
        if len(quantities) > FEW and changes:
            such = ", such as" if len(better) > 1 else ":"
            yield f"Better {_of_all(len(better), quantities)}{such} {changes[0]}."
        elif changes:
            yield f"{'; '.join(changes)}."
        for relation, words in (
            (Relation.AS_GOOD, "as good"),
            (Relation.OPEN, "no difference found"),
            (Relation.UNTESTED, "not tested"),
        ):
            if (some := _with(relations, relation)) and len(quantities) <= FEW:
                yield f"{listed([_measure(evidence, decision, q) for q in some])}: {words}."
    yield from _sizes(evidence, chosen, quantities)


def _of_all(number: int, quantities: Sequence[Quantity]) -> str:
    """By how many of the measures; where these are one metric on several sets, on how many."""
    if len({quantity.metric for quantity in quantities}) == 1:
        return f"on {number} of {len(quantities)} sets of images"
    return f"by {number} of {len(quantities)} measures"


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
        (first, *_) = _with(evidence.relations(chosen, better[0], quantities), Relation.BETTER)
        change = _values(evidence, decision, (chosen, better[0]), first, "against")
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
    worse = _with(relations, Relation.WORSE) if chosen != baseline else []
    if worse:
        changes = (_values(evidence, decision, (baseline, chosen), q, "→") for q in worse)
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


def _with(relations: dict[Quantity, Relation], relation: Relation) -> list[Quantity]:
    return [quantity for quantity, found in relations.items() if found is relation]


def _values(
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
    return f"{_measure(evidence, decision, quantity, arrow)} {f' {sign} '.join(shown)}"


def _measure(evidence: Evidence, decision: Decision, quantity: Quantity, arrow: str = "") -> str:
    """What a measure is called; with its condition where there are several."""
    results = evidence.results
    several = len({one.condition for one in decision.quantities}) > 1
    condition = f"({results.label_of(quantity.condition)})" if several else ""
    name = results.names.printed(quantity.metric).name
    return " ".join(filter(None, (name, arrow, condition)))
