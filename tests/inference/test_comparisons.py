"""Intervals and comparisons of stored predictions, against independent computations."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from benchmarks.inference.comparison.comparisons import (
    Estimates,
    compare,
    comparisons_table,
)
from benchmarks.inference.comparison.differences import holm
from benchmarks.inference.comparison.intervals import ALIKE, TOO_FEW
from benchmarks.inference.comparison.pairs import pairs_compared
from benchmarks.inference.comparison.relations import Relations
from benchmarks.inference.comparison.sides import Variant
from benchmarks.inference.resampling import Resampled, resample
from benchmarks.inference.resampling_tasks import ResamplingTask, resampling_tasks
from benchmarks.metrics import Family
from benchmarks.metrics.calibration import Calibration
from benchmarks.metrics.detection import Detection
from benchmarks.metrics.scoring import LabelMeans
from benchmarks.metrics.selective import Selective
from benchmarks.metrics.uncertainties import PredictionMeans
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run.measurement_rows import measure, measured
from benchmarks.run.summary import means_over_groups, summarise
from benchmarks.schema import Comparison, as_table, types_of
from benchmarks.tasks.conditions import Condition
from benchmarks.tasks.mnist import MNIST
from methods import Prediction
from methods.scores import of_probabilities
from tests.runs import CONDITIONS

IMAGES, RESAMPLES = 300, 1000

NAMES = ("clean", "rotated-030", "rotated-060", "rotated-120")
ROTATED = tuple(CONDITIONS[name] for name in NAMES)
NOISE = CONDITIONS["ood-uniform_noise"]

SINGLE = [RunUnit("standard", "softmax", None, r) for r in range(3)]
DROPOUT = [RunUnit("standard", "mc_dropout", 4, r) for r in range(3)]
ENSEMBLE = RunUnit("standard", "deep_ensemble", 6, 0)
UNITS = [*SINGLE, *DROPOUT, ENSEMBLE]
RELATIONS = Relations(of_networks=["deep_ensemble"])

MEANS, LABELS, CALIBRATION = (PredictionMeans,), (LabelMeans,), (Calibration,)

Predictions = dict[tuple[RunUnit, str], StoredPrediction]


def predict(
    random: np.random.Generator, labels: NDArray[np.int64], unit: RunUnit, angle: int
) -> StoredPrediction:
    members = {"softmax": 1, "mc_dropout": 4, "deep_ensemble": 6}[unit.method]
    spread = 1.0 + angle / 60
    logits = spread * random.normal(size=(1, len(labels), 10))
    logits = logits + 0.5 * random.normal(size=(members, len(labels), 10))
    logits[:, np.arange(len(labels)), labels] += 2.5
    return StoredPrediction(
        Prediction.of_logits(torch.from_numpy(logits)), torch.from_numpy(labels)
    )


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    random = np.random.default_rng(0)
    labels = random.integers(10, size=IMAGES)
    made = {
        (unit, condition.name): predict(random, labels, unit, (condition.severity or 0))
        for unit in UNITS
        for condition in ROTATED
    }
    for unit in UNITS:
        ood = predict(random, random.integers(10, size=200), unit, 90)
        made[unit, NOISE.name] = replace(ood, labels=None)
    return made


Group = tuple[type[Family], ...] | str
"""Families, or the score of those that need one."""


def task_of(group: Group, conditions: tuple[Condition, ...] = ROTATED) -> ResamplingTask:
    if isinstance(group, str):
        return ResamplingTask(
            "standard", conditions, (Selective, Detection), group, (CONDITIONS["clean"],)
        )
    return ResamplingTask(("standard",), conditions, group, references=(CONDITIONS["clean"],))


def resampled(
    predictions: Predictions, group: Group, conditions: tuple[Condition, ...] = ROTATED
) -> Resampled:
    measured_again = resample(
        task_of(group, conditions),
        reversed(UNITS),  # in whatever order they come
        lambda unit, name: predictions.get((unit, name)),
        resamples=RESAMPLES,
        seed=0,
    )
    assert measured_again is not None
    return measured_again


def estimates(
    predictions: Predictions, group: Group, conditions: tuple[Condition, ...] = ROTATED
) -> Estimates:
    return compare(task_of(group, conditions), resampled(predictions, group, conditions), RELATIONS)


def all_measurements(predictions: Predictions, conditions: tuple[Condition, ...]) -> pd.DataFrame:
    """Every measure of every run unit, computed without resampling."""
    table = as_table(
        row
        for unit in UNITS
        for condition in conditions
        for row in measure(
            unit, condition, predictions[unit, condition.name], predictions[unit, "clean"]
        )
    )
    measured = [CONDITIONS[name] for name in table["condition"].unique()]
    return pd.concat([table, means_over_groups(table, measured)])


def comparison(result: Estimates, condition: str, metric: str, one: str, other: str) -> Comparison:
    (row,) = [
        row
        for row in result.comparisons
        if (row.condition, row.metric, row.method, row.other_method)
        == (condition, metric, one, other)
    ]
    return row


GROUPS: tuple[Group, ...] = (
    *(MEANS, LABELS, CALIBRATION),
    *("predictive_entropy", "pairwise_disagreement"),
)


@pytest.mark.parametrize("conditions", [ROTATED, (NOISE,)], ids=["rotated", "noise"])
@pytest.mark.parametrize("group", GROUPS)
def test_estimates_are_the_measurements(
    group: Group, conditions: tuple[Condition, ...], predictions: Predictions
) -> None:
    if group in (LABELS, CALIBRATION) and conditions == (NOISE,):
        nothing = resample(
            task_of(group, conditions),
            UNITS,
            lambda unit, name: predictions.get((unit, name)),
            resamples=100,
            seed=0,
        )
        assert nothing is None
        return
    result = resampled(predictions, group, conditions)
    task = task_of(group, conditions)
    whole = all_measurements(predictions, conditions)
    expected = {
        (row["method"], row["replicate"], row["condition"], row["metric"]): row["value"]
        for row in whole[whole["score"] == task.score].to_dict("records")
    }
    assert list(result.units) == sorted(UNITS)
    assert result.conditions == (
        *(condition.name for condition in conditions),
        *(("rotated-mean",) if conditions == ROTATED else ()),
    )
    for m, metric in enumerate(task.metrics):
        for k, condition in enumerate(result.conditions):
            for c, unit in enumerate(result.units):
                key = unit.method, unit.replicate, condition, metric.name
                value = expected.get(key, math.nan)
                assert result.estimates[m, k, c] == pytest.approx(value, rel=1e-9, nan_ok=True)


def test_every_measure_but_prevalence_belongs_to_a_task() -> None:
    conditions = (*ROTATED, NOISE, *MNIST.subset_conditions)
    parts = resampling_tasks([("standard",), ("plain",)], conditions, ["custom"])
    assert len(set(parts)) == len(parts)
    for condition in conditions:
        wanted = set(measured(condition, ("custom",))) - {("prevalence", "")}
        for recipe in ("standard", "plain"):
            result = {
                (metric.name, task.score)
                for task in parts
                if task.recipes == (recipe,) and condition in task.conditions
                for metric in task.metrics
            }
            assert wanted <= result
    for task in parts:
        assert len(set(task.images)) == len({condition.data for condition in task.conditions}) == 1
        assert {images.data for images in task.reference_images} == {"mnist"}


def test_interval_of_the_ensembles_accuracy_is_that_of_a_share(predictions: Predictions) -> None:
    result = estimates(predictions, LABELS)
    stored = predictions[ENSEMBLE, "clean"]
    accuracy = float((stored.prediction.mean.argmax(dim=1) == stored.labels).double().mean())
    error = math.sqrt(accuracy * (1 - accuracy) / IMAGES)
    interval = result.intervals["standard", "deep_ensemble", "6", "clean", "", "accuracy"]
    expected = stats.t.ppf(0.975, IMAGES - 1) * error
    assert interval.half_width == pytest.approx(expected, rel=0.08)


def test_interval_of_the_means_over_groups_draws_an_image_and_its_rotations_together(
    predictions: Predictions,
) -> None:
    result = estimates(predictions, LABELS)
    per_image = torch.stack(
        [
            predictions[ENSEMBLE, name].prediction.mean.gather(
                1, predictions[ENSEMBLE, name].labels[:, None]
            )
            for name in ("rotated-030", "rotated-060")
        ]
    )
    losses = -per_image.log().mean(dim=0).numpy()
    interval = result.intervals["standard", "deep_ensemble", "6", "rotated-mean", "", "nll"]
    expected = stats.t.ppf(0.975, IMAGES - 1) * losses.std() / math.sqrt(IMAGES)
    assert interval.half_width == pytest.approx(expected, rel=0.08)


def test_interval_of_auroc_is_delongs(predictions: Predictions) -> None:
    """DeLong, DeLong & Clarke-Pearson 1988: the variances of the two kinds' placements."""
    result = estimates(predictions, "predictive_entropy", (NOISE,))
    clean, ood = (
        stats.entropy(predictions[ENSEMBLE, name].prediction.mean.numpy(), axis=1)
        for name in ("clean", NOISE.name)
    )
    won = (ood[:, None] > clean) + 0.5 * (ood[:, None] == clean)
    variance = won.mean(axis=1).var(ddof=1) / 200 + won.mean(axis=0).var(ddof=1) / IMAGES
    interval = result.intervals[
        *("standard", "deep_ensemble", "6", NOISE.name, "predictive_entropy", "auroc"),
    ]
    expected = stats.t.ppf(0.975, 199) * math.sqrt(variance)
    assert interval.half_width == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize(("clean", "ood"), [(30, 200), (300, 30), (29, 200), (300, 1)])
