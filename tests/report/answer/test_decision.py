"""Which ranks are possible, and what is recommended: by the intervals of each question alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.optimize import linprog

from benchmarks.nouns import MethodRecord
from benchmarks.questions import QUESTIONS
from benchmarks.report.answer.decision import (
    answered,
    by_cost,
    decisions,
    is_network_alone,
    judged_by,
    least_gains,
)
from benchmarks.report.answer.table import decision_table
from benchmarks.report.results import Candidate, Quantity, Results
from benchmarks.report.tables.table import markdown
from benchmarks.vocabulary import Verdict
from tests.report.answer.cases import (
    ACCURACY,
    AS_GOOD,
    AUROC,
    BETTER,
    CLEAN,
    DROPOUT,
    DROPOUT_LONGER,
    FAST_CLEAN,
    FIVE,
    FIVE_CLEAN,
    HALVES,
    LAPLACE,
    LONGER,
    NLL,
    ONE_ABSTAIN,
    ONE_CLEAN,
    ONE_UNKNOWN,
    OPEN,
    SCALED,
    SOFTMAX,
    SWAG,
    TWO,
    WORSE,
    compared,
    decided,
    question_of,
    ranked,
    run,
)

FOUR = (SOFTMAX, DROPOUT, SCALED, LAPLACE)

WIDE = {"lower": -1.0, "upper": 1.0}
"""An interval that says nothing, also together with others."""


def ranks_of(verdicts: Mapping[tuple[Candidate, Candidate], Verdict]) -> dict[Candidate, tuple]:
    """The possible ranks by NLL, from what is said of each pair alone."""
    rows = [
        replace(row, **WIDE) if said in (OPEN, AS_GOOD) else row
        for (one, other), said in verdicts.items()
        for row in compared(one, other, [NLL], said, ONE_CLEAN)
    ]
    measured = {one: CLEAN for pair in verdicts for one in pair}
    standings = decided(run(measured, rows), ONE_CLEAN).standings[NLL]
    return {one: (standing.first, standing.last) for one, standing in standings.items()}


def test_ranks_count_who_is_better_and_who_is_worse() -> None:
    said = dict.fromkeys(combinations(FOUR, 2), OPEN)
    said[SOFTMAX, SCALED] = said[DROPOUT, LAPLACE] = BETTER
    said[SOFTMAX, LAPLACE] = Verdict.BETTER_WITHIN  # still better
    said[SCALED, LAPLACE] = AS_GOOD
    assert ranks_of(said) == {SOFTMAX: (1, 2), DROPOUT: (1, 3), SCALED: (2, 4), LAPLACE: (3, 4)}
    flipped = {(other, one): verdict.flipped for (one, other), verdict in said.items()}
    assert ranks_of(flipped) == ranks_of(said)


@pytest.mark.parametrize("seed", range(5))
def test_ranks_are_those_of_all_orders_that_no_interval_excludes(seed: int) -> None:
    """Candidates whose own intervals are apart; every order of the others is possible."""
    random = np.random.default_rng(seed)
    every = (*FOUR, SWAG)
    values, half = random.normal(size=len(every)), 0.6
    apart = {(i, j): values[j] - values[i] > half for i, j in permutations(range(len(every)), 2)}
    said = {
        (every[i], every[j]): BETTER if apart[i, j] else WORSE if apart[j, i] else OPEN
        for i, j in combinations(range(len(every)), 2)
    }
    orders = [
        order
        for order in permutations(range(len(every)))
        if not any(apart[later, first] for first, later in combinations(order, 2))
    ]
    places = {i: {order.index(i) + 1 for order in orders} for i in range(len(every))}
    expected = {every[i]: (min(ranks), max(ranks)) for i, ranks in places.items()}
    assert ranks_of(said) == expected


@pytest.mark.parametrize("metric", ["accuracy", "nll"])
def test_least_gains_are_those_that_all_intervals_together_allow(metric: str) -> None:
    """The least difference of any values that lie in all intervals, by linear programming."""
    random, quantity = np.random.default_rng(0), Quantity("clean", metric)
    values = random.normal(size=len(FOUR))
    pairs = list(combinations(range(len(FOUR)), 2))
    limits = {}
    for i, j in pairs:
        difference = values[i] - values[j]
        limits[i, j] = difference - random.exponential(), difference + random.exponential()
    rows = [
        replace(row, lower=lower, upper=upper)
        for (i, j), (lower, upper) in limits.items()
        for row in compared(FOUR[i], FOUR[j], [quantity], OPEN, ONE_CLEAN)
    ]
    results = run(dict.fromkeys(FOUR, CLEAN), rows)
    sign = 1 if metric == "accuracy" else -1
    contrasts = np.zeros((len(pairs), len(FOUR)))
    for contrast, (i, j) in zip(contrasts, pairs, strict=True):
        contrast[i], contrast[j] = 1, -1
    lower, upper = np.array(list(limits.values())).T
    expected = np.zeros((len(FOUR), len(FOUR)))
    for i, j in permutations(range(len(FOUR)), 2):
        objective = np.zeros(len(FOUR))
        objective[i], objective[j] = sign, -sign
        expected[i, j] = linprog(
            objective,
            A_ub=np.vstack([contrasts, -contrasts]),
            b_ub=np.concatenate([upper, -lower]),
            bounds=(None, None),
        ).fun
    gains = least_gains(results, question_of(ONE_CLEAN), quantity, FOUR)
    np.testing.assert_allclose(gains, expected, atol=1e-9)


def test_intervals_that_contradict_each_other_count_alone() -> None:
    circle = [(SOFTMAX, DROPOUT), (DROPOUT, SCALED), (SCALED, SOFTMAX)]
    rows = [row for pair in circle for row in compared(*pair, [NLL], BETTER, ONE_CLEAN)]
    results = run(dict.fromkeys((SOFTMAX, DROPOUT, SCALED), CLEAN), rows)
    gains = least_gains(results, question_of(ONE_CLEAN), NLL, (SOFTMAX, DROPOUT, SCALED))
    assert (gains > 0).tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("equal", [False, True])
def test_what_a_third_candidate_separates_is_not_tied(equal: bool) -> None:
    """Laplace is at most a little better than softmax, MC-dropout is much better.

    What is equal to softmax is as far from it, and has no interval of its own.
    """
    rows = [
        *compared(DROPOUT, SOFTMAX, [ACCURACY], BETTER, ONE_CLEAN),
        *compared(DROPOUT, LAPLACE, [ACCURACY], OPEN, ONE_CLEAN),
        *(
            replace(row, lower=-0.001, upper=0.004)
            for row in compared(LAPLACE, SOFTMAX, [ACCURACY], OPEN, ONE_CLEAN)
        ),
    ]
    if equal:
        same = compared(SCALED, SOFTMAX, [ACCURACY], AS_GOOD, ONE_CLEAN)
        rows += [replace(row, difference=0.0, lower=None, upper=None) for row in same]
    decision = decided(run(dict.fromkeys(FOUR, CLEAN), rows), ONE_CLEAN)
    assert decision.tied() == [DROPOUT]
    standings = decision.standings[ACCURACY]
    assert {one: standing.first for one, standing in standings.items() if one != DROPOUT} == (
        dict.fromkeys((LAPLACE, SOFTMAX, SCALED), 2) if equal else {LAPLACE: 2, SOFTMAX: 2}
    )


def test_what_is_better_than_the_network_alone_through_a_third_is_recommended() -> None:
    rows = [
        *compared(SCALED, LAPLACE, [ACCURACY], BETTER, ONE_CLEAN),
        *compared(LAPLACE, SOFTMAX, [ACCURACY], BETTER, ONE_CLEAN),
        *(replace(row, **WIDE) for row in compared(SCALED, SOFTMAX, [ACCURACY], OPEN, ONE_CLEAN)),
    ]
    decision = decided(run(dict.fromkeys((SCALED, LAPLACE, SOFTMAX), CLEAN), rows), ONE_CLEAN)
    assert [standing.first for standing in decision.standings[ACCURACY].values()].count(1) == 1
    assert decision.recommended == {SCALED: [ACCURACY]}


def test_nothing_is_better_by_a_measure_that_the_network_alone_lacks() -> None:
    rows = [
        *ranked([[SOFTMAX, DROPOUT, SCALED]], [ACCURACY], ONE_CLEAN),
        *ranked([[DROPOUT, SCALED]], [NLL], ONE_CLEAN),
    ]
    decision = decided(run(dict.fromkeys((SOFTMAX, DROPOUT, SCALED), CLEAN), rows), ONE_CLEAN)
    assert decision.recommended == {SOFTMAX: [ACCURACY]}


def test_cheapest_of_those_tied_by_all_measures_is_recommended() -> None:
    order = [[SCALED, LAPLACE, DROPOUT], [SOFTMAX]]
    rows = [*ranked(order, [NLL], ONE_CLEAN), *ranked([FOUR], [ACCURACY], ONE_CLEAN)]
    milliseconds = {SOFTMAX: 0.1, DROPOUT: 8.0, SCALED: 0.11, LAPLACE: 0.7}
    values = {(LAPLACE, NLL): 0.03}
    decision = decided(run(dict.fromkeys(FOUR, CLEAN), rows, (), milliseconds, values), ONE_CLEAN)
    assert decision.tied() == [SCALED, LAPLACE, DROPOUT]
    assert decision.recommended == {SCALED: CLEAN}
    assert decision.best(NLL) == LAPLACE
    assert decision.baseline == SOFTMAX


def test_method_of_several_members_is_no_network_alone() -> None:
    """Such as a user's own, which makes several predictions by one network and names no size."""
    own = SOFTMAX._replace(members="10")
    results = run({SOFTMAX: CLEAN, own: CLEAN}, [])
    assert [is_network_alone(results, choice) for choice in (SOFTMAX, own)] == [True, False]


