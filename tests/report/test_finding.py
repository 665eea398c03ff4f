"""Titles say what values and tests say, and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from benchmarks.report.figures.numbers import finding
from benchmarks.report.results import Quantity, Results
from tests.report.support import NAMES, comparisons

NLL = Quantity("clean", "nll")

VALUES = {"softmax": ("1", 0.3), "mc_dropout": ("8", 0.2), "deep_ensemble": ("4", 0.1)}


def results(
    values: dict[str, tuple[str, float]], metric: str = "nll", **p_values: float
) -> Results:
    """Of one recipe; by method the p-value of its difference from the deep ensemble."""
    place = {"recipe": "standard", "condition": "clean", "score": "", "status": "ok", "reason": ""}
    rows = [
        {**place, "metric": name, "method": method, "members": members}
        | {"value": value, "lower": value - 0.01, "upper": value + 0.01}
        for name in dict.fromkeys((metric, "squared_ce_debiased"))
        for method, (members, value) in values.items()
    ]
    tests = [
        {"metric": name, "p_holm": p, "difference": -0.1}
        | {"method": "deep_ensemble", "members": "4"}
        | {"other_method": method, "other_members": values[method][0]}
        for name in dict.fromkeys((metric, "squared_ce_debiased"))
        for method, p in p_values.items()
    ]
    return Results(pd.DataFrame(rows), NAMES, comparisons=comparisons(tests))


@pytest.mark.parametrize(
    ("p_values", "separated"),
    [
        ({"softmax": 0.01, "mc_dropout": 0.01}, 2),
        ({"softmax": 0.01, "mc_dropout": 0.2}, 1),
        ({"softmax": float("nan")}, 0),
        ({}, 0),
    ],
)
def test_a_title_claims_what_tests_say(p_values: dict[str, float], separated: int) -> None:
    assert finding(results(VALUES, **p_values), NLL) == (
        "Deep ensemble (M = 4) has the lowest NLL (Clean: 0.100), separated by tests from "
        f"{separated} of 2 others"
    )


def test_of_a_biased_metric_another_is_tested() -> None:
    ece = Quantity("clean", "ece")
    given = results(VALUES, "ece", softmax=0.01, mc_dropout=0.01)
    untested = given.comparisons[given.comparisons["metric"] == "ece"]
    assert "from 2 of 2 others" in finding(given, ece)
    assert "from 0 of 2 others" in finding(replace(given, comparisons=untested), ece)
    # Where it is the other that the tested metric finds better, nothing is claimed.
    of_softmax = given.comparisons["other_method"] == "softmax"
    worse = given.comparisons.assign(difference=-0.1 * (-1) ** of_softmax)
    assert "from 1 of 2 others" in finding(replace(given, comparisons=worse), ece)


@pytest.mark.parametrize("values", [{}, {"softmax": ("1", float("nan"))}])
def test_without_values_there_is_no_finding(values: dict[str, Any]) -> None:
    given = results(values or {"softmax": ("1", 0.1)})
    assert finding(given, Quantity("clean", "accuracy") if not values else NLL) == ""


def test_one_method_alone_is_compared_with_none() -> None:
    assert finding(results({"softmax": ("1", 0.25)}), NLL) == "NLL of Softmax (Clean: 0.250)"