def test_detection_is_as_sure_as_the_fewer_of_the_two_kinds_are_many(
    clean: int, ood: int, predictions: Predictions
) -> None:
    def first(stored: StoredPrediction, images: int) -> StoredPrediction:
        prediction = replace(
            stored.prediction,
            mean=stored.prediction.mean[:images],
            vote_share=stored.prediction.vote_share[:images],
            expected_entropy=stored.prediction.expected_entropy[:images],
        )
        return StoredPrediction(
            prediction, None if stored.labels is None else stored.labels[:images]
        )

    counts = {"clean": clean, NOISE.name: ood}
    few = {key: first(predictions[key], counts[key[1]]) for key in predictions if key[1] in counts}
    task = task_of("predictive_entropy", (NOISE,))
    result = resampled(few, task.score, task.conditions)
    compared = compare(task, result, RELATIONS)
    row = comparison(compared, NOISE.name, "auroc", "deep_ensemble", "mc_dropout")
    key = ("standard", "deep_ensemble", "6", NOISE.name, "predictive_entropy", "auroc")
    interval = compared.intervals[key]
    if min(clean, ood) < 30:
        assert math.isnan(interval.half_width)
        assert interval.reason == row.reason == "no interval: fewer than 30 images of one kind"
        assert row.p_value is None
        return
    index = [m.name for m in task.metrics].index("auroc"), 0, result.units.index(ENSEMBLE)
    error = math.sqrt(result.covariance[(*index, index[-1])])
    assert interval.half_width == pytest.approx(stats.t.ppf(0.975, 29) * error)
    assert row.p_value is not None