def test_network_alone_is_recommended_where_it_is_tied() -> None:
    rows = ranked([FOUR], CLEAN, ONE_CLEAN)
    decision = decided(run(dict.fromkeys(FOUR, CLEAN), rows), ONE_CLEAN)
    assert decision.recommended == {SOFTMAX: CLEAN}
    assert set(decision.tied()) == set(FOUR)


def test_each_measure_has_its_own_choice_where_none_is_tied_by_all() -> None:
    rows = [
        *ranked([[SOFTMAX], [SCALED, DROPOUT]], [ACCURACY], ONE_CLEAN),
        *ranked([[SCALED, DROPOUT], [SOFTMAX]], [NLL], ONE_CLEAN),
    ]
    measured = dict.fromkeys((SOFTMAX, SCALED, DROPOUT), CLEAN)
    milliseconds = {SOFTMAX: 0.1, SCALED: 3.0, DROPOUT: 1.0}
    decision = decided(run(measured, rows, (), milliseconds), ONE_CLEAN)
    assert decision.tied() == []
    assert decision.recommended == {SOFTMAX: [ACCURACY], DROPOUT: [NLL]}


def test_what_is_worse_than_guessing_is_not_recommended_by_that_measure() -> None:
    rows = ranked([[SCALED], [SOFTMAX]], CLEAN, ONE_CLEAN)
    measured = {SOFTMAX: CLEAN, SCALED: CLEAN}
    guessing = math.log(10)
    for nll, recommended in (
        (guessing - 0.01, {SCALED: CLEAN}),
        (guessing + 0.01, {SCALED: [ACCURACY]}),  # softmax is beaten by a method
    ):
        results = run(measured, rows, values={(SCALED, NLL): nll})
        decision = decided(results, ONE_CLEAN)
        assert decision.recommended == recommended
        assert decision.standings[NLL][SCALED].first == 1
    assert decision.best(NLL) is None


