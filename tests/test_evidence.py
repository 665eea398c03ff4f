"""From shards to intervals and comparisons, against computations of their own."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from benchmarks.conditions import CONDITIONS, EXACT_CONDITIONS, Condition
from benchmarks.evidence import (
    ALIKE,
    TOO_FEW,
    UNPAIRED,
    Evidence,
    Variant,
    comparisons_table,
    pairs_compared,
    weigh,
)
from benchmarks.measure import SCORES, measure, measured
from benchmarks.predictions import Cell, Shard
from benchmarks.records import Comparison, Measurement, as_table, summarise
from benchmarks.resampled import Resampled, Unit, resample, units
from benchmarks.rotations import mean_over_rotations
from benchmarks.statistics.differences import holm
from methods import Prediction

IMAGES, RESAMPLES = 300, 1000

NAMES = ("clean", "rotated-030", "rotated-060", "rotated-120")
TURNED = tuple(CONDITIONS[name] for name in NAMES)
NOISE = CONDITIONS["ood-uniform_noise"]

SINGLE = [Cell("standard", "softmax", None, r) for r in range(3)]
DROPOUT = [Cell("standard", "mc_dropout", 4, r) for r in range(3)]
ENSEMBLE = Cell("standard", "deep_ensemble", 6, 0)
CELLS = [*SINGLE, *DROPOUT, ENSEMBLE]

Shards = dict[tuple[Cell, str], Shard]


def judge(random: np.random.Generator, labels: NDArray[np.int64], cell: Cell, angle: int) -> Shard:
    members = {"softmax": 1, "mc_dropout": 4, "deep_ensemble": 6}[cell.method]
    spread = 1.0 + angle / 60
    logits = spread * random.normal(size=(1, len(labels), 10))
    logits = logits + 0.5 * random.normal(size=(members, len(labels), 10))
    logits[:, np.arange(len(labels)), labels] += 2.5
    return Shard(Prediction.of_logits(torch.from_numpy(logits)), torch.from_numpy(labels))


@pytest.fixture(scope="module")
def shards() -> Shards:
    random = np.random.default_rng(0)
    labels = random.integers(10, size=IMAGES)
    made = {
        (cell, condition.name): judge(random, labels, cell, condition.angle)
        for cell in CELLS
        for condition in TURNED
    }
    for cell in CELLS:
        ood = judge(random, random.integers(10, size=200), cell, 90)
        made[cell, NOISE.name] = replace(ood, labels=None)
    return made


def resampled(shards: Shards, family: str, conditions: tuple[Condition, ...] = TURNED) -> Resampled:
    found = resample(
        Unit("standard", conditions, family),
        reversed(CELLS),  # in whatever order they come
        lambda cell, name: shards.get((cell, name)),
        resamples=RESAMPLES,
        seed=0,
    )
    assert found is not None
    return found


def evidence(shards: Shards, family: str, conditions: tuple[Condition, ...] = TURNED) -> Evidence:
    return weigh(Unit("standard", conditions, family), resampled(shards, family, conditions))


def all_measurements(shards: Shards, conditions: tuple[Condition, ...]) -> pd.DataFrame:
    """Every measure of every cell, computed without resampling."""
    table = as_table(
        row
        for cell in CELLS
        for condition in conditions
        for row in measure(cell, condition, shards[cell, condition.name], shards[cell, "clean"])
    )
    return pd.concat([table, mean_over_rotations(table)])


def comparison(found: Evidence, condition: str, metric: str, one: str, other: str) -> Comparison:
    (row,) = [
        row
        for row in found.comparisons
        if (row.condition, row.metric, row.method, row.other_method)
        == (condition, metric, one, other)
    ]
    return row


FAMILIES = ("means", "labels", "calibration", "predictive_entropy", "pairwise_disagreement")


@pytest.mark.parametrize("conditions", [TURNED, (NOISE,)], ids=["turned", "noise"])
@pytest.mark.parametrize("family", FAMILIES)
def test_estimates_are_the_measurements(
    family: str, conditions: tuple[Condition, ...], shards: Shards
) -> None:
    if family in ("labels", "calibration") and conditions == (NOISE,):
        nothing = resample(
            Unit("standard", conditions, family),
            CELLS,
            lambda cell, name: shards.get((cell, name)),
            resamples=100,
            seed=0,
        )
        assert nothing is None
        return
    found = resampled(shards, family, conditions)
    unit = Unit("standard", conditions, family)
    whole = all_measurements(shards, conditions)
    expected = {
        (row["method"], row["replicate"], row["condition"], row["metric"]): row["value"]
        for row in whole[whole["score"] == unit.score].to_dict("records")
    }
    assert list(found.cells) == sorted(CELLS)
    assert found.conditions == (
        *(condition.name for condition in conditions),
        *(("rotated-mean",) if conditions == TURNED else ()),
    )
    for m, metric in enumerate(unit.metrics):
        for k, condition in enumerate(found.conditions):
            for c, cell in enumerate(found.cells):
                value = expected.get((cell.method, cell.replicate, condition, metric), math.nan)
                assert found.estimates[m, k, c] == pytest.approx(value, rel=1e-9, nan_ok=True)


def test_every_measure_but_prevalence_belongs_to_a_unit() -> None:
    conditions = (*TURNED, NOISE, *EXACT_CONDITIONS)
    parts = units(["standard", "plain"], conditions, ["own"])
    assert len(set(parts)) == len(parts)
    for condition in conditions:
        wanted = set(measured(condition, ("own",))) - {("prevalence", "")}
        for recipe in ("standard", "plain"):
            found = {
                (metric, unit.score)
                for unit in parts
                if unit.recipe == recipe and condition in unit.conditions
                for metric in unit.metrics
            }
            assert wanted <= found
    for unit in parts:
        assert len({condition.reference for condition in unit.conditions}) == 1
        assert len({condition.dataset for condition in unit.conditions}) == 1


def test_interval_of_the_ensembles_accuracy_is_that_of_a_share(shards: Shards) -> None:
    found = evidence(shards, "labels")
    shard = shards[ENSEMBLE, "clean"]
    accuracy = float((shard.prediction.mean.argmax(dim=1) == shard.labels).double().mean())
    error = math.sqrt(accuracy * (1 - accuracy) / IMAGES)
    interval = found.intervals["standard", "deep_ensemble", "6", "clean", "", "accuracy"]
    expected = stats.t.ppf(0.975, IMAGES - 1) * error
    assert interval.half_width == pytest.approx(expected, rel=0.08)


def test_interval_of_the_mean_over_rotations_draws_an_image_and_its_rotations_together(
    shards: Shards,
) -> None:
    found = evidence(shards, "labels")
    per_image = torch.stack(
        [
            shards[ENSEMBLE, name].prediction.mean.gather(1, shards[ENSEMBLE, name].labels[:, None])
            for name in ("rotated-030", "rotated-060")
        ]
    )
    losses = -per_image.log().mean(dim=0).numpy()
    interval = found.intervals["standard", "deep_ensemble", "6", "rotated-mean", "", "nll"]
    expected = stats.t.ppf(0.975, IMAGES - 1) * losses.std() / math.sqrt(IMAGES)
    assert interval.half_width == pytest.approx(expected, rel=0.08)


def test_interval_of_auroc_is_delongs(shards: Shards) -> None:
    """DeLong, DeLong & Clarke-Pearson 1988: the variances of the two kinds' placements."""
    found = evidence(shards, "predictive_entropy", (NOISE,))
    clean, ood = (
        stats.entropy(shards[ENSEMBLE, name].prediction.mean.numpy(), axis=1)
        for name in ("clean", NOISE.name)
    )
    won = (ood[:, None] > clean) + 0.5 * (ood[:, None] == clean)
    variance = won.mean(axis=1).var(ddof=1) / 200 + won.mean(axis=0).var(ddof=1) / IMAGES
    interval = found.intervals[
        *("standard", "deep_ensemble", "6", NOISE.name, "predictive_entropy", "auroc"),
    ]
    expected = stats.t.ppf(0.975, 199) * math.sqrt(variance)
    assert interval.half_width == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize(("clean", "ood"), [(30, 200), (300, 30), (29, 200), (300, 1)])
