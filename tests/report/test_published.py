"""Other papers' numbers and findings: the register, verdicts on both sides, and what is written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.io import read_json
from benchmarks.metrics import METRICS
from benchmarks.nouns import Names
from benchmarks.report.published import (
    CHOICES,
    NOT_COMPARABLE,
    NOT_MEASURED,
    NOT_WITHIN,
    PUBLISHED,
    SAME,
    SCALED,
    UNDECIDED,
    VANILLA,
    WITHIN,
    PublishedNumber,
    judged,
    order_under_shift,
    rotated_digit,
    write_published,
)
from benchmarks.report.results import Results
from benchmarks.run.configuration import Configuration, configuration_of
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan
from benchmarks.tasks import TASKS
from methods.scores import SCORES
from tests.runs import TRAINED


def names_of(configuration: Configuration) -> Names:
    return nouns_of(Plan(configuration), metric_records(10))


NAMES, NAMES_OF_FULL = (names_of(configuration_of(preset)) for preset in ("published", "full"))
NAMES_OF_LAPLACE = names_of(configuration_of("published", recipe="laplace-redux"))

NUMBER = next(one for one in PUBLISHED if (one.method, one.metric) == ("softmax", "accuracy"))
OF_SETS = next(one for one in PUBLISHED if one.lacking)


def row(number: PublishedNumber, value: float, **changes: Any) -> dict[str, Any]:
    return {
        **{"method": number.method, "members": str(number.members)},
        "budget": float(number.members if number.method == "deep_ensemble" else 1),
        **{"condition": number.conditions[0], "score": number.score, "metric": number.metric},
        **{"value": value, "lower": value - 0.01, "upper": value + 0.01, "replicates": 5},
        **{"images": 10_000, "status": "ok", "reason": ""},
        **changes,
    }


def results(*rows: dict[str, Any], names: Names = NAMES) -> Results:
    return Results(pd.DataFrame(rows), names)


@pytest.mark.parametrize(
    ("metric", "published", "near", "far"),
    [
        ("accuracy", 0.991, (0.988, 0.994), (0.9879, 0.9941)),
        ("nll", 0.200, (0.170, 0.230), (0.1699, 0.2301)),
        ("auroc", 0.985, (0.975, 0.995), (0.9749, 0.9951)),
        ("mean_confidence", 0.750, (0.700, 0.800), (0.6999, 0.8001)),
        ("ece", 0.010, (0.005, 0.015), (0.0049, 0.0151)),
    ],
)
def test_tolerances_have_two_sides(
    metric: str, published: float, near: tuple[float, ...], far: tuple[float, ...]
) -> None:
    number = replace(NUMBER, metric=metric, published=published)
    assert list(map(number.admits, (*near, *far, math.nan))) == [True, True, False, False, False]


def test_verdict_compares_the_values_alone_and_a_miss_has_its_known_reason() -> None:
    near = judged(NUMBER, results(row(NUMBER, 0.988, images=100)))
    assert (near["verdict"], near["why"]) == (UNDECIDED, "only 100 of 10,000 images")
    assert (near["value"], near["networks"], near["of"], near["missing"]) == (
        *(0.988, 5, ("Clean",), ()),
    )
    assert (near["lower"], near["upper"]) == (pytest.approx(0.978), pytest.approx(0.998))
    far = judged(NUMBER, results(row(NUMBER, 0.987)))
    assert (far["verdict"], far["why"]) == (NOT_WITHIN, "reason not known yet")
    known = replace(NUMBER, reason="other pixels")
    assert judged(known, results(row(known, 0.9)))["why"] == "other pixels"
    assert judged(known, results(row(known, 0.991)))["why"] == ""
    ensemble = replace(NUMBER, method="deep_ensemble", members=10)
    one = judged(ensemble, results(row(ensemble, 0.99, replicates=1, reason="of a few")))
    assert (one["verdict"], one["networks"], one["why"]) == (UNDECIDED, 10, "of a few")


def test_a_tolerance_decides_up_to_half_the_distance_to_the_papers_nearest_other_method() -> None:
    decisive = {(n.task, n.method, n.metric, n.published) for n in PUBLISHED if n.decides}
    assert ("mnist", "deep_ensemble", "nll", 0.016) in decisive  # 0.0024; others: 0.037, 0.048
    assert ("fashion_mnist", "softmax", "accuracy", 0.910) in decisive  # 0.003; 0.932, 0.895
    assert ("mnist", "softmax", "accuracy", 0.991) not in decisive  # 0.003; 0.994
    assert ("mnist", "deep_ensemble", "auroc", 0.992) not in decisive  # 0.01; 0.989
    close = replace(NUMBER, published=0.9975)  # 0.0035 from 0.994
    assert not close.decides
    assert replace(close, published=1.0).decides


def test_mean_is_over_the_sets_that_the_run_has() -> None:
    both = results(
        row(OF_SETS, 0.8), row(OF_SETS, 0.6, condition="ood-kmnist"), names=NAMES_OF_LAPLACE
    )
    found = judged(OF_SETS, both)
    assert (found["value"], found["verdict"]) == (pytest.approx(0.7), NOT_COMPARABLE)
    assert (found["lower"], found["upper"]) == (pytest.approx(0.69), pytest.approx(0.71))
    assert (found["of"], found["missing"]) == (("Fashion-MNIST", "KMNIST"), ("EMNIST digits",))
    assert judged(replace(OF_SETS, lacking=()), both)["verdict"] == WITHIN
    one = judged(OF_SETS, results(row(OF_SETS, 0.8), names=NAMES_OF_LAPLACE))
    assert (one["value"], one["missing"]) == (0.8, ("KMNIST", "EMNIST digits"))


SHORT = names_of(replace(configuration_of("published"), epochs=1))


@pytest.mark.parametrize(
    ("measured", "why"),
    [
        (results(row(NUMBER, 0.99), names=SHORT), "trained for 1 of 23 epochs"),
        (results(row(NUMBER, 0.99, method="swag")), "no predictions by the method 'softmax'"),
        (results(row(NUMBER, 0.99, replicates=4)), "4 networks; at least 5 are needed"),
        (results(row(NUMBER, math.nan, status="failed", reason="no memory")), "no memory"),
        (results(row(NUMBER, 0.99, condition="ood-kmnist")), "no value of single networks"),
    ],
    ids=["epochs", "method", "networks", "failed", "condition"],
)
def test_what_is_not_measured_says_why(measured: Results, why: str) -> None:
    found = judged(NUMBER, measured)
    assert (found["verdict"], found["networks"], found["of"]) == (NOT_MEASURED, 0, ())
    assert math.isnan(found["value"])
    assert why in found["why"]


def test_files_tell_the_count_and_what_is_not_measured(tmp_path: Path) -> None:
    write_published(results(row(NUMBER, 0.990), row(NUMBER, 0.9, metric="nll")), tmp_path)
    written = read_json(tmp_path / "published.json")
    own = [n for n in PUBLISHED if (n.task, n.recipe) == ("mnist", "uncertainty-baselines")]
    assert len(written["numbers"]) == len(own) < len(PUBLISHED)
    assert written["count"] == {
        **{WITHIN: 0, NOT_WITHIN: 1, UNDECIDED: 1, NOT_COMPARABLE: 0, NOT_MEASURED: len(own) - 2}
    }
    first = written["numbers"][0]
    assert (first["published"], first["value"], first["verdict"]) == (0.037, 0.9, NOT_WITHIN)
    page = (tmp_path / "published.md").read_text(encoding="utf-8")
    assert "| 0.991 | 0.990 ± 0.010 | 5 | 0.3 points | does not decide |" in page
    assert "</sup> in results/published it is chance" in page


def test_runs_without_a_papers_recipe_write_nothing(tmp_path: Path) -> None:
    write_published(results(row(NUMBER, 0.99), names=NAMES_OF_FULL), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_register_names_what_there_is() -> None:
    assert len(PUBLISHED) == 38
    for number in PUBLISHED:
        task = TASKS[number.task]
        assert task.recipe(number.recipe).epochs == number.epochs
        configuration = configuration_of("published", number.task, number.recipe)
        if number.method not in TRAINED:  # not run by these recipes
            assert number.method in configuration.methods
            assert number.members <= configuration.pool
        assert set(number.conditions) <= {one.name for one in task.conditions}
        needs_score = "score" in METRICS[number.metric].needs
        assert number.score in SCORES if needs_score else not number.score


ANGLES = ("clean", "rotated-030", "rotated-060", "rotated-090")


def turned(*shares: dict[int, float], budget: float = 1.0) -> Results:
    """A run in which passes vote so, angle by angle."""
    number = replace(NUMBER, method="mc_dropout", members=100)
    summary = [row(number, 0.9, condition=angle) for angle in ANGLES]
    votes = [
        {
            **{"method": "mc_dropout", "members": members, "budget": budget, "replicate": 0},
            **{"condition": angle, "class": k, "vote_share": share.get(k, 0.0) if last else 0.1},
        }
        for angle, share in zip(ANGLES, shares, strict=True)
        for members, last in (("20", False), ("100", True))
        for k in range(10)
    ]
    curves = {"example_image": pd.DataFrame(votes)}
    return Results(pd.DataFrame(summary), NAMES_OF_FULL, curves=curves)


@pytest.mark.parametrize(
    ("shares", "agrees"),
    [
        ([{1: 1.0}, {1: 0.6, 5: 0.4}, {5: 0.6, 7: 0.4}, {7: 1.0}], True),
        ([{1: 1.0}, {1: 0.6, 5: 0.4}, {1: 0.7, 7: 0.3}, {1: 1.0}], False),
        ([{7: 1.0}, {5: 0.6, 7: 0.4}, {7: 0.6, 5: 0.4}, {7: 1.0}], False),
        ([{7: 1.0}, {1: 0.6, 7: 0.4}, {7: 0.6, 5: 0.4}, {7: 1.0}], False),
        ([{1: 1.0}, {5: 0.6, 1: 0.4}, {1: 0.6, 7: 0.4}, {7: 1.0}], False),
        ([{1: 1.0}, {1: 0.9, 5: 0.1}, {7: 0.9, 5: 0.1}, {7: 0.5, 5: 0.5}], False),
    ],
    ids=["as theirs", "stays", "never", "comes late", "returns", "spreads at the end"],
)
def test_rotated_digit_is_judged_by_votes(shares: Sequence[dict[int, float]], agrees: bool) -> None:
    ours = rotated_digit(turned(*shares))
    assert ours is not None
    assert ours[0] == agrees


def test_rotated_digit_tells_classes_and_disagreement_of_the_usual_training() -> None:
    shares = {1: 1.0}, {1: 0.6, 5: 0.4}, {5: 0.6, 7: 0.4}, {7: 1.0}
    ours = rotated_digit(turned(*shares))
    assert ours is not None
    assert "for 1, 1, 5, 7; the chance that two passes differ is 0.00, 0.48, 0.48, 0.00" in ours[1]
    assert rotated_digit(turned(*shares, budget=5.0)) is None


THEIRS = ("ensemble", "dropout", SCALED, VANILLA)


def shifted(*orders: Sequence[str], step: float = 0.1) -> Results:
    """A run in which the Brier score has this order, from the best on, by the mean of each shift.

    By each severity alone it has the opposite one, but for the last: only its labels are valid
    that the mean is of.
    """
    severities = ("rotated-015", "rotated-090", "rotated-105"), ("translated-02", "translated-12")
    rows = [
        row(NUMBER, 0.5 + slope * step * place, condition=shift, metric="brier")
        | CHOICES[name]._asdict()
        for shifts, order in zip(severities, orders, strict=True)
        for shift, slope in zip(shifts, (-1, 3, -9), strict=False)
        for place, name in enumerate(order)
    ]
    return Results(pd.DataFrame(rows), NAMES_OF_FULL)


@pytest.mark.parametrize(
    ("other", "agrees"),
    [
        (THEIRS, True),
        (("dropout", "ensemble", SCALED, VANILLA), True),
        (("ensemble", SCALED, "dropout", VANILLA), False),
        (("ensemble", "dropout", VANILLA, SCALED), False),
    ],
)
def test_order_under_shift_is_judged_under_both_shifts(other: Sequence[str], agrees: bool) -> None:
    for orders in ((THEIRS, other), (other, THEIRS)):
        ours = order_under_shift(shifted(*orders))
        assert ours is not None
        assert ours[0] == agrees


def test_order_needs_every_method_and_equal_values_are_not_better() -> None:
    equal = order_under_shift(shifted(THEIRS, THEIRS, step=0))
    assert equal is not None
    assert not equal[0]
    whole = shifted(THEIRS, THEIRS)
    rest = whole.summary[whole.summary["method"] != "temperature_scaling"]
    assert order_under_shift(replace(whole, summary=rest)) is None
    with_dropout = names_of(configuration_of("article"))  # theirs has it for one method alone
    assert order_under_shift(replace(whole, names=with_dropout)) is None


def test_findings_are_written_without_numbers(tmp_path: Path) -> None:
    write_published(shifted(("dropout", "ensemble", SCALED, VANILLA), THEIRS), tmp_path)
    (finding,) = read_json(tmp_path / "published.json")["findings"]
    assert (finding["paper"], finding["verdict"]) == ("Ovadia et al. 2019", SAME)
    order = "dropout 0.500, ensemble 0.600, temperature scaling 0.700, vanilla 0.800; "
    assert order in finding["ours"]
    text = (tmp_path / "published.md").read_text(encoding="utf-8")
    assert "- **Ovadia et al. 2019, section 4.1 and figure 1**: as they say." in text
    assert "comparable numbers" not in text
