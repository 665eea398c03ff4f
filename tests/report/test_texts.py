"""Sentences about results with made-up numbers."""

from __future__ import annotations

import math
import re
from itertools import combinations
from typing import Any

import pandas as pd
import pytest

from benchmarks.report.read.comparisons import Quantity as Summarised
from benchmarks.report.results import Results
from benchmarks.report.texts import answer, article_answer
from tests.report.support import comparisons, nouns


def claims(*verdicts: str) -> dict[str, Any]:
    """Claims with these verdicts, of which only the first is central, and shown last."""
    first, *others = (
        {"statement": f"Text {i}.", "verdict": verdict, "weight": "supporting"}
        for i, verdict in enumerate(verdicts)
    )
    return {"claims": [*others, first | {"weight": "central"}]}


ACCURACY, ECE = Summarised("clean", "accuracy"), Summarised("rotated-mean", "ece")
DISAGREEMENT = Summarised("rotated-mean", "pairwise_disagreement")
AUROC = Summarised("ood-kmnist", "auroc", "predictive_entropy")

SIZES = {"softmax": "1", "mc_dropout": "100", "deep_ensemble": "50", "mine": "5"}


TESTED = {ECE: Summarised("rotated-mean", "squared_ce_debiased")}


def results(
    values: dict[Summarised, dict[str, float]], *angles: int, p_value: float = 0.001
) -> Results:
    """With these values by method, equally distinguished, and images rotated by these angles."""
    rows = [
        {"method": method, "members": SIZES[method], "value": value} | quantity._asdict()
        for quantity, of_methods in values.items()
        for method, value in of_methods.items()
    ]
    rows += [
        {"method": "softmax", "members": "1", "value": 0.5}
        | Summarised(f"rotated-{angle:03d}", "nll")._asdict()
        for angle in angles
    ]
    tests = [
        {"method": one, "members": SIZES[one], "other_method": other, "other_members": SIZES[other]}
        | TESTED.get(quantity, quantity)._asdict()
        | {"p_holm": p_value, "lower": -0.1, "upper": 0.1, "difference": 0.0}
        for quantity, of_methods in values.items()
        for one, other in combinations(of_methods, 2)
    ]
    conditions = (*(f"rotated-{angle:03d}" for angle in angles), "ood-kmnist", "ood-uniform_noise")
    names = nouns(conditions=conditions)
    table = pd.DataFrame(rows).assign(recipe="standard")
    return Results(table, names, comparisons(tests))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"softmax": 0.9706, "mc_dropout": 0.9714, "deep_ensemble": 0.984},
            "The deep ensemble classifies clean images best: its accuracy is 98.4 %; MC-dropout "
            "has 97.1 % and softmax has 97.1 %.",
        ),
        (
            {"softmax": 0.96, "mc_dropout": 0.98401, "deep_ensemble": 0.98399},
            "MC-dropout and the deep ensemble classify clean images best: their accuracy is "
            "98.4 %; softmax has 96.0 %.",
        ),
        (
            {"softmax": 0.96, "mc_dropout": 0.96, "deep_ensemble": 0.96},
            "The accuracy on clean images is 96.0 % for softmax, MC-dropout and the deep ensemble "
            "alike.",
        ),
        ({"mc_dropout": 0.96}, "The accuracy on clean images is 96.0 % for MC-dropout."),
        (
            {"softmax": 0.96, "mc_dropout": math.nan, "deep_ensemble": 0.95},
            "Softmax classifies clean images best: its accuracy is 96.0 %; the deep ensemble has "
            "95.0 %.",
        ),
        (
            {"softmax": 0.96, "deep_ensemble": 0.95, "mine": 0.99},
            "Mine classifies clean images best: its accuracy is 99.0 %; softmax has 96.0 % and the "
            "deep ensemble has 95.0 %.",
        ),
        ({"mine": 0.99}, "The accuracy on clean images is 99.0 % for mine."),
        ({}, ""),
    ],
)
def test_best_is_the_highest_as_printed(values: dict[str, float], expected: str) -> None:
    assert answer(results({ACCURACY: values}, 30)) == expected