def test_detection_is_as_sure_as_the_fewer_of_the_two_kinds_are_many(
    clean: int, ood: int, shards: Shards
) -> None:
    def first(shard: Shard, images: int) -> Shard:
        prediction = replace(
            shard.prediction,
            mean=shard.prediction.mean[:images],
            vote_share=shard.prediction.vote_share[:images],
            expected_entropy=shard.prediction.expected_entropy[:images],
        )
        return Shard(prediction, None if shard.labels is None else shard.labels[:images])

    counts = {"clean": clean, NOISE.name: ood}
    few = {key: first(shards[key], counts[key[1]]) for key in shards if key[1] in counts}
    unit = Unit("standard", (NOISE,), "predictive_entropy")
    found = resampled(few, unit.family, unit.conditions)
    weighed = weigh(unit, found)
    row = comparison(weighed, NOISE.name, "auroc", "deep_ensemble", "mc_dropout")
    key = ("standard", "deep_ensemble", "6", NOISE.name, "predictive_entropy", "auroc")
    interval = weighed.intervals[key]
    if min(clean, ood) < 30:
        assert math.isnan(interval.half_width)
        assert interval.reason == row.reason == "no interval: fewer than 30 images of one kind"
        assert row.p_value is None
        return
    place = unit.metrics.index("auroc"), 0, found.cells.index(ENSEMBLE)
    error = math.sqrt(found.covariance[(*place, place[-1])])
    assert interval.half_width == pytest.approx(stats.t.ppf(0.975, 29) * error)
    assert row.p_value is not None