def test_what_varies_too_much_to_be_beaten_does_not_replace_the_network_alone() -> None:
    """Neither where the network alone is tied, and dearer, nor where it is beaten."""
    rows = [*ranked([[LAPLACE], [SOFTMAX]], CLEAN, ONE_CLEAN)]
    rows += [
        replace(row, **WIDE)
        for one in (LAPLACE, SOFTMAX)
        for row in compared(SCALED, one, CLEAN, OPEN, ONE_CLEAN)
    ]
    measured = dict.fromkeys((SOFTMAX, SCALED, LAPLACE), CLEAN)
    milliseconds = {SOFTMAX: 0.2, SCALED: 0.1, LAPLACE: 0.7}
    decision = decided(run(measured, rows, (), milliseconds), ONE_CLEAN)
    assert decision.tied() == [SCALED, LAPLACE]
    assert decision.recommended == {LAPLACE: CLEAN}
    rows = ranked([[SOFTMAX, SCALED]], CLEAN, ONE_CLEAN)
    decision = decided(run({SOFTMAX: CLEAN, SCALED: CLEAN}, rows, (), milliseconds), ONE_CLEAN)
    assert decision.tied() == [SCALED, SOFTMAX]
    assert decision.recommended == {SOFTMAX: CLEAN}


def test_network_alone_that_is_worse_than_guessing_yields_only_to_what_is_better() -> None:
    worse_than_guessing = {(SOFTMAX, NLL): 2.5}
    for order, recommended in (
        ([[SOFTMAX, SCALED]], {SOFTMAX: [ACCURACY]}),
        ([[SCALED], [SOFTMAX]], {SCALED: CLEAN}),
    ):
        rows = ranked(order, CLEAN, ONE_CLEAN)
        results = run({SOFTMAX: CLEAN, SCALED: CLEAN}, rows, values=worse_than_guessing)
        assert decided(results, ONE_CLEAN).recommended == recommended