def test_replicates_widen_the_interval(predictions: Predictions) -> None:
    result = estimates(predictions, LABELS)
    losses = np.stack(
        [
            -np.log(predictions[unit, "clean"].prediction.mean.numpy())[
                np.arange(IMAGES), predictions[unit, "clean"].labels.numpy()
            ]
            for unit in DROPOUT
        ]
    )
    covariance = np.cov(losses, ddof=0) / IMAGES
    shared = max(0.0, (covariance.sum() - covariance.trace()) / 6)
    parts = (
        stats.t.ppf(0.975, 2) * stats.sem(losses.mean(axis=1)),
        stats.t.ppf(0.975, IMAGES - 1) * math.sqrt(shared),
    )
    interval = result.intervals["standard", "mc_dropout", "4", "clean", "", "nll"]
    assert interval.half_width == pytest.approx(math.hypot(*parts), rel=0.08)


def test_difference_is_paired_by_image_and_has_cohens_effect_size(predictions: Predictions) -> None:
    row = comparison(estimates(predictions, LABELS), "clean", "brier", "deep_ensemble", "softmax")
    briers = [
        np.square(
            predictions[unit, "clean"].prediction.mean.numpy()
            - np.eye(10)[predictions[unit, "clean"].labels.numpy()]
        ).sum(axis=1)
        for unit in (ENSEMBLE, *SINGLE)
    ]
    by_image = briers[0] - np.mean(briers[1:], axis=0)
    assert row.difference == pytest.approx(by_image.mean(), abs=1e-4)
    assert row.effect_size == pytest.approx(by_image.mean() / by_image.std(), rel=0.08)
    assert row.p_value is not None
    assert row.lower is not None
    assert row.upper is not None
    assert (row.p_value < 0.05) == (not row.lower < 0 < row.upper)