def test_replicates_widen_the_interval(shards: Shards) -> None:
    found = evidence(shards, "labels")
    losses = np.stack(
        [
            -np.log(shards[cell, "clean"].prediction.mean.numpy())[
                np.arange(IMAGES), shards[cell, "clean"].labels.numpy()
            ]
            for cell in DROPOUT
        ]
    )
    covariance = np.cov(losses, ddof=0) / IMAGES
    shared = max(0.0, (covariance.sum() - covariance.trace()) / 6)
    parts = (
        stats.t.ppf(0.975, 2) * stats.sem(losses.mean(axis=1)),
        stats.t.ppf(0.975, IMAGES - 1) * math.sqrt(shared),
    )
    interval = found.intervals["standard", "mc_dropout", "4", "clean", "", "nll"]
    assert interval.half_width == pytest.approx(math.hypot(*parts), rel=0.08)


def test_difference_is_paired_by_image_and_has_cohens_effect_size(shards: Shards) -> None:
    row = comparison(evidence(shards, "labels"), "clean", "brier", "deep_ensemble", "softmax")
    briers = [
        np.square(
            shards[cell, "clean"].prediction.mean.numpy()
            - np.eye(10)[shards[cell, "clean"].labels.numpy()]
        ).sum(axis=1)
        for cell in (ENSEMBLE, *SINGLE)
    ]
    by_image = briers[0] - np.mean(briers[1:], axis=0)
    assert row.difference == pytest.approx(by_image.mean(), abs=1e-4)
    assert row.effect_size == pytest.approx(by_image.mean() / by_image.std(), rel=0.08)
    assert row.p_value is not None
    assert row.lower is not None
    assert row.upper is not None
    assert (row.p_value < 0.05) == (not row.lower < 0 < row.upper)


def test_paired_replicates_are_compared_one_by_one(shards: Shards) -> None:
    row = comparison(evidence(shards, "labels"), "clean", "nll", "mc_dropout", "softmax")
    pairs = [
        np.mean(
            [
                -np.log(shards[cell, "clean"].prediction.mean.numpy())[
                    np.arange(IMAGES), shards[cell, "clean"].labels.numpy()
                ]
                for cell in cells
            ],
            axis=1,
        )
        for cells in (DROPOUT, SINGLE)
    ]
    differences = pairs[0] - pairs[1]
    assert row.difference == pytest.approx(differences.mean(), abs=1e-4)
    # At least as wide as Student's t over the pairs of replicates.
    assert row.upper is not None
    half = stats.t.ppf(0.975, 2) * stats.sem(differences)
    assert row.upper - row.difference >= 0.999 * half