def test_cost_is_training_then_milliseconds_then_the_order_of_methods() -> None:
    every = (DROPOUT_LONGER, FIVE, TWO, LAPLACE, DROPOUT, SCALED, SOFTMAX)
    ms = dict(zip(every[1:], (0.1, 0.1, 1.0, 1.19, 1.21, 5.0), strict=True))
    results = run(dict.fromkeys(every, CLEAN), milliseconds=ms)
    # Within 20 % of the fastest left, MC-dropout and then temperature scaling are registered first.
    # What trains longer takes as long to answer.
    assert by_cost(results, every) == [
        *(DROPOUT, LAPLACE, SCALED, SOFTMAX, TWO, FIVE, DROPOUT_LONGER)
    ]
    # One that was not timed comes behind all of as much training that were.
    del ms[DROPOUT]
    timed = run(dict.fromkeys(every, CLEAN), milliseconds=ms)
    assert by_cost(timed, every)[:4] == [LAPLACE, SCALED, SOFTMAX, DROPOUT]
    untimed = run(dict.fromkeys(every, CLEAN))
    assert by_cost(untimed, every)[:2] == [SOFTMAX, DROPOUT]


def test_other_questions_and_single_pairs_decide_nothing() -> None:
    rows = [
        *ranked([[SOFTMAX, SCALED]], CLEAN, ONE_CLEAN),
        *compared(SCALED, SOFTMAX, CLEAN, BETTER),
        *ranked([[SCALED], [SOFTMAX]], CLEAN, "one-shifted"),
    ]
    results = run({SOFTMAX: CLEAN, SCALED: CLEAN}, rows)
    assert decided(results, ONE_CLEAN).recommended == {SOFTMAX: CLEAN}
    assert decided(results, "one-shifted").recommended == {SCALED: CLEAN}