def test_paired_replicates_are_compared_one_by_one(predictions: Predictions) -> None:
    row = comparison(estimates(predictions, LABELS), "clean", "nll", "mc_dropout", "softmax")
    pairs = [
        np.mean(
            [
                -np.log(predictions[unit, "clean"].prediction.mean.numpy())[
                    np.arange(IMAGES), predictions[unit, "clean"].labels.numpy()
                ]
                for unit in units
            ],
            axis=1,
        )
        for units in (DROPOUT, SINGLE)
    ]
    differences = pairs[0] - pairs[1]
    assert row.difference == pytest.approx(differences.mean(), abs=1e-4)
    # At least as wide as Student's t over the pairs of replicates.
    assert row.upper is not None
    half = stats.t.ppf(0.975, 2) * stats.sem(differences)
    assert row.upper - row.difference >= 0.999 * half


def test_nothing_is_tested_where_no_value_is_better_or_labels_are_ill_defined(
    predictions: Predictions,
) -> None:
    assert {row.p_value for row in estimates(predictions, MEANS).comparisons} == {None}
    binned = estimates(predictions, CALIBRATION).comparisons
    assert {row.metric for row in binned if row.p_value is not None} == {"squared_ce_debiased"}
    assert all(row.lower is not None for row in binned)
    labelled = estimates(predictions, LABELS).comparisons
    assert {row.condition for row in labelled} == {
        *("clean", "rotated-030", "rotated-060", "rotated-mean"),
    }
    assert all(row.p_value is not None for row in labelled)
    ranked = estimates(predictions, "predictive_entropy").comparisons
    detection = {row.condition for row in ranked if row.metric in ("auroc", "fpr95")}
    assert detection == {"rotated-mean"}


def test_methods_with_different_training_images_are_not_compared(predictions: Predictions) -> None:
    task, result = task_of(LABELS), resampled(predictions, LABELS, ROTATED)
    fewer, whole = ("softmax", "mc_dropout"), ("deep_ensemble",)
    splits = {("standard", name): "training" for name in fewer}
    splits |= {("standard", name): "all" for name in whole}
    marked = compare(task, result, replace(RELATIONS, splits=splits))
    compared = {frozenset((row.method, row.other_method)) for row in marked.comparisons}
    assert compared == {frozenset(fewer)}
    assert marked.intervals == compare(task, result, RELATIONS).intervals


def test_order_of_the_units_does_not_matter_and_the_seed_does(predictions: Predictions) -> None:
    task = task_of(LABELS)

    def result(units: list[RunUnit], seed: int) -> Estimates:
        load = lambda unit, name: predictions.get((unit, name))  # noqa: E731
        one = resample(task, units, load, resamples=100, seed=seed)
        assert one is not None
        return compare(task, one, RELATIONS)

    assert result(UNITS, 0) == result(UNITS[::-1], 0)
    assert result(UNITS, 0).comparisons != result(UNITS, 1).comparisons


def test_replicate_that_failed_leaves_the_others(predictions: Predictions) -> None:
    fewer = {key: stored for key, stored in predictions.items() if key[0] != SINGLE[1]}
    result = estimates(fewer, LABELS)
    assert result.intervals["standard", "softmax", "1", "clean", "", "nll"].half_width > 0
    row = comparison(result, "clean", "nll", "mc_dropout", "softmax")
    assert row.difference is not None


