"""Findings without a number: by votes and values that are made up so that the answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.files import read_json
from benchmarks.report.names import Names
from benchmarks.report.page.claims import published
from benchmarks.report.published import FINDINGS
from benchmarks.report.published.finding import ANOTHER, SAME
from benchmarks.report.published.gal_ghahramani import rotated_digit
from benchmarks.report.published.ovadia import CHOICES, QUANTITIES, order_under_shift
from benchmarks.report.published.writing import write_published
from benchmarks.report.results import Results
from benchmarks.run.configuration.presets import configuration_of
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan

NAMES = Names(nouns_of(Plan(configuration_of("medium")), metric_records()))
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
    assert "most of 100 passes (recipe standard) vote for 1, 1, 5, 7;" in ours.says
    assert ours.says.endswith("is 0.00, 0.48, 0.48, 0.00")


def test_rotated_digit_needs_networks_with_dropout() -> None:
    shares = [{1: 1.0}, {1: 0.6, 5: 0.4}, {5: 0.6, 7: 0.4}, {7: 1.0}]
    assert rotated_digit(turned(shares, recipe="plain")) is None


def shifted(best: Sequence[str]) -> Results:
    """A run in which this choice is best by each of the four measures."""
    rows = [
        row(recipe, *variant, quantity.condition, quantity.metric, value)
        for quantity, first in zip(QUANTITIES, best, strict=True)
        for place, (name, (recipe, variant)) in enumerate(CHOICES.items())
        for good in [1 if quantity.metric == "accuracy" else -1]
        for value in [0.5 + good * (0.3 if name == first else 0.1 - 0.01 * place)]
    ]
    return Results(pd.DataFrame(rows), NAMES)


@pytest.mark.parametrize(
    ("best", "verdict"),
    [
        (["ensemble"] * 4, SAME),
        (["ensemble", "dropout", "ensemble", "ensemble"], SAME),
        (["ensemble", "dropout", "dropout", "ensemble"], ANOTHER),
    ],
)
def test_order_under_shift_is_judged_by_most_measures(best: list[str], verdict: str) -> None:
    ours = order_under_shift(shifted(best))
    assert ours is not None
    assert ours.verdict == verdict
    assert f"best by {best.count('ensemble')} of 4" in ours.says


def test_order_lists_methods_from_the_best_on() -> None:
    ours = order_under_shift(shifted(["dropout"] * 4))
    assert ours is not None
    assert "Brier" in ours.says
    order = "dropout 0.200, ensemble 0.400, vanilla 0.420, temperature scaling 0.430"
    assert order in ours.says


def test_order_is_not_measured_without_every_method() -> None:
    whole = shifted(["ensemble"] * 4)
    rest = whole.summary[whole.summary["method"] != "temperature_scaling"]
    assert order_under_shift(replace(whole, summary=rest)) is None


def test_findings_are_written_and_shown_without_numbers(tmp_path: Path) -> None:
    write_published(shifted(["ensemble"] * 4), tmp_path)
    (finding,) = read_json(tmp_path / "published.json")["findings"]
    assert (finding["paper"], finding["verdict"]) == ("Ovadia et al. 2019", SAME)
    text = (tmp_path / "published.md").read_text(encoding="utf-8")
    assert "- **Ovadia et al. 2019, figure 1 and conclusions**: as they say." in text
    assert "comparable numbers" not in text
    shown = published(tmp_path, NAMES)
    assert shown is not None
    assert (shown["finding"], shown["rows"]) == ("1 of 1 findings are the same", [])


def test_findings_of_the_register_have_rules_in_the_docs() -> None:
    docs = (Path(__file__).parents[3] / "docs" / "published.md").read_text(encoding="utf-8")
    for one in FINDINGS:
        assert f"| {one.paper}, {one.place} |" in docs
        assert one.rule
