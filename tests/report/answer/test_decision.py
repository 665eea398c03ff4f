"""What is decided: by tests alone, in every way that these can turn out."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from benchmarks.report.answer.decision import Decision, Relation, candidates, decide, relation
from benchmarks.report.answer.questions import QUESTIONS, Question
from benchmarks.report.results import Candidate, Results
from tests.report.answer.cases import (
    AS_GOOD,
    AUROC,
    BETTER,
    CLEAN,
    DROPOUT,
    FIFTY,
    FIVE,
    OPEN,
    PLAIN,
    SOFTMAX,
    WORSE,
    compared,
    run,
    worth,
)

FIXED, _, EITHER, RETRAINED, _, FEW, _, FAST, _, ABSTAINING, NOTICED = QUESTIONS
"""Of those about several kinds of images, the one on clean images."""

ACCURACY, NLL = CLEAN


def on_clean(results: Results, question: Question = FIXED) -> Decision:
    return decide(results, question)


def two(*comparisons: tuple[str, str]) -> Results:
    """Softmax and MC-dropout on clean images, by what tests say of accuracy and NLL."""
    measured = {SOFTMAX: CLEAN, DROPOUT: CLEAN}
    (said,) = comparisons
    rows = zip(CLEAN, said, strict=True)
    return run(measured, [row for q, s in rows for row in compared(DROPOUT, SOFTMAX, [q], s)])


@pytest.mark.parametrize(
    ("said", "chosen", "rivals"),
    [
        ((BETTER, BETTER), (DROPOUT,), ()),
        ((BETTER, OPEN), (DROPOUT,), ()),
        ((WORSE, OPEN), (SOFTMAX,), ()),
        ((AS_GOOD, AS_GOOD), (SOFTMAX,), ()),
        ((AS_GOOD, OPEN), (), (DROPOUT,)),
        ((OPEN, OPEN), (), (DROPOUT,)),
        ((BETTER, WORSE), (), (DROPOUT,)),
    ],
)
def test_better_wins_and_of_equally_good_ones_the_cheaper(
    said: tuple[str, str], chosen: tuple[Candidate, ...], rivals: tuple[Candidate, ...]
) -> None:
    decision = on_clean(two(said))
    assert (decision.chosen, decision.rivals) == (chosen, rivals)
    assert decision.baseline == SOFTMAX
    assert decision.objection == ""


def test_sides_of_a_comparison_may_be_exchanged() -> None:
    measured = {SOFTMAX: CLEAN, DROPOUT: CLEAN}
    results = run(measured, compared(SOFTMAX, DROPOUT, CLEAN, WORSE))
    assert relation(results, SOFTMAX, DROPOUT, NLL) is Relation.WORSE
    assert relation(results, DROPOUT, SOFTMAX, NLL) is Relation.BETTER
    rows = [replace(row, p_not_better=0.9) for row in compared(SOFTMAX, DROPOUT, CLEAN, AS_GOOD)]
    results = run(measured, rows)
    assert relation(results, SOFTMAX, DROPOUT, NLL) is Relation.AS_GOOD
    assert relation(results, DROPOUT, SOFTMAX, NLL) is Relation.OPEN


def test_the_dearer_is_not_used_for_being_as_good() -> None:
    rows = [replace(row, p_not_better=0.9) for row in compared(DROPOUT, SOFTMAX, CLEAN, AS_GOOD)]
    decision = on_clean(run({SOFTMAX: CLEAN, DROPOUT: CLEAN}, rows))
    assert (decision.chosen, decision.rivals) == ((), (DROPOUT,))


def test_one_network_is_no_ensemble_of_one() -> None:
    one = FIVE._replace(members="1")
    results = run({SOFTMAX: CLEAN, DROPOUT: CLEAN, one: CLEAN, FIVE: CLEAN, FIFTY: CLEAN})
    assert candidates(results, RETRAINED) == [SOFTMAX, DROPOUT]
    assert candidates(results, FEW) == [SOFTMAX, DROPOUT, FIVE]
    assert candidates(results, ABSTAINING) == [SOFTMAX, DROPOUT, FIFTY]


def test_who_cannot_retrain_is_offered_no_further_training() -> None:
    swag = Candidate("standard", "swag", "30")
    laplace = Candidate("standard", "laplace_last_layer", "")
    results = run({SOFTMAX: CLEAN, swag: CLEAN, laplace: CLEAN})
    assert candidates(results, FIXED) == [SOFTMAX, laplace]
    assert set(candidates(results, RETRAINED)) == {SOFTMAX, swag, laplace}


NEIGHBOUR, DENSITY = (SOFTMAX._replace(score=score) for score in ("knn", "ddu"))


def on_ood(of_neighbour: str, of_density: str = WORSE) -> Decision:
    """By tests of the score of neighbours against the usual one, and of densities against it."""
    measured = {SOFTMAX: [*AUROC], DROPOUT: AUROC}
    measured[SOFTMAX] += [q._replace(score=one) for q in AUROC for one in ("knn", "ddu")]
    between = [
        *compared(NEIGHBOUR, SOFTMAX, AUROC, of_neighbour),
        *compared(NEIGHBOUR, DROPOUT, AUROC, of_neighbour),
        *compared(NEIGHBOUR, DENSITY, AUROC, BETTER),
        *compared(DENSITY, SOFTMAX, AUROC, of_density),
        *compared(DENSITY, DROPOUT, AUROC, of_density),
    ]
    results = run(measured, [*compared(DROPOUT, SOFTMAX, AUROC, BETTER), *between])
    return decide(results, NOTICED)


def test_out_of_distribution_images_may_be_noticed_by_another_score() -> None:
    assert on_ood(BETTER).chosen == (NEIGHBOUR,)
    assert on_ood(WORSE).chosen == (DROPOUT,)
    assert on_ood(BETTER).baseline == SOFTMAX
    assert set(on_ood(BETTER).tested) == {SOFTMAX, DROPOUT, NEIGHBOUR, DENSITY}
    undecided = on_ood(OPEN)
    assert (undecided.chosen, undecided.rivals) == ((DROPOUT,), (NEIGHBOUR,))


def test_scores_are_chosen_for_detection_alone() -> None:
    between = compared(NEIGHBOUR, SOFTMAX, AUROC, BETTER)
    results = run({SOFTMAX: CLEAN, DROPOUT: CLEAN}, between)
    assert candidates(results, NOTICED) == [SOFTMAX, NEIGHBOUR, DROPOUT]
    assert candidates(results, FIXED) == [SOFTMAX, DROPOUT]
    assert [question for question in QUESTIONS if question.by_any_score] == [NOTICED]


def test_numbers_that_no_test_compares_decide_nothing() -> None:
    results = run({SOFTMAX: CLEAN, DROPOUT: CLEAN})
    results.summary.loc[results.summary["method"] == "mc_dropout", "value"] *= 0.5
    assert on_clean(results).chosen == ()
    assert on_clean(results).objection == "no alternative was compared"
    untested = [replace(row, p_value=math.nan) for row in compared(DROPOUT, SOFTMAX, CLEAN, BETTER)]
    assert on_clean(run({SOFTMAX: CLEAN, DROPOUT: CLEAN}, untested)).chosen == ()


def test_what_was_not_measured_is_not_recommended() -> None:
    decision = on_clean(run({SOFTMAX: AUROC, DROPOUT: AUROC}))
    assert (decision.chosen, decision.objection) == ((), "not measured in this run")


def test_recipes_may_be_chosen_where_networks_are_trained_anew() -> None:
    rows = [
        *compared(PLAIN, SOFTMAX, CLEAN, BETTER),
        *compared(PLAIN, DROPOUT, CLEAN, BETTER),
        *compared(DROPOUT, SOFTMAX, CLEAN, BETTER),
    ]
    results = run({SOFTMAX: CLEAN, DROPOUT: CLEAN, PLAIN: CLEAN}, rows)
    assert on_clean(results, RETRAINED).chosen == (PLAIN,)
    assert on_clean(results, FIXED).chosen == (DROPOUT,)
    article = Candidate("article", "softmax", "1")  # of other training images
    results = run({SOFTMAX: CLEAN, article: CLEAN}, compared(article, SOFTMAX, CLEAN, BETTER))
    assert on_clean(results, RETRAINED).tested == (SOFTMAX,)


def test_several_are_named_where_no_test_separates_them() -> None:
    rows = [
        *compared(PLAIN, SOFTMAX, CLEAN, BETTER),
        *compared(PLAIN, DROPOUT, CLEAN, OPEN),
        *compared(DROPOUT, SOFTMAX, CLEAN, BETTER),
    ]
    measured = {SOFTMAX: CLEAN, DROPOUT: CLEAN, PLAIN: CLEAN}
    assert on_clean(run(measured, rows), RETRAINED).chosen == (PLAIN, DROPOUT)
    rows[-2:] = compared(DROPOUT, SOFTMAX, CLEAN, OPEN)
    decision = on_clean(run(measured, rows), RETRAINED)
    assert (decision.chosen, decision.rivals) == ((PLAIN,), (DROPOUT,))


def test_only_the_unbeaten_is_left_where_tests_form_a_chain() -> None:
    rows = [
        *compared(SOFTMAX, PLAIN, CLEAN, BETTER),
        *compared(PLAIN, DROPOUT, CLEAN, BETTER),
        *compared(DROPOUT, SOFTMAX, CLEAN, OPEN),
    ]
    measured = {SOFTMAX: CLEAN, DROPOUT: CLEAN, PLAIN: CLEAN}
    assert on_clean(run(measured, rows), RETRAINED).chosen == (SOFTMAX,)


def test_five_networks_are_compared_by_the_worth_of_the_others() -> None:
    measured = {SOFTMAX: CLEAN, DROPOUT: CLEAN, FIVE: CLEAN, FIFTY: CLEAN}
    rows = compared(DROPOUT, SOFTMAX, CLEAN, BETTER)
    little = worth(SOFTMAX, CLEAN, "1", "<1", "1.5"), worth(DROPOUT, CLEAN, "2", "1.2", "4.9")
    results = run(measured, rows, [*little[0], *little[1]])
    assert relation(results, FIVE, DROPOUT, NLL) is Relation.BETTER
    assert relation(results, DROPOUT, FIVE, NLL) is Relation.WORSE
    assert decide(results, FEW).chosen == (FIVE,)
    for bounds, expected in (
        (("4", "7"), Relation.OPEN),
        (("3", "5"), Relation.OPEN),
        (("5", "7"), Relation.OPEN),
        (("6", ">50"), Relation.WORSE),
        (("<1", "<1"), Relation.BETTER),
    ):
        results = run(measured, rows, worth(DROPOUT, CLEAN, "5", *bounds))
        assert relation(results, FIVE, DROPOUT, NLL) is expected
    assert on_clean(run(measured, rows), FEW).objection == (
        "no ensemble of at most 5 networks was compared"
    )


def test_what_answers_too_late_is_left_out() -> None:
    measured = {SOFTMAX: CLEAN, DROPOUT: CLEAN}
    rows = compared(DROPOUT, SOFTMAX, CLEAN, BETTER)
    in_time = run(measured, rows, milliseconds={SOFTMAX: 0.1, DROPOUT: 0.9})
    assert on_clean(in_time, FAST).chosen == (DROPOUT,)
    late = run(measured, rows, milliseconds={SOFTMAX: 0.1, DROPOUT: 1.1})
    assert candidates(late, FAST) == [SOFTMAX]
    one = FIVE._replace(members="1")  # the only ensemble that is fast enough, but the network alone
    fast = run({SOFTMAX: CLEAN, one: CLEAN}, [], milliseconds={SOFTMAX: 0.1, one: 0.1})
    assert candidates(fast, FAST) == [SOFTMAX]
    assert on_clean(late, FAST).objection == "no alternative was compared"
    # The tail, which is known where enough calls were timed, does not count.
    assert (in_time.latency["p99_ms"] > 1).any()
    slow = run(measured, rows, milliseconds={SOFTMAX: 3.0, DROPOUT: 9.0})
    assert on_clean(slow, FAST).objection == "no method answers within 1 ms"
    assert on_clean(run(measured, rows), FAST).objection == "latency was not measured"


def test_detection_counts_every_set_and_forgives_none() -> None:
    measured = {SOFTMAX: AUROC, DROPOUT: AUROC}
    first, *others = AUROC
    rows = [
        *compared(DROPOUT, SOFTMAX, [first], BETTER),
        *compared(DROPOUT, SOFTMAX, others, OPEN),
    ]
    assert decide(run(measured, rows), NOTICED).chosen == (DROPOUT,)
    rows[-1:] = compared(DROPOUT, SOFTMAX, others[-1:], WORSE)
    assert decide(run(measured, rows), NOTICED).chosen == ()


def test_every_question_has_measures_that_are_compared() -> None:
    results = run({SOFTMAX: [*CLEAN, *AUROC]})
    metrics = {
        results.names.metric(quantity.metric)
        for question in QUESTIONS
        for quantity in question.quantities(results)
    }
    assert metrics
    assert all(metric.better and not metric.biased for metric in metrics)