def test_each_budget_has_questions_of_its_own_and_the_network_alone_of_its_training() -> None:
    rows = [
        *ranked([[SOFTMAX, DROPOUT]], CLEAN, ONE_CLEAN),
        *ranked([[HALVES], [FIVE], [DROPOUT_LONGER, LONGER]], CLEAN, FIVE_CLEAN),
    ]
    every = (SOFTMAX, DROPOUT, LONGER, DROPOUT_LONGER, FIVE, HALVES)
    made = {
        decision.question.name: (decision.baseline, [*decision.recommended])
        for decision in answered(run(dict.fromkeys(every, CLEAN), rows))
    }
    assert made == {ONE_CLEAN: (SOFTMAX, [SOFTMAX]), FIVE_CLEAN: (LONGER, [HALVES])}
    of_one = decisions(run({SOFTMAX: CLEAN, DROPOUT: CLEAN, FIVE: CLEAN}, rows))
    assert {decision.question.budget for decision in of_one} == {1, None}


def test_methods_that_train_themselves_on_other_images_are_no_candidates() -> None:
    mine, yours = (Candidate(name, "1") for name in ("mine", "yours"))
    rows = [
        *ranked([[SOFTMAX, SCALED]], CLEAN, ONE_CLEAN),
        *ranked([[mine], [yours]], CLEAN, ONE_CLEAN),
    ]

    def fitted(images: int, *every: Candidate) -> Results:
        known = [row for row in rows if row.method in {one.method for one in every}]
        results = run(dict.fromkeys(every, CLEAN), known)
        own = (MethodRecord(one.method, one.method, images=images) for one in (mine, yours))
        return replace(
            results, names=replace(results.names, methods=(*results.names.methods, *own))
        )

    others = decided(fitted(40_000, SOFTMAX, SCALED, mine, yours), ONE_CLEAN)
    assert others.candidates == (SOFTMAX, SCALED)
    alike = decided(fitted(60_000, SOFTMAX, SCALED, mine, yours), ONE_CLEAN)
    assert alike.candidates == (SOFTMAX, SCALED, mine, yours)
    assert decided(fitted(40_000, mine, yours), ONE_CLEAN).recommended == {mine: CLEAN}


NEIGHBOUR, DENSITY = (SOFTMAX._replace(score=score) for score in ("knn", "ddu"))


def test_out_of_distribution_images_may_be_noticed_by_another_score() -> None:
    measured = {SOFTMAX: [*AUROC], DROPOUT: AUROC}
    measured[SOFTMAX] += [q._replace(score=one) for q in AUROC for one in ("knn", "ddu")]
    rows = ranked([[NEIGHBOUR], [DENSITY, DROPOUT], [SOFTMAX]], AUROC, ONE_UNKNOWN)
    decision = decided(run(measured, rows), ONE_UNKNOWN)
    by = [Quantity(quantity.condition, quantity.metric) for quantity in AUROC]
    assert decision.recommended == {NEIGHBOUR: by}
    assert decision.baseline == SOFTMAX
    assert set(decision.candidates) == {SOFTMAX, DROPOUT, NEIGHBOUR, DENSITY}


@pytest.mark.parametrize("said", [None, ""])
def test_without_intervals_nothing_is_recommended(said: str | None) -> None:
    """Neither where nothing is compared, nor where rows give no verdict."""
    measured = {SOFTMAX: CLEAN, DROPOUT: CLEAN}
    rows = [] if said is None else compared(DROPOUT, SOFTMAX, CLEAN, said, ONE_CLEAN)
    results = run(measured, rows)
    for decision in decisions(results):
        assert (decision.recommended, decision.candidates) == ({}, ())
    one = run({SOFTMAX: CLEAN})
    assert not any(decision.recommended for decision in decisions(one))


