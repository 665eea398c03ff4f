"""Findings without a number: by votes and values that are made up so that the answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.files import read_json
from benchmarks.report.page.claims import published
from benchmarks.report.published import FINDINGS
from benchmarks.report.published.finding import ANOTHER, SAME
from benchmarks.report.published.gal_ghahramani import rotated_digit
from benchmarks.report.published.ovadia import CHOICES, SCALED, SHIFTS, VANILLA, order_under_shift
from benchmarks.report.published.writing import write_published
from benchmarks.report.results import Results
from benchmarks.run.configuration import configuration_of
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan

NAMES = nouns_of(Plan(configuration_of("medium")), metric_records())
ANGLES = ("clean", "rotated-030", "rotated-060", "rotated-090")


def row(recipe: str, method: str, members: str, condition: str, metric: str, value: float) -> dict:
    return {
        **{"recipe": recipe, "method": method, "members": members, "condition": condition},
        **{"score": "", "metric": metric, "value": value, "lower": value, "upper": value},
        **{"replicates": 5, "images": 2500, "status": "ok", "reason": ""},
    }


def turned(shares: Sequence[dict[int, float]], recipe: str = "standard") -> Results:
    """A run in which passes vote so, angle by angle."""
    summary = [row(recipe, "mc_dropout", "100", angle, "accuracy", 0.9) for angle in ANGLES]
    votes = [
        {
            **{"recipe": recipe, "method": "mc_dropout", "members": members, "replicate": 0},
            **{"condition": angle, "class": k, "vote_share": share.get(k, 0.0) if last else 0.1},
        }
        for angle, share in zip(ANGLES, shares, strict=True)
        for members, last in (("20", False), ("100", True))
        for k in range(10)
    ]
    curves = {"example_image": pd.DataFrame(votes)}
    return Results(pd.DataFrame(summary), NAMES, curves=curves)


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [
        ([{1: 1.0}, {1: 0.6, 5: 0.4}, {5: 0.6, 7: 0.4}, {7: 1.0}], SAME),
        ([{1: 1.0}, {1: 0.6, 5: 0.4}, {1: 0.7, 7: 0.3}, {1: 1.0}], ANOTHER),
        ([{7: 1.0}, {5: 0.6, 7: 0.4}, {7: 0.6, 5: 0.4}, {7: 1.0}], ANOTHER),
        ([{1: 1.0}, {5: 0.6, 1: 0.4}, {1: 0.6, 7: 0.4}, {7: 1.0}], ANOTHER),
        ([{1: 1.0}, {1: 0.9, 5: 0.1}, {7: 0.9, 5: 0.1}, {7: 0.5, 5: 0.5}], ANOTHER),
    ],
    ids=["as theirs", "stays", "never", "returns", "spreads at the end"],
)
def test_rotated_digit_is_judged_by_votes(shares: Sequence[dict[int, float]], verdict: str) -> None:
    ours = rotated_digit(turned(shares))
    assert ours is not None
    assert ours.verdict == verdict


def test_rotated_digit_tells_classes_and_disagreement_by_hand() -> None:
    ours = rotated_digit(turned([{1: 1.0}, {1: 0.6, 5: 0.4}, {5: 0.6, 7: 0.4}, {7: 1.0}]))
    assert ours is not None
    assert "(network 0 of the recipe standard) are for 1, 1, 5, 7;" in ours.says
    assert ours.says.endswith("is 0.00, 0.48, 0.48, 0.00")


def test_rotated_digit_needs_networks_with_dropout() -> None:
    shares = [{1: 1.0}, {1: 0.6, 5: 0.4}, {5: 0.6, 7: 0.4}, {7: 1.0}]
    assert rotated_digit(turned(shares, recipe="plain")) is None


def shifted(*orders: Sequence[str]) -> Results:
    """A run in which the Brier score has this order, from the best on, under each shift."""
    rows = [
        row(*(CHOICES[name][0], *CHOICES[name][1]), shift, "brier", 0.5 + 0.1 * place)
        for shift, order in zip(SHIFTS, orders, strict=True)
        for place, name in enumerate(order)
    ]
    return Results(pd.DataFrame(rows), NAMES)


THEIRS = ("ensemble", "dropout", SCALED, VANILLA)


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        (THEIRS, SAME),
        (("dropout", "ensemble", SCALED, VANILLA), SAME),
        (("ensemble", SCALED, "dropout", VANILLA), ANOTHER),
        (("ensemble", "dropout", VANILLA, SCALED), ANOTHER),
    ],
)
def test_order_under_shift_is_judged_under_both_shifts(other: Sequence[str], verdict: str) -> None:
    for orders in ((THEIRS, other), (other, THEIRS)):
        ours = order_under_shift(shifted(*orders))
        assert ours is not None
        assert ours.verdict == verdict


def test_equal_values_are_not_better() -> None:
    whole = shifted(THEIRS, THEIRS)
    ours = order_under_shift(replace(whole, summary=whole.summary.assign(value=0.5)))
    assert ours is not None
    assert ours.verdict == ANOTHER


def test_order_lists_methods_from_the_best_on() -> None:
    ours = order_under_shift(shifted(("dropout", "ensemble", SCALED, VANILLA), THEIRS))
    assert ours is not None
    order = "dropout 0.500, ensemble 0.600, temperature scaling 0.700, vanilla 0.800; "
    assert order in ours.says


def test_order_is_not_measured_without_every_method() -> None:
    whole = shifted(THEIRS, THEIRS)
    rest = whole.summary[whole.summary["method"] != "temperature_scaling"]
    assert order_under_shift(replace(whole, summary=rest)) is None


def test_findings_are_written_and_shown_without_numbers(tmp_path: Path) -> None:
    write_published(shifted(THEIRS, THEIRS), tmp_path)
    (finding,) = read_json(tmp_path / "published.json")["findings"]
    assert (finding["paper"], finding["verdict"]) == ("Ovadia et al. 2019", SAME)
    text = (tmp_path / "published.md").read_text(encoding="utf-8")
    assert "- **Ovadia et al. 2019, section 4.1 and figure 1**: as they say." in text
    assert "comparable numbers" not in text
    shown = published(tmp_path, NAMES)
    assert shown is not None
    assert (shown["finding"], shown["rows"]) == ("findings that agree: 1 of 1", [])


def test_findings_of_the_register_have_rules_in_the_docs() -> None:
    docs = (Path(__file__).parents[3] / "docs" / "published.md").read_text(encoding="utf-8")
    for one in FINDINGS:
        assert f"| {one.paper}, {one.place} |" in docs
        assert one.rule
