"""Intervals and comparisons of predictions, against independent computations."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from benchmarks.inference.comparisons import Estimates, compare, comparisons_table
from benchmarks.inference.evidence import Evidence
from benchmarks.inference.intervals import ALIKE, TOO_FEW, Interval, Relations
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.questions import Budgets
from benchmarks.schema import Comparison, table_of, types_of
from benchmarks.vocabulary import Verdict
from methods import Prediction
from tests.measuring import Predictions, compared, gathered, measurements
from tests.runs import CONDITIONS

IMAGES, OTHERS, RESAMPLES = 300, 200, 1000

CLEAN, NOISE = CONDITIONS["clean"], CONDITIONS["ood-uniform_noise"]
ROTATED = tuple(CONDITIONS[name] for name in ("rotated-030", "rotated-045", "rotated-120"))
EVERY = (CLEAN, *ROTATED, NOISE)

SINGLE = [RunUnit("softmax", None, 1, r) for r in range(3)]
DROPOUT = [RunUnit("mc_dropout", 4, 1, r) for r in range(3)]
ENSEMBLE = RunUnit("deep_ensemble", 6, 6, 0)
UNITS = [*SINGLE, *DROPOUT, ENSEMBLE]
RELATIONS = Relations(Budgets(frozenset(["deep_ensemble"])))
MEMBERS = {"softmax": 1, "mc_dropout": 4, "deep_ensemble": 6}

Floats = NDArray[np.float64]


def predict(
    random: np.random.Generator, labels: NDArray[np.int64], unit: RunUnit, angle: float
) -> StoredPrediction:
    logits = (1 + angle / 60) * random.normal(size=(1, len(labels), 10))
    logits = logits + 0.5 * random.normal(size=(MEMBERS[unit.method], len(labels), 10))
    logits[:, np.arange(len(labels)), labels] += 2.5
    return StoredPrediction(
        Prediction.of_logits(torch.from_numpy(logits)), torch.from_numpy(labels)
    )


def made_up() -> dict[tuple[RunUnit, str], StoredPrediction]:
    random = np.random.default_rng(0)
    labels = random.integers(10, size=IMAGES)
    made = {
        (unit, condition.name): predict(random, labels, unit, condition.severity or 0)
        for unit in UNITS
        for condition in (CLEAN, *ROTATED)
    }
    for unit in UNITS:
        of_noise = predict(random, random.integers(10, size=OTHERS), unit, 90)
        made[unit, NOISE.name] = replace(of_noise, labels=None)
    return made


MADE = made_up()


@pytest.fixture(scope="module")
def known() -> dict[str, Evidence]:
    """In whatever order the units come."""
    return gathered(dict(reversed(MADE.items())), EVERY, resamples=RESAMPLES)


@pytest.fixture(scope="module")
def estimates(known: dict[str, Evidence]) -> Estimates:
    return compared(known, RELATIONS)


def of_losses(predictions: Predictions) -> Estimates:
    """Under clean and rotated conditions."""
    return compared(gathered(predictions, (CLEAN, *ROTATED), ("nll", "brier")), RELATIONS)


def without(*units: RunUnit) -> Predictions:
    return {key: stored for key, stored in MADE.items() if key[0] not in units}


def comparison(result: Estimates, condition: str, metric: str, one: str, other: str) -> Comparison:
    (row,) = [
        row
        for row in result.comparisons
        if (row.condition, row.metric, row.method, row.other_method)
        == (condition, metric, one, other)
        and row.score in ("", "predictive_entropy")
        and row.question == ""
    ]
    return row


def interval(result: Estimates, unit: RunUnit, condition: str, metric: str) -> Interval:
    keys = {
        key
        for key in result.intervals
        if (key[0], key[3], key[5]) == (unit.method, condition, metric)
        and key[4] in ("", "predictive_entropy")
    }
    return result.intervals[keys.pop()]


def losses(*units: RunUnit, condition: str = "clean") -> Floats:
    """Of each unit the NLL of each image."""
    of_all = [MADE[unit, condition] for unit in units]
    return np.stack(
        [
            -np.log(one.prediction.mean.numpy()[np.arange(IMAGES), one.labels.numpy()])
            for one in of_all
        ]
    )


def test_evidence_has_the_measurements(known: dict[str, Evidence]) -> None:
    """All that vary with the draw of images; no mean where one of its parts is undefined."""
    table = measurements(MADE, EVERY)
    varying = table[table["value"].notna() & (table["metric"] != "prevalence")]
    columns = ("condition", "metric", "score", "method", "replicate", "value")
    expected = {tuple(key): value for *key, value in varying[list(columns)].to_numpy().tolist()}
    found = {
        (condition, metric, scored.score, scored.variant.method, replicate): value
        for condition, evidence in known.items()
        for metric, sums in evidence.metrics.items()
        for scored, values in sums.values.items()
        for replicate, value in values.items()
    }
    assert set(known) == {*(condition.name for condition in EVERY), "rotated-mean"}
    assert found == pytest.approx(expected, rel=1e-9)


def test_interval_of_the_means_over_groups_draws_an_image_and_its_rotations_together(
    estimates: Estimates,
) -> None:
    both = [losses(ENSEMBLE, condition=name)[0] for name in ("rotated-030", "rotated-045")]
    expected = stats.t.ppf(0.975, IMAGES - 1) * np.mean(both, axis=0).std() / math.sqrt(IMAGES)
    found = interval(estimates, ENSEMBLE, "rotated-mean", "nll")
    assert found.half_width == pytest.approx(expected, rel=1e-6)


def delong_error(clean: Floats, ood: Floats) -> float:
    """DeLong, DeLong & Clarke-Pearson 1988: the variances of the two kinds' placements."""
    won = (ood[:, None] > clean) + 0.5 * (ood[:, None] == clean)
    return math.sqrt(won.mean(axis=1).var() / len(ood) + won.mean(axis=0).var() / len(clean))


