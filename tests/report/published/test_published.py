"""Published numbers: the register, verdicts on both sides of the tolerances, and the page."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.files import read_json
from benchmarks.metrics import METRICS
from benchmarks.nouns import Names
from benchmarks.report.published import PUBLISHED, PublishedNumber
from benchmarks.report.published.number import ACCURACY, AUROC, CALIBRATION_ERROR, CONFIDENCE, NLL
from benchmarks.report.published.verdict import (
    NOT_COMPARABLE,
    NOT_MEASURED,
    NOT_WITHIN,
    REASON_UNKNOWN,
    WITHIN,
    judged,
)
from benchmarks.report.published.writing import content, write_published
from benchmarks.report.results import Results
from benchmarks.run.configuration import configuration_of
from benchmarks.run.nouns import metric_records, nouns_of
from benchmarks.run.plan import Plan
from benchmarks.run.presets import PRESETS
from benchmarks.tasks import TASKS
from methods.scores import SCORES

PLAN = Plan(configuration_of("published"))
NAMES = nouns_of(PLAN, metric_records())

NUMBER = PublishedNumber(
    **{"paper": "Author 2020", "place": "table 1", "what": "one network", "task": "mnist"},
    **{"recipe": "uncertainty-baselines", "method": "softmax", "epochs": 23},
    **{"metric": "accuracy", "value": 0.991, "tolerance": ACCURACY},
)
OOD = replace(
    NUMBER,
    **{"recipe": "laplace-redux", "epochs": 100, "metric": "mean_confidence", "value": 0.75},
    **{"tolerance": CONFIDENCE, "conditions": ("ood-fashion_mnist", "ood-kmnist")},
    lacking=("EMNIST digits",),
)


def row(number: PublishedNumber, value: float, **changes: Any) -> dict[str, Any]:
    return {
        **{"recipe": number.recipe, "method": number.method, "members": str(number.members)},
        **{"condition": number.conditions[0], "score": number.score, "metric": number.metric},
        **{"value": value, "lower": value - 0.01, "upper": value + 0.01, "replicates": 5},
        **{"images": 10_000, "status": "ok", "reason": ""},
        **changes,
    }


def results(*rows: dict[str, Any], names: Names = NAMES) -> Results:
    return Results(pd.DataFrame(rows), names)


@pytest.mark.parametrize(
    ("tolerance", "published", "near", "far"),
    [
        (ACCURACY, 0.991, (0.988, 0.994), (0.9879, 0.9941)),
        (NLL, 0.200, (0.170, 0.230), (0.1699, 0.2301)),
        (AUROC, 0.985, (0.975, 0.995), (0.9749, 0.9951)),
        (CONFIDENCE, 0.750, (0.700, 0.800), (0.6999, 0.8001)),
        (CALIBRATION_ERROR, 0.010, (0.005, 0.015), (0.0049, 0.0151)),
    ],
    ids=["accuracy", "NLL", "AUROC", "confidence", "calibration error"],
)
def test_tolerances_have_two_sides(
    tolerance: Any, published: float, near: tuple[float, ...], far: tuple[float, ...]
) -> None:
    number = replace(NUMBER, tolerance=tolerance, value=published)
    for value in near:
        assert judged(number, results(row(number, value))).verdict == WITHIN
    for value in far:
        found = judged(number, results(row(number, value)))
        assert (found.verdict, found.reason) == (NOT_WITHIN, REASON_UNKNOWN)
    assert not tolerance.admits(published, math.nan)


def test_value_has_the_interval_and_the_networks_of_the_summary() -> None:
    found = judged(NUMBER, results(row(NUMBER, 0.99)))
    assert (found.value, found.lower, found.upper) == (0.99, 0.98, 1.0)
    assert (found.networks, found.conditions, found.missing) == (5, ("Clean",), ())
    ensemble = replace(NUMBER, method="deep_ensemble", members=10)
    found = judged(ensemble, results(row(ensemble, 0.99, replicates=1, reason="of a few images")))
    assert (found.verdict, found.networks, found.why) == (WITHIN, 10, "of a few images")


def test_known_reason_is_told_of_a_miss_alone() -> None:
    known = replace(NUMBER, reason="other pixels")
    assert judged(known, results(row(known, 0.9))).reason == "other pixels"
    assert judged(known, results(row(known, 0.991))).reason == ""


def test_mean_is_over_the_sets_that_the_run_has() -> None:
    both = results(row(OOD, 0.8), row(OOD, 0.6, condition="ood-kmnist"))
    found = judged(OOD, both)
    assert (found.value, found.verdict) == (pytest.approx(0.7), NOT_COMPARABLE)
    assert (found.lower, found.upper) == (pytest.approx(0.69), pytest.approx(0.71))
    assert (found.conditions, found.missing) == (("Fashion-MNIST", "KMNIST"), ("EMNIST digits",))
    assert judged(replace(OOD, lacking=()), both).verdict == WITHIN
    one = judged(OOD, results(row(OOD, 0.8)))
    assert (one.value, one.missing) == (0.8, ("KMNIST", "EMNIST digits"))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([row(OOD, 0.75)], "no networks of the recipe 'uncertainty-baselines'"),
        ([row(NUMBER, 0.99, method="deep_ensemble")], "no predictions by the method 'softmax'"),
        ([row(NUMBER, 0.99, replicates=4)], "the run has 4 networks; at least 5 are needed"),
        ([row(NUMBER, math.nan, status="failed", reason="no memory")], "no memory"),
        ([row(NUMBER, 0.99, condition="ood-kmnist")], "no value of single networks for Clean"),
    ],
    ids=["recipe", "method", "networks", "failed", "condition"],
)
def test_what_is_not_measured_says_why(rows: list[dict[str, Any]], why: str) -> None:
    found = judged(NUMBER, results(*rows))
    assert (found.verdict, found.reason) == (NOT_MEASURED, "")
    assert math.isnan(found.value)
    assert why in found.why


def test_short_training_is_not_judged_and_fewer_images_are_told() -> None:
    short = nouns_of(Plan(replace(PLAN.configuration, epochs=1)), metric_records())
    found = judged(NUMBER, results(row(NUMBER, 0.991), names=short))
    assert found.verdict == NOT_MEASURED
    assert found.why == "networks were trained for 1 of 23 epochs"
    assert judged(NUMBER, results(row(NUMBER, 0.991, images=100))).why == (
        "only 100 of 10,000 images"
    )


def test_files_tell_the_count_and_what_is_not_measured(tmp_path: Path) -> None:
    write_published(results(row(NUMBER, 0.990), row(NUMBER, 0.9, metric="nll")), tmp_path)
    written = read_json(tmp_path / "published.json")
    of_mnist = [one for one in PUBLISHED if one.task == "mnist"]
    assert len(written["numbers"]) == len(of_mnist) == 25
    assert written["count"] == {
        WITHIN: 1,
        NOT_WITHIN: 1,
        NOT_COMPARABLE: 0,
        NOT_MEASURED: 23,
    }
    first = written["numbers"][0]
    assert (first["published"], first["value"], first["verdict"]) == (0.037, 0.9, NOT_WITHIN)
    page = (tmp_path / "published.md").read_text(encoding="utf-8")
    assert "1 of 2 comparable numbers are within tolerance; 23 more could not be" in page
    assert "| 0.991 | 0.990 ± 0.010 | 5 | 0.3 points | within tolerance |" in page
    assert "The run has no networks of the recipe 'laplace-redux'." in page
    assert "In `results/published` it is chance" in page
    assert "| not measured |" in page


def test_runs_without_a_papers_recipe_write_nothing(tmp_path: Path) -> None:
    write_published(results(row(NUMBER, 0.99, recipe="standard")), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_confidences_by_set_have_the_mean_of_the_papers_first_table() -> None:
    emnist = {"softmax": 0.836, "deep_ensemble": 0.758}  # which the suite does not have
    emnist |= {"laplace_last_layer_kron": 0.748, "laplace_last_layer_fisher": 0.620}
    for method, of_emnist in emnist.items():
        of_method = [
            one
            for one in PUBLISHED
            if (one.recipe, one.method, one.metric) == ("laplace-redux", method, "mean_confidence")
        ]
        (mean,) = (one.value for one in of_method if one.lacking)
        by_set = [one.value for one in of_method if not one.lacking]
        assert len(by_set) == 2
        assert (sum(by_set) + of_emnist) / 3 == pytest.approx(mean, abs=5e-4)


def test_register_names_what_there_is() -> None:
    assert len(PUBLISHED) == 30
    for number in PUBLISHED:
        task = TASKS[number.task]
        recipe = next(one for one in task.published if one.name == number.recipe)
        assert recipe.epochs == number.epochs
        assert number.method not in PRESETS["published"].without_methods
        assert number.members <= recipe.pool
        assert set(number.conditions) <= {one.name for one in task.conditions}
        needs_score = "score" in METRICS[number.metric].needs
        assert number.score in SCORES if needs_score else not number.score
    verdicts = {WITHIN, NOT_WITHIN, NOT_COMPARABLE, NOT_MEASURED}
    assert verdicts == set(content([], [])["count"])
