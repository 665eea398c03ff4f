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
from benchmarks.schema import read_table
from benchmarks.vocabulary import DECISION_CSV
from tests.report.answer.cases import (
    AS_GOOD,
    AUGRC,
    AUROC,
    BETTER,
    CLEAN,
    DROPOUT,
    FIFTY,
    OPEN,
    SHIFTED,
    SOFTMAX,
    WORSE,
    compared,
    run,
    worth,
)

ALL = [*CLEAN, *SHIFTED, *AUGRC, *AUROC]
MEASURED = {SOFTMAX: ALL, DROPOUT: ALL, FIFTY: ALL}
MS = {SOFTMAX: 0.1, DROPOUT: 0.8, FIFTY: 9.0}


def rows_of(results: Results, situation: str) -> list[tuple[str, ...]]:
    return [row.labels for row in decision_table(results).rows if situation in row.group]


def test_measures_and_costs_stand_in_cells() -> None:
    accuracy, nll = CLEAN
    tests = [
        *compared(DROPOUT, SOFTMAX, [nll], BETTER),
        *compared(DROPOUT, SOFTMAX, [accuracy], AS_GOOD),
    ]
    results = run({SOFTMAX: CLEAN, DROPOUT: CLEAN}, tests, milliseconds=MS)
    results.summary.loc[
        (results.summary["method"] == "mc_dropout") & (results.summary["metric"] == "nll"),
        ["value", "lower", "upper"],
    ] = 0.04, 0.039, 0.041
    cost = "needs networks trained with dropout; 0.8 ms"
    measures = "MC-dropout (T = 100)", "NLL ↓ 0.0500 → 0.0400", "Accuracy", "—"
    none = "None: not measured in this run", "—", "—", "—", "—"
    assert rows_of(results, "cannot retrain") == [
        ("Clean images", *measures, cost),
        ("Shifted images", *none),
        ("Clean or shifted, unknown in advance", *none),
    ]
    assert rows_of(results, "I can retrain")[0][-1] == f"1 network (12 s); {cost}"


@pytest.mark.parametrize(
    ("said", "cells"),
    [
        (WORSE, ("Softmax", "Accuracy ↑ 0.9800 → 0.9800; NLL ↓ 0.0500 → 0.0500", "—", "—")),
        (AS_GOOD, ("Softmax", "—", "Accuracy; NLL", "—")),
        (OPEN, ("Keep Softmax", "—", "—", "—")),
    ],
)
def test_baseline_is_compared_with_the_next_cheapest(said: str, cells: tuple[str, ...]) -> None:
    results = run({SOFTMAX: CLEAN, DROPOUT: CLEAN}, compared(DROPOUT, SOFTMAX, CLEAN, said))
    assert rows_of(results, "cannot retrain")[0][1:-1] == cells


def test_of_many_choices_the_cheapest_alone_is_printed() -> None:
    many = [Candidate("standard", method, "1") for method in ("laplace_last_layer", "laplace_kron")]
    many.append(Candidate("standard", "temperature_scaling", "1"))
    tests = [row for one in many for row in compared(one, SOFTMAX, CLEAN, BETTER)]
    results = run(dict.fromkeys((SOFTMAX, *many), CLEAN), tests)
    clean, shifted, _ = rows_of(results, "cannot retrain")
    assert clean[1] == "Temperature scaling, the cheapest of 3"
    assert shifted[0] == "Shifted images"


def test_choice_by_another_score_names_it_with_what_it_needs() -> None:
    scored = SOFTMAX._replace(score="knn")
    measured = {SOFTMAX: [*AUROC, *(quantity._replace(score="knn") for quantity in AUROC)]}
    tests = compared(scored, SOFTMAX, AUROC, BETTER)
    results = run(measured, tests, milliseconds={SOFTMAX: 0.2})
    *_, noticed = decision_table(results).rows
    assert noticed.labels[1] == "K-th neighbour (with Softmax)"
    assert noticed.labels[2].startswith("AUROC ↑ (KMNIST) 0.900 → 0.900; ")
    assert noticed.labels[-1].endswith("the training images; 0.2 ms without the score")
    timed = pd.DataFrame([{"score": "knn", "batch_size": 1, "status": "ok", "p50_ms": 0.25}])
    *_, noticed = decision_table(replace(results, score_latency=timed)).rows
    assert noticed.labels[-1].endswith("; 0.25 ms")


def test_table_has_every_situation_and_remarks_on_its_measures() -> None:
    tests = compared(DROPOUT, SOFTMAX, ALL, BETTER)
    text = markdown(decision_table(run({SOFTMAX: ALL, DROPOUT: ALL}, tests)))
    assert text.count("| **") == 6
    assert "have an NLL of 2.30" in text
    assert "AUGRC: " in text


def test_file_has_keys_of_choices_and_rivals(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    results = run({SOFTMAX: CLEAN, DROPOUT: CLEAN}, compared(DROPOUT, SOFTMAX, CLEAN, OPEN))
    write_answer(results, tmp_path)
    table = read_table(tmp_path, DECISION_CSV, DecisionRow)
    first = table[table["images"] == "Clean images"].iloc[:2]
    keys = ["verdict", "recipe", "method", "members", "score"]
    assert first[keys].to_numpy().tolist() == [["keep", *SOFTMAX], ["rival", *DROPOUT]]
    assert dict(answer(results)) == pd.read_json(tmp_path / "answer.json", typ="series").to_dict()


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ([WORSE] * 9, "No"),
        ([BETTER, *[AS_GOOD] * 8], "Yes"),
        ([BETTER, *[AS_GOOD] * 3], "Not decided"),
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


def test_worth_is_told_from_least_to_most() -> None:
    worths = [
        *worth(DROPOUT, CLEAN[:1], "1.2", "<1", "1.9"),
        *worth(DROPOUT, AUROC[:1], ">50", "20", ">50"),
        *worth(DROPOUT, CLEAN[1:], "6", "3", "9"),
    ]
    results = run(MEASURED, compared(DROPOUT, FIFTY, ALL, WORSE), worths)
    assert "is 6 by the median over measures" in answer(results)["dropout"]
    assert "from 1.2 to more than 50" in answer(results)["dropout"]