def test_interval_of_auroc_is_delongs(estimates: Estimates) -> None:
    scores = (
        stats.entropy(MADE[ENSEMBLE, name].prediction.mean.numpy(), axis=1)
        for name in ("clean", NOISE.name)
    )
    expected = stats.t.ppf(0.975, OTHERS - 1) * delong_error(*scores)
    found = interval(estimates, ENSEMBLE, NOISE.name, "auroc")
    assert found.half_width == pytest.approx(expected)


@pytest.mark.parametrize(("clean", "ood"), [(30, 200), (300, 30), (29, 200), (300, 1)])
def test_detection_is_as_sure_as_the_fewer_of_the_two_kinds_are_many(clean: int, ood: int) -> None:
    def first(stored: StoredPrediction, images: int) -> StoredPrediction:
        arrays = ("mean", "vote_share", "expected_entropy")
        fewer = {name: getattr(stored.prediction, name)[:images] for name in arrays}
        labels = None if stored.labels is None else stored.labels[:images]
        return StoredPrediction(replace(stored.prediction, **fewer), labels)

    counts = {"clean": clean, NOISE.name: ood}
    few = {key: first(MADE[key], counts[key[1]]) for key in MADE if key[1] in counts}
    known = gathered(few, (CLEAN, NOISE), ["auroc"])
    result = compared(known, RELATIONS)
    row = comparison(result, NOISE.name, "auroc", "deep_ensemble", "mc_dropout")
    found = interval(result, ENSEMBLE, NOISE.name, "auroc")
    if min(clean, ood) < 30:
        assert math.isnan(found.half_width)
        assert found.reason == row.reason == "no interval: fewer than 30 images of one kind"
        assert row.verdict == ""
        return
    scores = (stats.entropy(few[ENSEMBLE, k].prediction.mean.numpy(), axis=1) for k in counts)
    assert found.half_width == pytest.approx(stats.t.ppf(0.975, 29) * delong_error(*scores))
    assert row.verdict in list(Verdict)


def test_replicates_widen_the_interval(estimates: Estimates) -> None:
    of_each = losses(*DROPOUT)
    covariance = np.cov(of_each, ddof=0) / IMAGES
    shared = max(0.0, (covariance.sum() - covariance.trace()) / 6)
    parts = (
        stats.t.ppf(0.975, 2) * stats.sem(of_each.mean(axis=1)),
        stats.t.ppf(0.975, IMAGES - 1) * math.sqrt(shared),
    )
    found = interval(estimates, DROPOUT[0], "clean", "nll")
    assert found.half_width == pytest.approx(math.hypot(*parts), rel=1e-6)


