"""The answer in print: the cells of the table of decisions, its file, and the few sentences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.report.answer.answer import answer, write_answer
from benchmarks.report.answer.table import DecisionRow, decision_table
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
    FEW_CLEAN,
    FIFTY,
    FIVE,
    LAPLACE,
    NLL,
    ONE_CLEAN,
    ONE_UNKNOWN,
    OPEN,
    PLAIN,
    SCALED,
    SHIFTED,
    SOFTMAX,
    SWAG,
    WORSE,
    compared,
    ranked,
    run,
    worth,
)

ALL = [*CLEAN, *SHIFTED, *AUGRC, *AUROC]
MEASURED = {SOFTMAX: ALL, DROPOUT: ALL, FIFTY: ALL}
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
    assert rows_of(results, "I train one network") == [
        ("Clean images", "MC-dropout (T = 100)", effects, "Softmax: Accuracy ↑.", cost),
        ("Shifted images", *none),
        ("When to abstain", *none),
        ("Out-of-distribution images", *none),
    ]


def test_network_alone_is_named_with_the_best_beside_it() -> None:
    rows = ranked([[DROPOUT, FIVE, SOFTMAX]], CLEAN, FEW_CLEAN)
    values = {(FIVE, NLL): 0.048, (FIVE, ACCURACY): 0.983}
    results = run(dict.fromkeys((SOFTMAX, DROPOUT, FIVE), CLEAN), rows, values=values)
    (_, use, effects, best, _), *_ = rows_of(results, "up to 5 networks")
    assert use == "Softmax, the network alone: of 3 methods, no other is shown to be better"
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
        (_, use, _, best, _), *_ = rows_of(results, "I train one network")
        assert (use, best) == ("Temperature scaling", named)


def test_method_that_trains_longer_names_its_budget() -> None:
    rows = ranked([[SWAG], [SOFTMAX, FIVE]], CLEAN, FEW_CLEAN)
    results = run(dict.fromkeys((SOFTMAX, SWAG, FIVE), CLEAN), rows)
    (_, use, _, _, cost), *_ = rows_of(results, "up to 5 networks")
    assert use == "SWAG (S = 30), trained as long as 3 networks"
    assert cost == "3 networks; needs a training of its own"
    assert use in " ".join(answer(results)["advice"])


def test_choices_by_single_measures_say_by_which() -> None:
    rows = [
        *ranked([[SOFTMAX], [SCALED]], [ACCURACY], ONE_CLEAN),
        *ranked([[SCALED], [SOFTMAX]], [NLL], ONE_CLEAN),
    ]
    results = run({SOFTMAX: CLEAN, SCALED: CLEAN}, rows)
    first, second, *_ = (labels[:2] for labels in rows_of(results, "I train one network"))
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
    (_, use, *_), *_ = rows_of(results, "I train one network")
    assert use == "None: the best are worse than guessing"
    circle = [(SOFTMAX, DROPOUT), (DROPOUT, SCALED), (SCALED, SOFTMAX)]
    rows = [row for pair in circle for row in compared(*pair, CLEAN, BETTER, ONE_CLEAN)]
    results = run(dict.fromkeys((SOFTMAX, DROPOUT, SCALED), CLEAN), rows)
    (_, use, *_), *_ = rows_of(results, "I train one network")
    assert use == "None: intervals contradict each other"
    values.pop((SCALED, ACCURACY))
    rows = ranked([[SCALED], [SOFTMAX]], CLEAN, ONE_CLEAN)
    results = run({SOFTMAX: CLEAN, SCALED: CLEAN}, rows, values=values)
    (_, use, _, best, _), *_ = rows_of(results, "I train one network")
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
    (_, use, *_), *_ = rows_of(results, "I train one network")
    assert use == "None: no method that is tied with the best is better than Softmax"


def test_choice_by_another_score_names_it_with_what_it_needs() -> None:
    scored = SOFTMAX._replace(score="knn")
    measured = {SOFTMAX: [*AUROC, *(quantity._replace(score="knn") for quantity in AUROC)]}
    rows = ranked([[scored], [SOFTMAX]], AUROC, ONE_UNKNOWN)
    results = run(measured, rows, milliseconds={SOFTMAX: 0.2})
    *_, noticed = rows_of(results, "I train one network")
    assert noticed[1] == "K-th neighbour (with Softmax)"
    assert noticed[2].startswith("AUROC ↑ (KMNIST) +0.050, 0.025 to 0.075 (better); ")
    without = "0.2 ms without the score"
    assert noticed[-1].endswith(f"the training images; {without}")
    setup = main_setup(results.latency)
    assert setup
    columns = {"score": "knn", "batch_size": 1, "status": "ok", "p50_ms": 0.25}
    for place, text in ((setup, "0.25 ms"), (setup._replace(device="cuda"), without)):
        timed = pd.DataFrame([columns | place._asdict()])
        *_, noticed = rows_of(replace(results, score_latency=timed), "I train one network")
        assert noticed[-1].endswith(f"; {text}")


def test_method_beside_others_that_are_tied_says_so() -> None:
    rows = ranked([[DROPOUT, SCALED], [SOFTMAX]], CLEAN, ONE_CLEAN)
    results = run(dict.fromkeys((SOFTMAX, DROPOUT, SCALED), CLEAN), rows)
    (_, use, *_), *_ = rows_of(results, "I train one network")
    assert use == "MC-dropout (T = 100), one of 2 tied with the best"


def test_table_has_every_situation_and_remarks_on_its_measures() -> None:
    rows = [
        *ranked([[DROPOUT], [SOFTMAX]], CLEAN, ONE_CLEAN),
        *ranked([[DROPOUT], [SOFTMAX]], AUGRC, "one-abstain"),
    ]
    text = markdown(decision_table(run({SOFTMAX: ALL, DROPOUT: ALL}, rows)))
    assert text.startswith("**Which method to use. Recipe standard.**")
    assert text.count("| **") == 3
    assert "have an NLL of 2.30" in text
    assert "AUGRC: " in text
    assert "Differences are to Softmax" in text


def test_file_has_choices_of_all_recipes_and_what_is_tied_with_them(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    plain = DROPOUT._replace(recipe="plain")
    rows = [
        *ranked([[SOFTMAX, DROPOUT]], CLEAN, ONE_CLEAN),
        *ranked([[plain], [PLAIN]], CLEAN, ONE_CLEAN),
    ]
    results = run(dict.fromkeys((SOFTMAX, DROPOUT, PLAIN, plain), CLEAN), rows)
    write_answer(results, tmp_path)
    table = read_table(tmp_path, DECISION_CSV, DecisionRow)
    keys = ["networks", "verdict", "recipe", "method", "members", "score"]
    assert table.loc[table["question"] == ONE_CLEAN, keys].to_numpy().tolist() == [
        ["standard", "use", *SOFTMAX],
        ["standard", "tied", *DROPOUT],
        ["plain", "use", *plain],
    ]
    assert dict(answer(results)) == pd.read_json(tmp_path / "answer.json", typ="series").to_dict()
    assert answer(results)["advice"] == [
        "I train one network. Clean images: use Softmax, the network alone."
    ]


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
        ((SOFTMAX, FIFTY), "its recipe standard has no values of a method that leaves dropout on"),
        ((SOFTMAX, DROPOUT), "its recipe standard has no values of an ensemble"),
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