def test_infinite_value_is_compared_with_nothing_and_not_recommended() -> None:
    undefined = [
        replace(row, status="undefined", difference=None, lower=None, upper=None, verdict="")
        for one in (DROPOUT, SCALED)
        for row in compared(SOFTMAX, one, [NLL], OPEN, ONE_CLEAN)
    ]
    rows = [
        *ranked([[SOFTMAX, DROPOUT, SCALED]], [ACCURACY], ONE_CLEAN),
        *ranked([[DROPOUT, SCALED]], [NLL], ONE_CLEAN),
        *undefined,
    ]
    measured = dict.fromkeys((SOFTMAX, DROPOUT, SCALED), CLEAN)
    decision = decided(run(measured, rows, values={(SOFTMAX, NLL): math.inf}), ONE_CLEAN)
    assert decision.tied() == [DROPOUT, SCALED]


def test_of_each_method_the_largest_size_that_is_fast_enough_is_judged() -> None:
    few, many = DROPOUT._replace(members="5"), DROPOUT._replace(members="20")
    measured = dict.fromkeys((SOFTMAX, few, many, DROPOUT), CLEAN)
    rows = ranked([[DROPOUT], [many], [few], [SOFTMAX]], CLEAN, FAST_CLEAN)
    milliseconds = {SOFTMAX: 0.1, few: 0.4, many: 1.0, DROPOUT: 5.0}
    decision = decided(run(measured, rows, (), milliseconds), FAST_CLEAN)
    assert decision.recommended == {many: CLEAN}
    assert {one: standing.first for one, standing in decision.standings[NLL].items()} == {
        many: 1,
        SOFTMAX: 2,
    }
    alone = decided(run(measured, rows, (), {SOFTMAX: 0.1, few: 1.1}), FAST_CLEAN)
    assert alone.recommended == {SOFTMAX: CLEAN}
    for late in ({SOFTMAX: 3.0}, {}):
        assert decided(run(measured, rows, (), late), FAST_CLEAN).recommended == {}
    # The tail, which is known where enough calls were timed, does not count.
    assert (run(measured, rows, (), milliseconds).latency["p99_ms"] > 1).any()


def test_abstention_is_judged_on_clean_and_on_shifted_images() -> None:
    by = [
        Quantity(condition, metric)
        for condition in ("clean", "rotated-mean")
        for metric in ("error_at_coverage_90", "augrc")
    ]
    rows = [
        row
        for quantity in reversed(by)
        for row in ranked(
            [[DROPOUT, SOFTMAX]],
            [quantity._replace(score="predictive_entropy")],
            ONE_ABSTAIN,
        )
    ]
    measured = {SOFTMAX: CLEAN, DROPOUT: CLEAN}
    assert list(decided(run(measured, rows), ONE_ABSTAIN).standings) == by


def test_others_predictions_answer_each_kind_of_question_once() -> None:
    """What they cost is not known: all that are tied with the best are named."""
    mine, yours, third = (Candidate(name, "5") for name in ("mine", "yours", "third"))
    rows = [
        row
        for question in QUESTIONS
        if "clean" in question.kinds and question.metrics == ("accuracy", "nll")
        for row in ranked([[yours, mine], [third]], CLEAN, question.name)
    ]
    results = run(dict.fromkeys((mine, yours, third), CLEAN), rows)
    results = replace(results, names=replace(results.names, recipes=()))
    answers = decisions(results)
    assert [one.question.images for one in answers] == [
        *("Clean images", "Shifted images", "When to abstain", "Out-of-distribution images")
    ]
    assert {one.question.situation for one in answers} == {""}
    assert set(answers[0].recommended) == {mine, yours}
    first, second, *_ = decision_table(results).rows
    assert {row.labels[1] for row in (first, second)} == {
        f"{name} (M = 5): of 3 methods, no other is shown to be better"
        for name in ("mine", "yours")
    }
    assert "cheapest" not in markdown(decision_table(results))


def test_every_measure_of_a_question_can_be_compared() -> None:
    results = run({SOFTMAX: [*CLEAN, *AUROC]})
    metrics = {results.names.metric(quantity.metric) for quantity in judged_by(results)}
    assert {metric.name for metric in metrics} == {
        metric for question in QUESTIONS for metric in question.metrics
    }
    assert all(metric.better and not metric.biased for metric in metrics)