def test_nothing_is_tested_where_no_value_is_better_or_labels_are_doubtful(shards: Shards) -> None:
    assert {row.p_value for row in evidence(shards, "means").comparisons} == {None}
    binned = evidence(shards, "calibration").comparisons
    assert {row.metric for row in binned if row.p_value is not None} == {"squared_ce_debiased"}
    assert all(row.lower is not None for row in binned)
    labelled = evidence(shards, "labels").comparisons
    assert {row.condition for row in labelled} == {
        *("clean", "rotated-030", "rotated-060", "rotated-mean"),
    }
    assert all(row.p_value is not None for row in labelled)
    ranked = evidence(shards, "predictive_entropy").comparisons
    detection = {row.condition for row in ranked if row.metric in ("auroc", "fpr95")}
    assert detection == {"rotated-mean"}


def test_order_of_the_cells_does_not_matter_and_the_seed_does(shards: Shards) -> None:
    unit = Unit("standard", TURNED, "labels")

    def found(cells: list[Cell], seed: int) -> Evidence:
        load = lambda cell, name: shards.get((cell, name))  # noqa: E731
        one = resample(unit, cells, load, resamples=100, seed=seed)
        assert one is not None
        return weigh(unit, one)

    assert found(CELLS, 0) == found(CELLS[::-1], 0)
    assert found(CELLS, 0).comparisons != found(CELLS, 1).comparisons


def test_replicate_that_failed_leaves_the_others(shards: Shards) -> None:
    fewer = {key: shard for key, shard in shards.items() if key[0] != SINGLE[1]}
    found = evidence(fewer, "labels")
    assert found.intervals["standard", "softmax", "1", "clean", "", "nll"].half_width > 0
    row = comparison(found, "clean", "nll", "mc_dropout", "softmax")
    assert row.difference is not None


def test_one_common_replicate_of_several_is_no_difference_and_says_so(shards: Shards) -> None:
    gone = (SINGLE[0], DROPOUT[1])  # left are 1 and 2, and 0 and 2
    fewer = {key: shard for key, shard in shards.items() if key[0] not in gone}
    row = comparison(evidence(fewer, "labels"), "clean", "nll", "mc_dropout", "softmax")
    assert (row.status, row.reason) == ("undefined", UNPAIRED)
    assert row.difference is row.p_value is None


def test_condition_without_shards_has_no_rows(shards: Shards) -> None:
    fewer = {key: shard for key, shard in shards.items() if key[1] != "rotated-030"}
    found = evidence(fewer, "labels")
    assert {key[3] for key in found.intervals} == {"clean", "rotated-060", "rotated-120"}


def test_value_that_no_resample_changes_has_no_interval(shards: Shards) -> None:
    right = dict(shards)
    labels = shards[ENSEMBLE, "clean"].labels
    assert labels is not None
    certain = torch.nn.functional.one_hot(labels, 10).double()[None].repeat(6, 1, 1)
    right[ENSEMBLE, "clean"] = Shard(Prediction.of(certain), labels)
    interval = evidence(right, "labels").intervals[
        *("standard", "deep_ensemble", "6", "clean", "", "accuracy"),
    ]
    assert math.isnan(interval.half_width)
    assert interval.reason == ALIKE


def test_certain_difference_has_no_p_value_and_certain_equality_one_of_1(shards: Shards) -> None:
    labels = shards[ENSEMBLE, "clean"].labels
    assert labels is not None
    right = torch.nn.functional.one_hot(labels, 10).double()[None]
    wrong = right.roll(1, dims=-1)

    def accuracy_of(softmax: torch.Tensor) -> Comparison:
        alike = {(cell, "clean"): Shard(Prediction.of(softmax), labels) for cell in SINGLE}
        one = {(ENSEMBLE, "clean"): Shard(Prediction.of(right), labels)}
        found = evidence(shards | alike | one, "labels")
        return comparison(found, "clean", "accuracy", "deep_ensemble", "softmax")

    apart, equal = accuracy_of(wrong), accuracy_of(right)
    assert (apart.difference, apart.reason) == (1, ALIKE)
    assert apart.p_value is not None
    assert math.isnan(apart.p_value)
    assert (equal.difference, equal.p_value) == (0, 1)