def test_replicates_without_two_in_common_are_compared_as_of_other_networks(
    predictions: Predictions,
) -> None:
    gone = (SINGLE[0], DROPOUT[1])  # left are 1 and 2, and 0 and 2
    fewer = {key: stored for key, stored in predictions.items() if key[0] not in gone}
    row = comparison(estimates(fewer, LABELS), "clean", "nll", "mc_dropout", "softmax")
    losses = [
        -np.log(predictions[unit, "clean"].prediction.mean.numpy())[
            np.arange(IMAGES), predictions[unit, "clean"].labels.numpy()
        ].mean()
        for unit in (DROPOUT[0], DROPOUT[2], SINGLE[1], SINGLE[2])
    ]
    assert row.difference == pytest.approx(np.mean(losses[:2]) - np.mean(losses[2:]), abs=1e-4)


def test_single_replicate_is_compared_with_the_one_of_its_network(predictions: Predictions) -> None:
    fewer = {key: stored for key, stored in predictions.items() if key[0] not in DROPOUT[:2]}
    row = comparison(estimates(fewer, LABELS), "clean", "nll", "mc_dropout", "softmax")
    losses = [
        -np.log(predictions[unit, "clean"].prediction.mean.numpy())[
            np.arange(IMAGES), predictions[unit, "clean"].labels.numpy()
        ].mean()
        for unit in (DROPOUT[2], SINGLE[2])
    ]
    assert row.difference == pytest.approx(losses[0] - losses[1], abs=1e-4)


def test_condition_without_predictions_has_no_rows(predictions: Predictions) -> None:
    fewer = {key: stored for key, stored in predictions.items() if key[1] != "rotated-030"}
    result = estimates(fewer, LABELS)
    assert {key[3] for key in result.intervals} == {"clean", "rotated-060", "rotated-120"}


def test_value_that_no_resample_changes_has_no_interval(predictions: Predictions) -> None:
    right = dict(predictions)
    labels = predictions[ENSEMBLE, "clean"].labels
    assert labels is not None
    certain = torch.nn.functional.one_hot(labels, 10).double()[None].repeat(6, 1, 1)
    right[ENSEMBLE, "clean"] = StoredPrediction(Prediction.of(certain), labels)
    interval = estimates(right, LABELS).intervals[
        *("standard", "deep_ensemble", "6", "clean", "", "accuracy"),
    ]
    assert math.isnan(interval.half_width)
    assert interval.reason == ALIKE


def test_certain_difference_has_no_p_value_and_certain_equality_one_of_1(
    predictions: Predictions,
) -> None:
    labels = predictions[ENSEMBLE, "clean"].labels
    assert labels is not None
    right = torch.nn.functional.one_hot(labels, 10).double()[None]
    wrong = right.roll(1, dims=-1)

    def accuracy_of(softmax: torch.Tensor) -> Comparison:
        alike = {
            (unit, "clean"): StoredPrediction(Prediction.of(softmax), labels) for unit in SINGLE
        }
        one = {(ENSEMBLE, "clean"): StoredPrediction(Prediction.of(right), labels)}
        result = estimates(predictions | alike | one, LABELS)
        return comparison(result, "clean", "accuracy", "deep_ensemble", "softmax")

    apart, equal = accuracy_of(wrong), accuracy_of(right)
    assert (apart.difference, apart.reason) == (1, ALIKE)
    assert apart.p_value is not None
    assert math.isnan(apart.p_value)
    assert (equal.difference, equal.p_value) == (0, 1)


def test_measure_that_resamples_can_lack_has_no_interval(predictions: Predictions) -> None:
    few = dict(predictions)
    stored = predictions[ENSEMBLE, "clean"]
    labels = stored.prediction.mean.argmax(dim=1)
    labels[0] = (labels[0] + 1) % 10  # a single error
    few[ENSEMBLE, "clean"] = replace(stored, labels=labels)
    result = estimates(few, "predictive_entropy")
    key = ("standard", "deep_ensemble", "6", "clean", "predictive_entropy")
    assert result.intervals[*key, "misclassification_auroc"].reason == TOO_FEW
    assert result.intervals[*key, "aurc"].half_width > 0
    row = comparison(result, "clean", "misclassification_auroc", "deep_ensemble", "softmax")
    assert (row.lower, row.p_value, row.reason) == (
        pytest.approx(math.nan, nan_ok=True),
        None,
        TOO_FEW,
    )


