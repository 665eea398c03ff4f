"""The answer in print: the cells of the table of decisions, its file, and the few sentences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.report.answer.answer import answer, write_answer
from benchmarks.report.answer.decision import label
from benchmarks.report.answer.table import USE, DecisionRow, decision_rows, decision_table
from benchmarks.report.results import Candidate, Results
from benchmarks.report.tables.table import markdown
from benchmarks.report.timings import main_setup
from benchmarks.schema import read_table
from benchmarks.vocabulary import DECISION_CSV, Verdict
from tests.report.answer.cases import (
    ACCURACY,
    AS_GOOD,
    AUGRC,
    AUROC,
    BETTER,
    CLEAN,
    DROPOUT,
    DROPOUT_LONGER,
    FIFTY,
    FIVE,
    FIVE_CLEAN,
    HALVES,
    LAPLACE,
    LONGER,
    NLL,
    ONE_CLEAN,
    ONE_UNKNOWN,
    OPEN,
    SCALED,
    SHIFTED,
    SOFTMAX,
    WORSE,
    compared,
    question_of,
    ranked,
    run,
    worth,
)

ALL = [*CLEAN, *SHIFTED, *AUGRC, *AUROC]
MEASURED = {SOFTMAX: ALL, DROPOUT: ALL, FIFTY: ALL}
ONE, OF_FIVE = (question_of(name).situation for name in (ONE_CLEAN, FIVE_CLEAN))
MS = {SOFTMAX: 0.1, DROPOUT: 0.8, FIVE: 9.0}


def rows_of(results: Results, situation: str) -> list[tuple[str, ...]]:
    return [row.labels for row in decision_table(results).rows if situation in row.group]


def test_effect_interval_and_verdict_stand_beside_what_is_recommended() -> None:
    rows = [
        *ranked([[DROPOUT], [SOFTMAX]], [NLL], ONE_CLEAN),
        *compared(DROPOUT, SOFTMAX, [ACCURACY], AS_GOOD, ONE_CLEAN),
    ]
    measured = {SOFTMAX: CLEAN, DROPOUT: CLEAN}
    values = {(DROPOUT, NLL): 0.04, (SOFTMAX, ACCURACY): 0.981}
    results = run(measured, rows, milliseconds=MS, values=values)
    # The made-up differences: of NLL −0.01, of accuracy 0.0001, each ± 0.005.
    effects = "Accuracy ↑ 0.000, −0.005 to 0.005 (as good); NLL ↓ −0.010, −0.015 to −0.005 (better)"
    cost = "1 network (12 s); needs networks trained with dropout; 0.8 ms"
    none = "None: no method was compared", "—", "—", "—"
    assert rows_of(results, ONE) == [
        ("Clean images", "MC-dropout (T = 100)", effects, "Softmax: Accuracy ↑.", cost),
        ("Shifted images", *none),
        ("When to abstain", *none),
        ("Out-of-distribution images", *none),
    ]


def test_network_alone_is_named_with_the_best_beside_it() -> None:
    rows = ranked([[DROPOUT_LONGER, FIVE, LONGER]], CLEAN, FIVE_CLEAN)
    values = {(FIVE, NLL): 0.048, (FIVE, ACCURACY): 0.983}
    results = run(dict.fromkeys((LONGER, DROPOUT_LONGER, FIVE), CLEAN), rows, values=values)
    (_, use, effects, best, cost), *_ = rows_of(results, OF_FIVE)
    assert use == (
        f"{label(results, LONGER)}, the network alone: of 3 methods, no other is shown to be better"
    )
    assert cost == "5 networks"
    assert effects == "—"
    assert best == (
        "Deep ensemble (M = 5): Accuracy ↑ 0.000, −0.005 to 0.005 (open); "
        "NLL ↓ 0.000, −0.005 to 0.005 (open)."
    )


def test_best_that_equals_what_is_recommended_is_no_other() -> None:
    """As temperature scaling has the accuracy of the network alone, which costs less."""
    same = compared(SCALED, SOFTMAX, [ACCURACY], AS_GOOD, ONE_CLEAN)
    equal = [replace(row, difference=0.0, lower=None, upper=None) for row in same]
    for accuracies, named in ((equal, "—"), (same, "Softmax: Accuracy ↑.")):
        rows = [*accuracies, *ranked([[SCALED], [SOFTMAX]], [NLL], ONE_CLEAN)]
        results = run({SOFTMAX: CLEAN, SCALED: CLEAN}, rows, milliseconds=MS)
        (_, use, _, best, _), *_ = rows_of(results, ONE)
        assert (use, best) == ("Temperature scaling", named)


def test_cost_in_seconds_is_told_of_what_was_timed() -> None:
    """Of networks of budget 1 each: those of another one train for another time."""
    every = (SOFTMAX, LONGER, DROPOUT_LONGER, FIVE)
    rows = [
        *ranked([[SOFTMAX], [DROPOUT]], CLEAN, ONE_CLEAN),
        *ranked([[DROPOUT_LONGER], [LONGER, FIVE]], CLEAN, FIVE_CLEAN),
    ]
    results = run(dict.fromkeys((*every, DROPOUT), CLEAN), rows, milliseconds=MS)
    costs = {row.situation: row.cost for row in decision_rows(results) if row.verdict == USE}
    assert costs == {
        ONE: "1 network (12 s); 0.1 ms",
        OF_FIVE: "5 networks; needs networks trained with dropout; 0.8 ms",
    }
    rows = ranked([[FIVE], [LONGER, DROPOUT_LONGER]], CLEAN, FIVE_CLEAN)
    chosen = run(dict.fromkeys(every, CLEAN), rows, milliseconds=MS)
    assert rows_of(chosen, OF_FIVE)[0][-1] == "5 networks (12 s); 9 ms"


def test_choices_by_single_measures_say_by_which() -> None:
    rows = [
        *ranked([[SOFTMAX], [SCALED]], [ACCURACY], ONE_CLEAN),
        *ranked([[SCALED], [SOFTMAX]], [NLL], ONE_CLEAN),
    ]
    results = run({SOFTMAX: CLEAN, SCALED: CLEAN}, rows)
    first, second, *_ = (labels[:2] for labels in rows_of(results, ONE))
    assert first == ("Clean images", "Softmax, the network alone, by Accuracy ↑")
    assert second == ("Clean images", "Temperature scaling, by NLL ↓")


def test_what_is_all_worse_than_guessing_is_said() -> None:
    rows = ranked([[SOFTMAX, SCALED]], CLEAN, ONE_CLEAN)
    values = {
        (one, quantity): bad
        for one in (SOFTMAX, SCALED)
        for quantity, bad in ((ACCURACY, 0.05), (NLL, 3.0))
    }
    results = run({SOFTMAX: CLEAN, SCALED: CLEAN}, rows, values=values)
    (_, use, *_), *_ = rows_of(results, ONE)
    assert use == "None: the best are worse than guessing"
    circle = [(SOFTMAX, DROPOUT), (DROPOUT, SCALED), (SCALED, SOFTMAX)]
    rows = [row for pair in circle for row in compared(*pair, CLEAN, BETTER, ONE_CLEAN)]
    results = run(dict.fromkeys((SOFTMAX, DROPOUT, SCALED), CLEAN), rows)
    (_, use, *_), *_ = rows_of(results, ONE)
    assert use == "None: intervals contradict each other"
    values.pop((SCALED, ACCURACY))
    rows = ranked([[SCALED], [SOFTMAX]], CLEAN, ONE_CLEAN)
    results = run({SOFTMAX: CLEAN, SCALED: CLEAN}, rows, values=values)
    (_, use, _, best, _), *_ = rows_of(results, ONE)
    assert use == "Temperature scaling, by Accuracy ↑"
    assert best == "None, as the best are worse than guessing: NLL ↓."


def test_that_nobody_is_both_tied_and_better_is_said() -> None:
    """The one that beats the network alone is beaten; who beats it varies too much."""
    rows = [
        *ranked([[LAPLACE], [SOFTMAX]], CLEAN, ONE_CLEAN),
        *ranked([[SCALED], [LAPLACE]], CLEAN, ONE_CLEAN),
        *ranked([[SCALED, SOFTMAX]], CLEAN, ONE_CLEAN),
    ]
    results = run(dict.fromkeys((SOFTMAX, SCALED, LAPLACE), CLEAN), rows)
    (_, use, *_), *_ = rows_of(results, ONE)
    assert use == "None: no method that is tied with the best is better than Softmax"


def test_choice_by_another_score_names_it_with_what_it_needs() -> None:
    scored = SOFTMAX._replace(score="knn")
    measured = {SOFTMAX: [*AUROC, *(quantity._replace(score="knn") for quantity in AUROC)]}
    rows = ranked([[scored], [SOFTMAX]], AUROC, ONE_UNKNOWN)
    results = run(measured, rows, milliseconds={SOFTMAX: 0.2})
    *_, noticed = rows_of(results, ONE)
    assert noticed[1] == "K-th neighbour (with Softmax)"
    assert noticed[2].startswith("AUROC ↑ (KMNIST) +0.050, 0.025 to 0.075 (better); ")
    without = "0.2 ms without the score"
    assert noticed[-1].endswith(f"the training images; {without}")
    setup = main_setup(results.latency)
    assert setup
    columns = {"score": "knn", "batch_size": 1, "status": "ok", "p50_ms": 0.25}
    for place, text in ((setup, "0.25 ms"), (setup._replace(device="cuda"), without)):
        timed = pd.DataFrame([columns | place._asdict()])
        *_, noticed = rows_of(replace(results, score_latency=timed), ONE)
        assert noticed[-1].endswith(f"; {text}")


def test_method_beside_others_that_are_tied_says_so() -> None:
    rows = ranked([[DROPOUT, SCALED], [SOFTMAX]], CLEAN, ONE_CLEAN)
    results = run(dict.fromkeys((SOFTMAX, DROPOUT, SCALED), CLEAN), rows)
    (_, use, *_), *_ = rows_of(results, ONE)
    assert use == "MC-dropout (T = 100), one of 2 tied with the best"


def test_table_has_every_situation_and_remarks_on_its_measures() -> None:
    rows = [
        *ranked([[DROPOUT], [SOFTMAX]], CLEAN, ONE_CLEAN),
        *ranked([[DROPOUT], [SOFTMAX]], AUGRC, "one-abstain"),
    ]
    text = markdown(decision_table(run({SOFTMAX: ALL, DROPOUT: ALL}, rows)))
    assert text.startswith("**Which method to use.**")
    assert text.count("| **") == 2
    assert "have an NLL of 2.30" in text
    assert "AUGRC: " in text
    assert "Differences are to Softmax" in text


def test_file_has_the_choices_of_each_budget_and_what_is_tied_with_them(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    rows = [
        *ranked([[SOFTMAX, DROPOUT]], CLEAN, ONE_CLEAN),
        *ranked([[FIVE, HALVES], [LONGER]], CLEAN, FIVE_CLEAN),
    ]
    results = run(dict.fromkeys((SOFTMAX, DROPOUT, LONGER, FIVE, HALVES), CLEAN), rows)
    write_answer(results, tmp_path)
    table = read_table(tmp_path, DECISION_CSV, DecisionRow)
    keys = ["question", "verdict", "method", "members", "budget", "score"]
    assert table.loc[table["verdict"] != "none", keys].to_numpy().tolist() == [
        [ONE_CLEAN, "use", *SOFTMAX],
        [ONE_CLEAN, "tied", *DROPOUT],
        [FIVE_CLEAN, "use", *FIVE],
        [FIVE_CLEAN, "tied", *HALVES],
    ]
    assert dict(answer(results)) == pd.read_json(tmp_path / "answer.json", typ="series").to_dict()
    assert answer(results)["advice"] == [
        f"{ONE}. Clean images: use Softmax, the network alone.",
        f"{OF_FIVE}. Clean images: use Deep ensemble (M = 5).",
    ]


def test_more_networks_are_told_beside_one_that_trains_longer() -> None:
    rows = [
        *ranked([[HALVES, FIVE], [LONGER]], [ACCURACY], FIVE_CLEAN),
        *ranked([[HALVES], [FIVE, LONGER]], [NLL], FIVE_CLEAN),
    ]
    of_one = ranked([[DROPOUT], [SOFTMAX]], CLEAN, ONE_CLEAN)
    every = (SOFTMAX, DROPOUT, LONGER, FIVE, HALVES)
    worths = worth(SOFTMAX, CLEAN, "1", "1", "1") + worth(DROPOUT, CLEAN, "2.4", "1.2", "4")
    results = run(dict.fromkeys(every, CLEAN), rows + of_one, worths)
    assert answer(results)["budget"] == (
        "Of what the training of 5 networks buys, Deep ensemble (M = 5) is tied with the best by 1 "
        f"of 2 measures, {label(results, LONGER)} by 0. Of 2 ways to spend the training of one "
        "network, 1 is worth more than it by the 95 % limits; MC-dropout (T = 100) is worth most, "
        "2.4 (1.2–4) networks."
    )
    assert answer(run({SOFTMAX: CLEAN, DROPOUT: CLEAN}, of_one))["budget"] == ""


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ([WORSE] * 9, "No"),
        ([Verdict.WORSE_WITHIN, Verdict.BETTER_WITHIN, *[AS_GOOD] * 7], "Yes"),
        ([BETTER, *[AS_GOOD] * 8], "Yes"),
        ([BETTER, AS_GOOD, *[""] * 7], "Not decided"),
        ([WORSE, *[OPEN] * 2, *[AS_GOOD] * 6], "In part"),
        ([WORSE, *[OPEN] * 8], "No"),
        ([OPEN] * 9, "Not decided"),
    ],
)
def test_reply_on_dropout_counts_the_measures(said: list[str], reply: str) -> None:
    tests = [
        row
        for quantity, one in zip(ALL, said, strict=False)
        for row in compared(DROPOUT, FIFTY, [quantity], one)
    ]
    results = run(MEASURED, tests)
    assert answer(results)["reply"] == reply
    assert answer(results)["dropout"].startswith(f"{reply}. MC-dropout (T = 100) was compared with")


@pytest.mark.parametrize(
    ("measured", "missing"),
    [
        ((SOFTMAX, DROPOUT, FIFTY), "the two were not compared"),
        ((SOFTMAX, FIFTY), "it has no values of a method that leaves dropout on"),
        ((SOFTMAX, DROPOUT), "it has no values of an ensemble"),
    ],
)
def test_run_that_cannot_tell_says_why(measured: tuple[Candidate, ...], missing: str) -> None:
    told = answer(run(dict.fromkeys(measured, ALL)))
    assert told["reply"] == ""
    assert told["dropout"].endswith(f"as good as many: {missing}.")


def test_measures_are_told_by_what_intervals_say() -> None:
    said = dict(zip(ALL, [WORSE, Verdict.WORSE_WITHIN, AS_GOOD, OPEN], strict=False))
    tests = [
        row for one, verdict in said.items() for row in compared(DROPOUT, FIFTY, [one], verdict)
    ]
    assert answer(run(MEASURED, tests))["dropout"] == (
        "In part. MC-dropout (T = 100) was compared with an ensemble of 50 networks on 4 measures. "
        "It is worse by accuracy (Clean). It is worse, but within the margin, by NLL (Clean). "
        "It is as good by accuracy (Mean of 30°, 45°). By 1 measure, no difference was found."
    )


def test_worth_is_told_from_least_to_most() -> None:
    worths = [
        *worth(DROPOUT, CLEAN[:1], "1.2", "<1", "1.9"),
        *worth(DROPOUT, AUROC[:1], ">50", "20", ">50"),
        *worth(DROPOUT, CLEAN[1:], "6", "3", "9"),
    ]
    results = run(MEASURED, compared(DROPOUT, FIFTY, ALL, WORSE), worths)
    assert answer(results)["short"] == (
        "No. MC-dropout (T = 100) is worth 6 networks by the median of 3 measures (95 % limits: 3 "
        "to 9); by single measures, from 1.2 (accuracy, Clean) to more than 50 (AUROC, "
        "KMNIST)."
    )
    assert str(answer(results)["dropout"]).startswith(str(answer(results)["short"]))
    fewer = run(
        MEASURED, compared(DROPOUT, FIFTY, ALL, WORSE), worth(DROPOUT, ALL, "<1", "<1", "2")
    )
    assert "is worth less than one network by the median" in answer(fewer)["short"]
    assert "(95 % limits: less than 1 to 2)" in answer(fewer)["short"]


def test_blank_passes_are_told_where_the_run_has_the_variant_without() -> None:
    without = DROPOUT._replace(method="mc_dropout_without_blanks")
    tests = compared(DROPOUT, FIFTY, ALL, WORSE) + compared(without, DROPOUT, [NLL], BETTER)
    results = run(MEASURED | {without: ALL}, tests, values={(DROPOUT, NLL): 0.06})
    assert str(answer(results)["blanks"]).endswith(
        "Without them, its NLL of clean images is 0.050, with them 0.060 (difference −0.010, "
        "−0.015 to −0.005); that of the network alone is 0.050."
    )
    assert answer(run(MEASURED, tests))["blanks"] == ""
