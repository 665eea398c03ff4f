"""What tests say about a question: which method to use, or why none can be recommended.

Bare numbers are never compared: one choice is before another only where tests say so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

import pandas as pd

from benchmarks.report.answer.questions import Question, asked
from benchmarks.report.editorial import MORE_TRAINING
from benchmarks.report.results import Candidate, Quantity, Results
from benchmarks.report.timings import main_setup, milliseconds
from benchmarks.schema import members_rank, where
from benchmarks.vocabulary import SELF_TRAINED, SIGNIFICANT

NOT_MEASURED = "not measured in this run"

Cost = tuple[int, float, tuple[int, str], tuple[bool, int, str, float], tuple[int, str]]


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
    return tuple(decide(results, question) for question in asked(results))


def decide(results: Results, question: Question) -> Decision:
    """What to use, as the answer to a question.

    One choice is recommended before another if it is better by at least one measure and worse by
    none, or if it is as good by all and cheaper. Where none is recommended before all others, all
    are that beat the cheapest choice and are beaten by none.
    """
    wanted = question.quantities(results)
    allowed = candidates(results, question)
    measured = [choice for choice in allowed if any(results.value(choice, q) for q in wanted)]
    if reason := _objection(results, question, measured):
        return Decision(question, objection=reason)
    baseline = measured[0]
    quantities = tuple(q for q in wanted if any(results.value(choice, q) for choice in measured))
    if question.together and quantities != wanted:
        return Decision(question, objection=NOT_MEASURED)
    tested = tuple(
        choice
        for choice in measured
        if choice == baseline
        or set(relations(results, choice, baseline, quantities).values()) != {Relation.UNTESTED}
    )
    known = Decision(question, quantities, baseline, tested=tested)
    if len(tested) == 1:
        return replace(known, objection="no alternative was compared")
    if reason := _objection(results, question, tested):
        return replace(known, objection=reason)
    return _decided(results, known)


def _decided(results: Results, known: Decision) -> Decision:
    """The decision by what tests say of those that were tested."""
    tested, baseline = known.tested, known.tested[0]

    def beats(choice: Candidate, other: Candidate) -> bool:
        """Whether it is better by at least one measure, and worse by none; all are tested."""
        said = set(relations(results, choice, other, known.quantities).values())
        return Relation.BETTER in said and said.isdisjoint((Relation.WORSE, Relation.UNTESTED))

    def is_preferred(choice: Candidate, other: Candidate) -> bool:
        if choice == other or beats(choice, other):
            return True
        is_cheaper = tested.index(choice) < tested.index(other)
        said = set(relations(results, choice, other, known.quantities).values())
        return is_cheaper and said <= {Relation.AS_GOOD, Relation.BETTER}

    for choice in tested:
        if all(is_preferred(choice, other) for other in tested):
            return replace(known, chosen=(choice,))
    unbeaten = [choice for choice in tested if not any(beats(other, choice) for other in tested)]
    if unbeaten == [baseline]:
        return replace(known, chosen=(baseline,))
    chosen = tuple(choice for choice in unbeaten if beats(choice, baseline))
    rivals = tuple(choice for choice in unbeaten if choice not in (*chosen, baseline))
    keeps = not chosen and baseline in unbeaten
    return replace(known, chosen=chosen, keeps=keeps, rivals=rivals)


# What a user may choose, and in which order of cost.


def candidates(results: Results, question: Question) -> list[Candidate]:
    """Of each recipe and method the largest size that the question allows, the cheapest first.

    Those of the main recipe; where networks may be trained anew, of others with the same training
    images, too. Where other scores than methods' primary ones are allowed, those count as further
    choices by each score with which they were compared with others.
    """
    main = results.recipes[0]
    splits = {recipe.name: recipe.split for recipe in results.names.recipes}
    keys = results.summary[results.summary["value"].notna()][["recipe", "method", "members"]]
    measured = (Candidate(*key) for key in keys.drop_duplicates().itertuples(index=False))
    largest: dict[tuple[str, str], Candidate] = {}
    for choice in sorted(measured, key=lambda choice: cost(results, choice)):
        trains_alike = choice.recipe == SELF_TRAINED or splits.get(choice.recipe) == splits.get(
            main
        )
        is_offered = choice.recipe == main or (question.retrains and trains_alike)
        if is_offered and _is_allowed(results, question, choice):
            largest[choice[:2]] = choice
    chosen = list(largest.values())
    if question.by_any_score:
        scored = results.further_scored
        chosen += [choice for choice in scored if choice._replace(score="") in chosen]
    return sorted(chosen, key=lambda choice: cost(results, choice))


def _is_allowed(results: Results, question: Question, choice: Candidate) -> bool:
    most, limit = question.networks, question.milliseconds
    if MORE_TRAINING in results.names.method(choice.method).needs and not question.retrains:
        return False
    if most is not None and networks_of(results, choice) > most:
        return False
    # An ensemble of one is the network alone, which is another choice.
    if is_ensemble(results, choice) and (most == 1 or choice.members == "1"):
        return False
    if limit is None:
        return True
    timing = single_image(results, choice)
    return timing is not None and bool(timing["p50_ms"] <= limit)


def _objection(results: Results, question: Question, choices: Sequence[Candidate]) -> str:
    """Why nothing can be recommended among these, whatever tests say; empty if nothing is wrong."""
    several = question.networks is not None and question.networks > 1
    if question.milliseconds is not None and main_setup(results.latency) is None:
        return "latency was not measured"
    if not choices and question.milliseconds is not None:
        return f"no method answers within {question.milliseconds:g} ms"
    if not choices:
        return NOT_MEASURED
    if several and not any(is_ensemble(results, choice) for choice in choices):
        return f"no ensemble of at most {question.networks} networks was compared"
    return ""


def cost(results: Results, choice: Candidate) -> Cost:
    """Networks, then passes; a cheaper choice comes first, equal ones as they are shown."""
    names = results.names
    return (
        networks_of(results, choice),
        members_rank(choice.members),
        names.recipe_rank(choice.recipe),
        names.rank(choice.variant),
        names.score_rank(choice.score) if choice.score else (-1, ""),
    )


def networks_of(results: Results, choice: Candidate) -> int:
    """How many networks it takes."""
    size = members_rank(choice.members)
    return int(size) if is_ensemble(results, choice) and math.isfinite(size) else 1


def is_ensemble(results: Results, choice: Candidate) -> bool:
    """Whether its members are networks."""
    return results.names.method(choice.method).counts_networks


def single_image(results: Results, choice: Candidate) -> pd.Series | None:
    """The timing of a single image in the setup that methods are compared in.

    That of a further score has the time of its network in it.
    """
    if choice.score:
        if results.score_latency.empty:
            return None
        rows = where(results.score_latency, score=choice.score, batch_size=1, status="ok")
        return None if rows.empty else rows.iloc[0]
    setup = main_setup(results.latency)
    return None if setup is None else milliseconds(results.latency, setup, choice.variant, 1)


def label(results: Results, choice: Candidate, *, with_recipe: bool = True) -> str:
    """A choice by its name, for example ``SWAG (S = 30, recipe plain)``; a user's own as it is.

    Args:
        with_recipe: whether to name the recipe, where the run has several.
    """
    names = results.names
    record = names.method(choice.method)
    method, scored = record.label, ""
    if choice.score:
        method, scored = names.score(choice.score).label, f"with {method}"
    size = names.size(choice.variant) if choice.members not in ("", "1") else ""
    several = len(results.recipes) > 1 and choice.recipe in results.recipes
    recipe = f"recipe {choice.recipe}" if with_recipe and several else ""
    details = ", ".join(filter(None, (scored, size, recipe)))
    is_users_own = record.position < 0 and not choice.score
    name = method if is_users_own else f"{method[:1].upper()}{method[1:]}"
    return f"{name}{f' ({details})' if details else ''}"


# What tests say of two choices by one measure.


class Relation(StrEnum):
    """What tests say of one choice against another."""

    BETTER = "better"
    WORSE = "worse"
    AS_GOOD = "as good"
    """Worse by less than the margin, if at all; a difference that is smaller counts as none."""
    OPEN = "not distinguished"
    UNTESTED = "not tested"


def relations(
    results: Results, left: Candidate, right: Candidate, quantities: Iterable[Quantity]
) -> dict[Quantity, Relation]:
    """What tests say of the left against the right, by each measure."""
    return {quantity: relation(results, left, right, quantity) for quantity in quantities}


def relation(results: Results, left: Candidate, right: Candidate, quantity: Quantity) -> Relation:
    """What tests say of the left against the right.

    By the paired comparison of the two, if there is one. Else, of an ensemble of networks, by the
    worth of the other: the interval of that holds the sizes of ensembles which the other is not
    distinguished from.
    """
    if tested := results.comparison(left, right, quantity):
        better = results.names.metric(quantity.metric).better
        if math.isnan(tested.p_value) or not better:
            return Relation.UNTESTED
        if max(tested.p_not_worse, tested.p_not_better) < SIGNIFICANT:
            return Relation.AS_GOOD
        if tested.p_value < SIGNIFICANT:
            is_better = (tested.difference > 0) == (better == "higher")
            return Relation.BETTER if is_better else Relation.WORSE
        return Relation.AS_GOOD if tested.p_not_worse < SIGNIFICANT else Relation.OPEN
    scores = {results.ranked(choice, quantity).score for choice in (left, right)}
    if len(scores) > 1 and not (left.score or right.score):
        return Relation.UNTESTED  # methods' own scores are compared with nothing
    for ensemble, choice in ((left, right), (right, left)):
        if bounds := _bounds_of_worth(results, choice, ensemble, quantity):
            size = int(ensemble.members)
            if bounds[0] <= size <= bounds[1]:
                return Relation.OPEN
            return Relation.BETTER if (size > bounds[1]) == (ensemble == left) else Relation.WORSE
    return Relation.UNTESTED


def _bounds_of_worth(
    results: Results, choice: Candidate, ensemble: Candidate, quantity: Quantity
) -> tuple[float, float] | None:
    """The interval of what a choice is worth in networks of such an ensemble, if it is known."""
    known = worth(results, choice, ensemble, quantity)
    if known is None or ensemble.score or not ensemble.members.isdigit():
        return None
    return networks(known[1]), networks(known[2])


def worth(
    results: Results, choice: Candidate, ensemble: Candidate, quantity: Quantity
) -> tuple[str, str, str] | None:
    """How many of the ensemble's networks it is worth, with bounds; ``None``: not known."""
    row = results.worth_in(choice, (ensemble.recipe, ensemble.method), quantity)
    # A reason says what an interval leaves out: then it is no test.
    if row is None or row["status"] != "ok" or row["reason"]:
        return None
    return row["worth"], row["worth_lower"], row["worth_upper"]


def networks(text: str) -> float:
    """A worth, or a bound of it, as ``worth.csv`` has it; beyond the sizes it is open.

    >>> networks("2.5"), networks("<1"), networks(">50")
    (2.5, 0.0, inf)
    """
    if text.startswith("<"):
        return 0.0
    return math.inf if text.startswith(">") else float(text)