def test_nothing_is_best_that_is_not_distinguished_from_the_others() -> None:
    accuracy = {"softmax": 0.96, "mc_dropout": 0.98401, "deep_ensemble": 0.98399}
    assert answer(results({ACCURACY: accuracy}, p_value=0.06)) == (
        "The accuracy on clean images is 98.4 % for MC-dropout and the deep ensemble and 96.0 % "
        "for softmax. Tests do not separate them all."
    )
    errors = {"deep_ensemble": 0.24, "mc_dropout": 0.25, "softmax": 0.34}
    assert answer(results({ECE: errors}, 30, p_value=math.nan)) == (
        "The ECE on rotated images (30°) is 0.34 for softmax, 0.25 for MC-dropout and 0.24 for "
        "the deep ensemble. Tests do not separate them all."
    )


def test_rotation_is_told_with_its_angles() -> None:
    alike = {"deep_ensemble": 0.2804, "mc_dropout": 0.2796, "softmax": math.nan}
    errors = {"deep_ensemble": 0.24, "mc_dropout": 0.25, "softmax": 0.34}
    assert answer(results({DISAGREEMENT: alike, ECE: errors}, 15, 30, 45, 120)) == (
        "On rotated images (mean of 15° to 45°), the members of MC-dropout and the deep ensemble "
        "disagree equally often (28 % of pairs). Softmax is the worst calibrated there: its ECE is "
        "0.34; MC-dropout has 0.25 and the deep ensemble has 0.24."
    )
    different = {DISAGREEMENT: alike | {"mc_dropout": 0.3}, ECE: {"softmax": 0.34}}
    assert answer(results(different, 15, 90)) == (
        "On rotated images (mean of 15°, 90°), 30 % of member pairs disagree for MC-dropout "
        "and 28 % for the deep ensemble. The ECE there is 0.34 for softmax."
    )
    assert answer(results({ECE: errors | {"mc_dropout": 0.34}}, 30)) == (
        "Softmax and MC-dropout are the worst calibrated on rotated images (30°): their ECE is "
        "0.34; the deep ensemble has 0.24."
    )


def test_detection_is_of_the_first_condition_that_has_values() -> None:
    noise = AUROC._replace(condition="ood-uniform_noise")
    values = {"deep_ensemble": 0.94, "mc_dropout": 0.92}
    assert answer(results({AUROC: {"softmax": math.nan}, noise: values})) == (
        "The deep ensemble detects Uniform noise best: its AUROC by predictive entropy is 0.94; "
        "MC-dropout has 0.92."
    )


def test_answer_leaves_out_what_there_are_no_numbers_for(make_run: Any) -> None:
    folder = make_run(
        methods=("mc_dropout",),
        conditions=("rotated-030", "ood-*_noise"),
        unavailable={"ood-uniform_noise": "asleep"},
    )
    told = answer(Results.load(folder).of_recipe("standard"))
    assert re.sub(r"\b\d+(\.\d+)?(?=[ .])", "_", told) == (
        "The accuracy on clean images is _ % for MC-dropout. On rotated images (30°), _ % of "
        "member pairs disagree for MC-dropout. The ECE there is _ for MC-dropout. The AUROC by "
        "predictive entropy on Gaussian noise is _ for MC-dropout."
    )
    assert answer(results({AUROC: {"softmax": math.nan}})) == ""


def test_central_claims_are_counted_and_named() -> None:
    content = claims("partly reproduced", "reproduced", "reproduced", "not reproduced")
    for one in content["claims"][:2]:
        one["weight"] = "central"
    assert article_answer(content) == (
        "The article makes three central claims. Networks trained by its listing give these "
        "verdicts. Reproduced: “Text 1.” “Text 2.” Partly reproduced: “Text 0.”"
    )


def test_a_single_central_claim_is_not_counted() -> None:
    assert article_answer(claims("not reproduced", "reproduced")) == (
        "The article makes one central claim. Networks trained by its listing give this verdict. "
        "Not reproduced: “Text 0.”"
    )


def test_what_could_not_be_tested_is_counted_and_named_alone() -> None:
    content = claims("not testable here", "reproduced")
    content["claims"][0]["weight"] = "central"
    assert article_answer(content) == (
        "The article makes two central claims. Networks trained by its listing give these "
        "verdicts. Reproduced: “Text 1.” Not testable in this run: “Text 0.”"
    )


def test_no_verdict_is_no_text() -> None:
    assert article_answer(claims("not testable here", "reproduced")) == ""
    assert article_answer({}) == ""
