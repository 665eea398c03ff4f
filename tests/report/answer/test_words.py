"""The cells of the table of decisions, and the verdict, word for word."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from benchmarks.report.answer.evidence import Candidate
from benchmarks.report.answer.table import decision_table
from benchmarks.report.answer.verdict import advice, on_dropout
from benchmarks.report.results import Results
from benchmarks.report.tables.formats import as_frame, markdown
from benchmarks.report.tables.latex import latex
from tests.report.answer.cases import (
    AS_GOOD,
    AUGRC,
    AUROC,
    BETTER,
    CLEAN,
    DROPOUT,
    FIFTY,
    FIVE,
    OPEN,
    PLAIN,
    SHIFTED,
    SOFTMAX,
    WORSE,
    compared,
    run,
    worth,
)

ALL = [*CLEAN, *SHIFTED, *AUGRC, *AUROC]
MS = {SOFTMAX: 0.1, DROPOUT: 0.8, FIFTY: 9.0}


def verdict(results: Results) -> str:
    return f"{on_dropout(results)} {advice(results)}"


def rows_of(results: Results, situation: str) -> list[tuple[str, ...]]:
    """Without the column of other choices."""
    rows = decision_table(results).rows
    return [row.labels[:-1] for row in rows if situation in row.group]


def others_of(results: Results, situation: str) -> str:
    """What the first row of a situation says of other choices."""
    rows = decision_table(results).rows
    return next(row.labels[-1] for row in rows if situation in row.group)


def test_gain_and_cost_are_told_by_each_measure() -> None:
    accuracy, nll = CLEAN
    rows = [
        *compared(DROPOUT, SOFTMAX, [nll], BETTER),
        *compared(DROPOUT, SOFTMAX, [accuracy], OPEN),
    ]
    results = run({SOFTMAX: CLEAN, DROPOUT: CLEAN}, rows, milliseconds=MS)
    results.summary.loc[
        (results.summary["method"] == "mc_dropout") & (results.summary["metric"] == "nll"),
        ["value", "lower", "upper"],
    ] = 0.04, 0.039, 0.041
    assert rows_of(results, "cannot retrain") == [
        (
            "Clean images",
            "MC-dropout (T = 100)",
            "NLL ↓ 0.0500 → 0.0400. Accuracy: no difference found.",
            "Needs networks trained with dropout. 0.4 ms an image.",
        ),
        (
            "Shifted images, Clean or shifted, unknown in advance",
            "No recommendation: not measured in this run.",
            "—",
            "—",
        ),
    ]
    assert rows_of(results, "I can retrain")[0][3] == (
        "1 network to train (12 s). Needs networks trained with dropout. 0.4 ms an image."
    )


@pytest.mark.parametrize(
    ("said", "used", "gained"),
    [
        (WORSE, "Softmax", "Better than MC-dropout (T = 100): Accuracy ↑ 0.9800 against 0.9800."),
        (AS_GOOD, "Softmax", "As good as MC-dropout (T = 100)."),
        (OPEN, "Keep Softmax: no other beats it.", "—"),
    ],
)
def test_what_does_not_gain_is_not_used(said: str, used: str, gained: str) -> None:
    results = run({SOFTMAX: CLEAN, DROPOUT: CLEAN}, compared(DROPOUT, SOFTMAX, CLEAN, said))
    (_, use, gain, _), _ = rows_of(results, "cannot retrain")
    assert (use, gain) == (used, gained)
    undecided = "No test separates Softmax from MC-dropout (T = 100)."
    assert others_of(results, "cannot retrain") == (undecided if said == OPEN else "—")


MANY = [Candidate("standard", "mc_dropout", str(size)) for size in (2, 20)] + [
    Candidate("standard", method, "1")
    for method in ("temperature_scaling", "laplace_last_layer", "laplace_kron")
]


def among(said: str) -> tuple[str, ...]:
    """The first row of five choices, one of them of a smaller size, by tests against softmax."""
    rows = [row for one in MANY for row in compared(one, SOFTMAX, CLEAN, said)]
    rows += [
        row
        for i, one in enumerate(MANY)
        for other in MANY[i + 1 :]
        for row in compared(one, other, CLEAN, OPEN)
    ]
    results = run(dict.fromkeys((SOFTMAX, *MANY), CLEAN), rows)
    return *rows_of(results, "cannot retrain")[0], others_of(results, "cannot retrain")


def test_of_many_choices_the_first_are_named_and_the_others_counted() -> None:
    _, use, gain, _, others = among(OPEN)
    assert (use, gain) == ("Keep Softmax: no other beats it.", "—")
    assert others == (
        "No test puts Softmax before or after Temperature scaling, Last-layer Laplace and 2 others."
    )
    _, use, gain, cost, others = among(BETTER)
    assert use == "Temperature scaling, the cheapest of 4"
    assert others == (
        "Also recommended: Last-layer Laplace, All-layer Laplace and MC-dropout (T = 20)."
    )
    assert gain.startswith("Accuracy ↑ 0.9800 → 0.9800; NLL ↓")
    assert cost == "Needs held-out images. Latency not measured."
    _, use, gain, _, _ = among(AS_GOOD)
    assert use == "Softmax"
    assert gain == "As good as Temperature scaling, Last-layer Laplace and 2 others."
    _, use, gain, _, _ = among(WORSE)
    assert use == "Softmax"
    assert gain == "Better than Temperature scaling, Last-layer Laplace and 2 others."


def test_second_choice_is_told_by_what_it_is_better() -> None:
    accuracy, nll = CLEAN
    rows = [
        *compared(DROPOUT, SOFTMAX, CLEAN, BETTER),
        *compared(PLAIN, SOFTMAX, CLEAN, BETTER),
        *compared(DROPOUT, PLAIN, [nll], BETTER),
        *compared(DROPOUT, PLAIN, [accuracy], WORSE),
    ]
    results = run({SOFTMAX: CLEAN, DROPOUT: CLEAN, PLAIN: CLEAN}, rows)
    first, second, _ = rows_of(results, "I can retrain")
    assert first[1] == "Softmax (trained without dropout)"
    assert second[1] == "or MC-dropout (T = 100), if NLL counts most"
    assert second[2].startswith("Over the row above: NLL ↓ 0.0500 → 0.0500. Over the baseline: ")


def test_rivals_of_two_choices_are_told() -> None:
    accuracy, nll = CLEAN
    rival = Candidate("standard", "laplace_last_layer", "1")
    rows = [
        *compared(DROPOUT, SOFTMAX, CLEAN, BETTER),
        *compared(PLAIN, SOFTMAX, CLEAN, BETTER),
        *compared(DROPOUT, PLAIN, [nll], BETTER),
        *compared(DROPOUT, PLAIN, [accuracy], WORSE),
        *compared(rival, SOFTMAX, CLEAN, OPEN),
        *compared(rival, PLAIN, CLEAN, OPEN),
        *compared(rival, DROPOUT, CLEAN, OPEN),
    ]
    results = run(dict.fromkeys((SOFTMAX, DROPOUT, PLAIN, rival), CLEAN), rows)
    assert others_of(results, "I can retrain") == (
        "MC-dropout (T = 100) is better by NLL and worse by accuracy. No test separates Softmax "
        "(trained without dropout) from Last-layer Laplace (trained with dropout)."
    )


def test_recipes_are_told_apart_by_dropout() -> None:
    rows = [
        *compared(PLAIN, SOFTMAX, CLEAN, BETTER),
        *compared(DROPOUT, SOFTMAX, CLEAN, BETTER),
    ]
    measured = {SOFTMAX: CLEAN, DROPOUT: CLEAN, PLAIN: CLEAN}
    results = run(measured, rows)
    first, second, _ = rows_of(results, "I can retrain")
    assert first[:2] == ("Clean images", "Softmax (trained without dropout)")
    assert second[:2] == ("", "or MC-dropout (T = 100), not compared with the row above")
    for _, _, gain, cost in (first, second):
        assert gain.startswith("Accuracy ↑ 0.9800 → 0.9800; NLL")
        assert cost.startswith("1 network to train. ")
    assert others_of(results, "I can retrain") == (
        "Softmax (trained without dropout) was not compared with MC-dropout (T = 100)."
    )
    rows += compared(PLAIN, DROPOUT, CLEAN, OPEN)
    rows[2:4] = compared(DROPOUT, SOFTMAX, CLEAN, OPEN)
    results = run(measured, rows)
    (_, use, _, _), _ = rows_of(results, "I can retrain")
    assert use == "Softmax (trained without dropout)"
    assert others_of(results, "I can retrain") == (
        "No test separates Softmax (trained without dropout) from MC-dropout (T = 100)."
    )


def test_sizes_that_are_as_good_are_named() -> None:
    fewer = DROPOUT._replace(members="20")
    rows = [
        *compared(DROPOUT, SOFTMAX, CLEAN, BETTER),
        *compared(fewer, DROPOUT, CLEAN, AS_GOOD),
    ]
    measured = {SOFTMAX: CLEAN, DROPOUT: CLEAN, fewer: CLEAN}
    (_, _, gain, _), _ = rows_of(run(measured, rows), "cannot retrain")
    assert gain.endswith(" T = 20 is as good.")
    known = [*worth(SOFTMAX, CLEAN, "1", "<1", "2"), *worth(FIVE, [], "", "", "")]
    results = run(
        {SOFTMAX: CLEAN, FIVE: CLEAN, FIFTY: CLEAN}, compared(FIVE, FIFTY, CLEAN, AS_GOOD), known
    )
    (_, use, gain, cost), _ = rows_of(results, "five")
    assert use == "Deep ensemble (M = 5)"
    assert gain.endswith(" As good as M = 50.")
    assert cost == "5 networks to train. Latency not measured."


def test_of_many_sets_the_first_is_shown_and_the_others_are_counted() -> None:
    rows = [
        *compared(FIFTY, SOFTMAX, AUROC[:2], BETTER),
        *compared(FIFTY, SOFTMAX, AUROC[2:], OPEN),
    ]
    ((images, use, gain, cost),) = rows_of(
        run({SOFTMAX: AUROC, FIFTY: AUROC}, rows, milliseconds=MS), "out-of-distribution"
    )
    assert (images, use) == ("Out-of-distribution images", "Deep ensemble (M = 50)")
    assert gain == (
        "Better on 2 of 3 sets of images, such as AUROC ↑ (KMNIST) 0.900 → 0.900. No difference "
        "found on 1."
    )
    assert cost.startswith("50 networks to train (12 s). 4.5 ms an image.")


def test_what_was_not_compared_is_told_with_what() -> None:
    (_, use, *_), _ = rows_of(run({SOFTMAX: CLEAN, DROPOUT: CLEAN}), "cannot retrain")
    assert use == "No recommendation: no alternative was compared with Softmax."
    (_, use, *_), _ = rows_of(run({SOFTMAX: CLEAN, FIVE: CLEAN}), "five")
    assert use == "No recommendation: no alternative was compared with Softmax."
    rows = compared(DROPOUT, SOFTMAX, CLEAN, BETTER)
    (_, use, *_), _ = rows_of(run({SOFTMAX: CLEAN, DROPOUT: CLEAN, FIVE: CLEAN}, rows), "five")
    assert use == (
        "No recommendation: no ensemble of at most 5 networks was compared with Softmax."
    )


def test_choice_by_another_score_names_it_with_what_it_needs() -> None:
    scored = SOFTMAX._replace(score="knn")
    measured = {SOFTMAX: [*AUROC, *(quantity._replace(score="knn") for quantity in AUROC)]}
    results = run(
        measured,
        compared(scored, SOFTMAX, AUROC, BETTER),
        milliseconds={SOFTMAX: 0.2},
    )
    *_, noticed = decision_table(results).rows
    used, gained, spent, _ = noticed.labels[1:]
    assert used == "K-th neighbour (with softmax)"
    assert gained.startswith("Better on 3 of 3 sets of images, such as AUROC ↑ (KMNIST) 0.9")
    assert spent.endswith("Needs the training images. 0.1 ms an image without the score.")
    timed = pd.DataFrame([{"score": "knn", "batch_size": 1, "status": "ok", "p50_ms": 0.25}])
    *_, noticed = decision_table(replace(results, score_latency=timed)).rows
    assert noticed.labels[3].endswith(" 0.25 ms an image.")


def test_table_is_written_in_every_format() -> None:
    table = decision_table(run({SOFTMAX: ALL, DROPOUT: ALL}))
    assert len({row.group for row in table.rows}) == 6
    assert "| **I need to know when to abstain** |" in markdown(table)
    assert "p{0.24\\linewidth}" in latex(table)
    frame = as_frame(table)
    assert list(frame)[:5] == ["Situation", "Judged on", "Use", "Gain", "Cost"]
    assert list(frame)[5] == "Other choices"


MEAN, SETS = "Mean of 30°, 60°", "KMNIST, Uniform noise and Gaussian noise"
BOTH = f"Clean and {MEAN}"
ALL_MEASURES = f"accuracy ({BOTH}), NLL ({BOTH}), AUGRC ({BOTH}) and AUROC ({SETS})"
MEASURED = {SOFTMAX: ALL, DROPOUT: ALL, FIFTY: ALL}


@pytest.mark.parametrize(
    ("said", "reply", "found"),
    [
        ([WORSE] * 9, "No", f"It is worse on 9: {ALL_MEASURES}."),
        (
            [BETTER, *[AS_GOOD] * 8],
            "Yes",
            f"It is better on 1: accuracy (Clean). It is as good on 8: NLL ({BOTH}), accuracy "
            f"({MEAN}), AUGRC ({BOTH}) and AUROC ({SETS}).",
        ),
        (
            [BETTER, *[AS_GOOD] * 3],
            "Not decided",
            f"It is better on 1: accuracy (Clean). It is as good on 3: NLL ({BOTH}) and accuracy "
            f"({MEAN}). On 5, they were not compared.",
        ),
        (
            [WORSE, *[OPEN] * 2, *[AS_GOOD] * 6],
            "In part",
            f"It is worse on 1: accuracy (Clean). It is as good on 6: NLL ({MEAN}), AUGRC "
            f"({BOTH}) and AUROC ({SETS}). On 2, tests do not tell the two apart.",
        ),
        ([OPEN] * 9, "Not decided", "On 9, tests do not tell the two apart."),
    ],
)
def test_verdict_names_the_measures_that_tests_decide(
    said: list[str], reply: str, found: str
) -> None:
    rows = [
        row
        for quantity, one in zip(ALL, said, strict=False)
        for row in compared(DROPOUT, FIFTY, [quantity], one)
    ]
    compared_by = "MC-dropout (T = 100) was compared with an ensemble of 50 networks on 9 measures."
    assert verdict(run(MEASURED, rows)).startswith(f"{reply}. {compared_by} {found} ")


def test_verdict_without_a_comparison_says_so() -> None:
    assert verdict(run(MEASURED)).startswith(
        "This run cannot tell whether one network with dropout is as good as many: the two were "
        "not compared."
    )


def test_verdict_names_what_is_missing() -> None:
    question = "This run cannot tell whether one network with dropout is as good as many: "
    assert verdict(run({SOFTMAX: ALL, FIFTY: ALL})).startswith(
        f"{question}it has no method that leaves dropout on."
    )
    assert verdict(run({SOFTMAX: ALL, DROPOUT: ALL})).startswith(f"{question}it has no ensemble.")


def test_verdict_tells_the_worth_from_least_to_most() -> None:
    rows = compared(DROPOUT, FIFTY, ALL, WORSE)
    worths = [
        *worth(DROPOUT, CLEAN[:1], "1.2", "<1", "1.9"),
        *worth(DROPOUT, AUROC[:1], ">50", "20", ">50"),
        *worth(DROPOUT, CLEAN[1:], "6", "3", "9"),
    ]
    first, *_ = verdict(run(MEASURED, rows, worths)).split(" If")
    assert first.endswith(
        " By the median over measures, it does as well as an ensemble of 6 networks. Over the "
        "measures, this ranges from 1.2 to more than 50."
    )


def test_verdict_says_what_to_use() -> None:
    rows = [
        *compared(DROPOUT, SOFTMAX, SHIFTED, BETTER),
        *compared(DROPOUT, SOFTMAX, CLEAN, WORSE),
        *compared(FIFTY, DROPOUT, ALL, BETTER),
        *compared(FIFTY, SOFTMAX, ALL, BETTER),
    ]
    told = verdict(run(MEASURED, rows))
    assert told.endswith(
        ". If you cannot retrain, use softmax on clean images, MC-dropout (T = 100) on shifted "
        "images and keep softmax when either may come. If you can train one network, use softmax "
        "on clean images and MC-dropout (T = 100) on shifted images. To abstain or to notice "
        "out-of-distribution inputs, use the deep ensemble (M = 50)."
    )
    rows[2:4] = compared(DROPOUT, SOFTMAX, CLEAN, OPEN)
    assert (
        "keep softmax on clean images and use MC-dropout (T = 100) on shifted images and when "
        "either may come."
    ) in verdict(run(MEASURED, rows))


def test_recipes_of_different_networks_are_not_told_by_their_dropout() -> None:
    modern = PLAIN._replace(recipe="relu")
    rows = compared(modern, SOFTMAX, CLEAN, BETTER)
    results = run({SOFTMAX: CLEAN, modern: CLEAN}, rows)
    assert {one.network for one in results.names.recipes} == {"lenet5", "lenet5_relu"}
    first, *_ = rows_of(results, "I can retrain")
    assert first[1] == "Softmax (recipe relu)"