def test_measure_that_resamples_can_lack_has_no_interval(shards: Shards) -> None:
    few = dict(shards)
    shard = shards[ENSEMBLE, "clean"]
    labels = shard.prediction.mean.argmax(dim=1)
    labels[0] = (labels[0] + 1) % 10  # a single error
    few[ENSEMBLE, "clean"] = replace(shard, labels=labels)
    found = evidence(few, "predictive_entropy")
    key = ("standard", "deep_ensemble", "6", "clean", "predictive_entropy")
    assert found.intervals[*key, "misclassification_auroc"].reason == TOO_FEW
    assert found.intervals[*key, "aurc"].half_width > 0
    row = comparison(found, "clean", "misclassification_auroc", "deep_ensemble", "softmax")
    assert (row.lower, row.p_value, row.reason) == (
        pytest.approx(math.nan, nan_ok=True),
        None,
        TOO_FEW,
    )


def test_infinite_loss_is_compared_with_nothing(shards: Shards) -> None:
    infinite = dict(shards)
    shard = shards[ENSEMBLE, "clean"]
    assert shard.labels is not None
    mean = shard.prediction.mean.clone()
    mean[0] = torch.eye(10, dtype=torch.float64)[(shard.labels[0] + 1) % 10]
    infinite[ENSEMBLE, "clean"] = replace(shard, prediction=replace(shard.prediction, mean=mean))
    found = evidence(infinite, "labels")
    key = ("standard", "deep_ensemble", "6", "clean", "", "nll")
    assert math.isnan(found.intervals[key].half_width)
    row = comparison(found, "clean", "nll", "deep_ensemble", "softmax")
    assert (row.difference, row.status) == (None, "undefined")
    assert comparison(found, "clean", "brier", "deep_ensemble", "softmax").status == "ok"


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


def test_p_values_are_corrected_within_recipe_metric_and_score() -> None:
    row = Comparison(
        **{"recipe": "a", "condition": "clean", "metric": "nll", "score": "", "method": "m"},
        **{"members": "1", "other_method": "n", "other_members": "1", "images": 10},
    )
    p_values = {"a": [0.01, 0.04, 0.03], "b": [0.02, None, 0.5]}
    rows = [
        replace(row, recipe=recipe, condition=f"c{i}", p_value=p)
        for recipe, values in p_values.items()
        for i, p in enumerate(values)
    ]
    table = comparisons_table(rows[::-1])
    assert list(table["p_holm"][:3]) == holm(np.array([0.01, 0.04, 0.03])).tolist()
    assert list(table["p_holm"][3:]) == pytest.approx([0.04, math.nan, 0.5], nan_ok=True)
    assert list(table.columns) == [
        *("recipe", "condition", "metric", "score", "method", "members", "other_method"),
        *("other_members", "difference", "lower", "upper", "p_value", "p_holm", "effect_size"),
        *("images", "status", "reason"),
    ]
    pd.testing.assert_frame_equal(table, comparisons_table(rows))
    assert comparisons_table([]).empty


def test_every_row_of_the_summary_has_an_interval_or_a_reason(shards: Shards) -> None:
    fewer = {key: shard for key, shard in shards.items() if key[0].method != "deep_ensemble"}
    whole = all_measurements(shards, TURNED)
    families = ("means", "labels", "calibration", *SCORES)
    intervals = {}
    for family in families:
        intervals.update(evidence(fewer, family).intervals)
    summary = summarise(whole, intervals)
    without = summary[summary["lower"].isna()]
    assert {"softmax", "deep_ensemble"} <= set(without["method"])
    assert (without["reason"] != "").all()
    assert (summary[summary["lower"].notna()]["method"] != "deep_ensemble").all()


def test_mean_over_rotations_leaves_out_doubtful_and_small_conditions() -> None:
    row = Measurement("standard", "softmax", 0, "1", "rotated-030", "", "nll", 1.0, 9)
    others = {"rotated-090": 2.0, "rotated-105": 50.0, "exact-rotated-045": 50.0, "clean": 50.0}
    rows = [row, *(replace(row, condition=name, value=v) for name, v in others.items())]
    (mean,) = mean_over_rotations(as_table(rows)).to_dict("records")
    assert (mean["condition"], mean["value"]) == ("rotated-mean", 1.5)