def test_infinite_loss_is_compared_with_nothing(predictions: Predictions) -> None:
    infinite = dict(predictions)
    stored = predictions[ENSEMBLE, "clean"]
    assert stored.labels is not None
    mean = stored.prediction.mean.clone()
    mean[0] = torch.eye(10, dtype=torch.float64)[(stored.labels[0] + 1) % 10]
    infinite[ENSEMBLE, "clean"] = replace(stored, prediction=replace(stored.prediction, mean=mean))
    result = estimates(infinite, LABELS)
    key = ("standard", "deep_ensemble", "6", "clean", "", "nll")
    assert math.isnan(result.intervals[key].half_width)
    row = comparison(result, "clean", "nll", "deep_ensemble", "softmax")
    assert (row.difference, row.status) == (None, "undefined")
    assert comparison(result, "clean", "brier", "deep_ensemble", "softmax").status == "ok"


def test_largest_sizes_and_their_equals_are_all_compared_and_others_with_their_own() -> None:
    variants = [
        Variant("standard", *pair)
        for pair in (
            *(("deep_ensemble", "1"), ("deep_ensemble", "5"), ("deep_ensemble", "20")),
            *(("deep_ensemble", "50"), ("mc_dropout", "10"), ("mc_dropout", "50")),
            *(("mc_dropout", "100"), ("softmax", "1")),
        )
    ]
    pairs = {(one[1:], other[1:]) for one, other in pairs_compared(variants)}
    main = [("deep_ensemble", "50"), ("mc_dropout", "50"), ("mc_dropout", "100"), ("softmax", "1")]
    assert pairs == {
        *((one, other) for i, one in enumerate(main) for other in main[i + 1 :]),
        *((("deep_ensemble", size), ("deep_ensemble", "50")) for size in ("1", "5", "20")),
        (("mc_dropout", "10"), ("mc_dropout", "100")),
    }


def test_p_values_are_corrected_within_family_split_metric_and_score() -> None:
    row = Comparison(
        **{"family": "main", "split": "all", "condition": "clean", "metric": "nll", "score": ""},
        **{"recipe": "a", "method": "m", "members": "1", "images": 10},
        **{"other_recipe": "b", "other_method": "n", "other_members": "1"},
    )
    p_values = {"main": [0.01, 0.04, 0.03], "sizes": [0.02, None, 0.5]}
    rows = [
        replace(row, family=family, condition=f"c{i}", p_value=p)
        for family, values in p_values.items()
        for i, p in enumerate(values)
    ]
    table = comparisons_table(rows[::-1])
    assert list(table["p_holm"][:3]) == holm(np.array([0.01, 0.04, 0.03])).tolist()
    assert list(table["p_holm"][3:]) == pytest.approx([0.04, math.nan, 0.5], nan_ok=True)
    assert list(table.columns) == list(types_of(Comparison))
    pd.testing.assert_frame_equal(table, comparisons_table(rows))
    assert comparisons_table([]).empty
    # Computed twice, it may differ in its last bit, and is one comparison all the same.
    twice = [*rows, replace(rows[0], p_value=math.nextafter(0.01, 1))]
    pd.testing.assert_frame_equal(table, comparisons_table(twice))


def test_every_row_of_the_summary_has_an_interval_or_a_reason(predictions: Predictions) -> None:
    fewer = {key: stored for key, stored in predictions.items() if key[0].method != "deep_ensemble"}
    whole = all_measurements(predictions, ROTATED)
    groups: tuple[Group, ...] = (MEANS, LABELS, CALIBRATION, *of_probabilities())
    intervals = {}
    for group in groups:
        intervals.update(estimates(fewer, group).intervals)
    summary = summarise(whole, intervals)
    without = summary[summary["lower"].isna()]
    assert {"softmax", "deep_ensemble"} <= set(without["method"])
    assert (without["reason"] != "").all()
    assert (summary[summary["lower"].notna()]["method"] != "deep_ensemble").all()