def test_difference_is_paired_by_image_and_has_cohens_effect_size(estimates: Estimates) -> None:
    row = comparison(estimates, "clean", "brier", "deep_ensemble", "softmax")
    briers = [
        np.square(
            MADE[unit, "clean"].prediction.mean.numpy()
            - np.eye(10)[MADE[unit, "clean"].labels.numpy()]
        ).sum(axis=1)
        for unit in (ENSEMBLE, *SINGLE)
    ]
    by_image = briers[0] - np.mean(briers[1:], axis=0)
    assert row.difference == pytest.approx(by_image.mean(), abs=1e-4)
    assert row.effect_size == pytest.approx(by_image.mean() / by_image.std(), rel=5e-3)


def test_paired_replicates_are_compared_one_by_one(estimates: Estimates) -> None:
    row = comparison(estimates, "clean", "nll", "mc_dropout", "softmax")
    differences = (losses(*DROPOUT) - losses(*SINGLE)).mean(axis=1)
    assert row.difference == pytest.approx(differences.mean(), abs=1e-4)
    # At least as wide as Student's t over the pairs of replicates.
    half = stats.t.ppf(0.975, 2) * stats.sem(differences)
    assert row.upper - row.difference >= 0.999 * half


def test_what_is_compared_and_what_has_a_verdict(estimates: Estimates) -> None:
    def rows(*metrics: str) -> list[Comparison]:
        return [row for row in estimates.comparisons if row.metric in metrics]

    # Of these, no value is better.
    assert rows("predictive_entropy", "expected_entropy", "mean_confidence", "lac_size_95") == []
    binned = rows("ece", "ece_equal_mass", "ece_debiased", "squared_ce_debiased", "mce")
    assert {row.metric for row in binned if row.verdict} == {"squared_ce_debiased"}
    assert all(row.lower is not None for row in binned)
    labelled = rows("accuracy", "nll", "brier")
    assert {row.condition for row in labelled} == {
        *("clean", "rotated-030", "rotated-045", "rotated-mean"),
    }
    assert all(row.verdict for row in labelled)
    detection = {row.condition for row in rows("auroc", "fpr95")}
    assert detection == {"rotated-mean", NOISE.name}


def test_single_conditions_are_compared_only_if_severities_are_asked_for(
    known: dict[str, Evidence], estimates: Estimates
) -> None:
    fewer = compare(known["rotated-030"], UNITS, RELATIONS, severities=())
    assert fewer.comparisons == []
    assert fewer.intervals.items() <= estimates.intervals.items()
    kept = compare(known["rotated-mean"], UNITS, RELATIONS, severities=())
    assert kept == compare(known["rotated-mean"], UNITS, RELATIONS)


def test_methods_with_different_training_images_are_not_compared(
    known: dict[str, Evidence], estimates: Estimates
) -> None:
    fewer, whole = ("softmax", "mc_dropout"), ("deep_ensemble",)
    splits = dict.fromkeys(fewer, "training") | dict.fromkeys(whole, "all")
    marked = compared(known, replace(RELATIONS, splits=splits))
    pairs = {frozenset((row.method, row.other_method)) for row in marked.comparisons}
    assert pairs == {frozenset(fewer)}
    assert marked.intervals == estimates.intervals


@pytest.mark.parametrize(
    ("left", "others_left"),
    [
        # Without two in common, compared as of other networks.
        pytest.param((0, 2), (1, 2), id="two of each"),
        pytest.param((2,), (0, 1, 2), id="the one of its network"),
    ],
)
def test_replicates_are_paired_as_far_as_they_have_networks_in_common(
    left: tuple[int, ...], others_left: tuple[int, ...]
) -> None:
    kept = [*(DROPOUT[r] for r in left), *(SINGLE[r] for r in others_left)]
    result = of_losses(without(*(unit for unit in (*SINGLE, *DROPOUT) if unit not in kept)))
    row = comparison(result, "clean", "nll", "mc_dropout", "softmax")
    others = left if len(left) == 1 else others_left
    one, other = (
        losses(*(units[r] for r in of)) for units, of in ((DROPOUT, left), (SINGLE, others))
    )
    assert row.difference == pytest.approx(one.mean() - other.mean(), abs=1e-4)


def test_certain_difference_has_no_verdict_and_certain_equality_is_as_good() -> None:
    labels = MADE[ENSEMBLE, "clean"].labels
    right = StoredPrediction(Prediction.of(torch.eye(10).double()[labels][None]), labels)
    wrong = StoredPrediction(Prediction.of(right.prediction.mean.roll(1, dims=-1)[None]), labels)

    def accuracy_of(softmax: StoredPrediction) -> tuple[Comparison, Interval]:
        all_alike = dict.fromkeys(((unit, "clean") for unit in SINGLE), softmax)
        members = right.prediction.mean.expand(MEMBERS["deep_ensemble"], -1, -1)
        made = all_alike | {(ENSEMBLE, "clean"): replace(right, prediction=Prediction.of(members))}
        result = compared(gathered(made, (CLEAN,), ["accuracy"]), RELATIONS)
        of_right = interval(result, ENSEMBLE, "clean", "accuracy")
        return comparison(result, "clean", "accuracy", "deep_ensemble", "softmax"), of_right

    (apart, no_interval), (equal, _) = accuracy_of(wrong), accuracy_of(right)
    assert (apart.difference, apart.reason) == (1, ALIKE)
    assert apart.verdict == ""
    assert math.isnan(no_interval.half_width)
    assert no_interval.reason == ALIKE
    assert (equal.difference, equal.verdict) == (0, Verdict.AS_GOOD)


def test_measure_that_resamples_can_lack_has_no_interval() -> None:
    stored = MADE[ENSEMBLE, "clean"]
    labels = stored.prediction.mean.argmax(dim=1)
    labels[0] = (labels[0] + 1) % 10  # a single error
    few = {**MADE, (ENSEMBLE, "clean"): replace(stored, labels=labels)}
    known = gathered(few, (CLEAN,), ("misclassification_auroc", "aurc"))
    result = compared(known, RELATIONS)
    found = interval(result, ENSEMBLE, "clean", "misclassification_auroc")
    assert found.reason == TOO_FEW
    assert interval(result, ENSEMBLE, "clean", "aurc").half_width > 0
    row = comparison(result, "clean", "misclassification_auroc", "deep_ensemble", "softmax")
    assert math.isnan(row.lower)
    assert (row.verdict, row.reason) == ("", TOO_FEW)


def test_infinite_loss_is_compared_with_nothing() -> None:
    stored = MADE[ENSEMBLE, "clean"]
    mean = stored.prediction.mean.clone()
    mean[0] = torch.eye(10, dtype=torch.float64)[(stored.labels[0] + 1) % 10]
    infinite = replace(stored, prediction=replace(stored.prediction, mean=mean))
    result = of_losses({**MADE, (ENSEMBLE, "clean"): infinite})
    assert math.isnan(interval(result, ENSEMBLE, "clean", "nll").half_width)
    row = comparison(result, "clean", "nll", "deep_ensemble", "softmax")
    assert (row.difference, row.status) == (None, "undefined")
    assert comparison(result, "clean", "brier", "deep_ensemble", "softmax").status == "ok"


def test_table_is_sorted_and_has_every_column() -> None:
    row = Comparison(
        **{"condition": "clean", "metric": "nll", "score": "", "difference": 0.25, "images": 10},
        **{"method": "m", "members": "2", "budget": 5.0},
        **{"other_method": "n", "other_members": "1", "other_budget": 1.0},
    )
    ways = [(members, budget) for members in ("2", "10") for budget in (5.0, 10.0)]
    rows = [replace(row, members=members, budget=budget) for members, budget in ways]
    rows += [replace(row, question=question) for question in ("five-clean", "one-clean")]
    for given in (rows, rows[::-1]):
        table = comparisons_table(table_of(Comparison, given))
        assert list(table.columns) == list(types_of(Comparison))
        columns = table[["question", "members", "budget"]].to_numpy().tolist()
        of_pairs = [["", *way] for way in ways]
        assert columns == [*of_pairs, ["five-clean", "2", 5.0], ["one-clean", "2", 5.0]]
    assert comparisons_table(table_of(Comparison, [])).empty
