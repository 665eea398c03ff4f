"""Every row against an independent computation, with NumPy, SciPy and scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from benchmarks.io import UserError
from benchmarks.metrics import METRICS, Family, Metric
from benchmarks.metrics.calibration import Calibration
from benchmarks.metrics.detection import Detection
from benchmarks.metrics.scoring import LabelMeans
from benchmarks.metrics.selective import Selective
from benchmarks.metrics.uncertainties import PredictionMeans
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run.measurements import without_value
from benchmarks.schema import Measurement
from benchmarks.tasks.task import Condition
from methods import Prediction
from methods.scores import probability_scores
from tests.measuring import EVERY, every_row
from tests.runs import CONDITIONS

UNIT = RunUnit("standard", "any", 5, 1)
IMAGES = 40
AGAINST_LABELS = (
    *("accuracy", "nll", "brier", "ece", "mce"),
    *("ece_equal_mass", "ece_debiased", "squared_ce_debiased"),
)
KINDS = ("clean", "rotated-045", "rotated-120", "ood-uniform_noise")

Array = NDArray[np.float64]


def members_of(seed: int, members: int = 5, sharpness: float = 0.1) -> Array:
    """Probabilities around a common mean of each image; [members, images, classes]."""
    random = np.random.default_rng(seed)
    common = random.dirichlet(np.full(10, sharpness), IMAGES) + 0.01
    common[:20] = 0.001 + np.eye(10)[random.integers(10, size=20)]  # so that some bin is full
    drawn = random.gamma(5 * common, size=(members, IMAGES, 10)) + 1e-6
    return drawn / drawn.sum(axis=-1, keepdims=True)


def labels_of(members: Array, seed: int) -> NDArray[np.int64]:
    """Right for most of the images, so that no measure is at its end."""
    random = np.random.default_rng(seed)
    right = random.random(IMAGES) < 0.7
    return np.where(right, members.mean(axis=0).argmax(axis=1), random.integers(10, size=IMAGES))


def stored_of(
    members: Array, labels: NDArray[np.int64] | None, *, scored: bool = False
) -> StoredPrediction:
    prediction = Prediction.of(torch.from_numpy(members))
    if scored:
        spread = torch.from_numpy(members.std(axis=0).sum(axis=1))
        prediction = replace(prediction, scores={"spread": spread})
    return StoredPrediction(prediction, None if labels is None else torch.from_numpy(labels))


def predictions(
    name: str, members: int = 5, *, scored: bool = False
) -> tuple[Condition, StoredPrediction, StoredPrediction]:
    condition = CONDITIONS[name]
    clean, rotated = members_of(0, members), members_of(1, members, sharpness=0.3)
    evaluated = clean if name == "clean" else rotated
    labels = labels_of(evaluated, 2) if condition.labelled else None
    return (
        condition,
        stored_of(evaluated, labels, scored=scored),
        stored_of(clean, labels_of(clean, 2), scored=scored),
    )


def rows_of(name: str, members: int = 5, *, scored: bool = False) -> list[Measurement]:
    return every_row(UNIT, *predictions(name, members, scored=scored))


def by_key(rows: list[Measurement]) -> dict[tuple[str, str], Measurement]:
    keyed = {(row.metric, row.score): row for row in rows}
    assert len(keyed) == len(rows)
    return keyed


def entropy(probabilities: Array) -> Array:
    return np.asarray(stats.entropy(probabilities, axis=-1))


def votes_of(members: Array) -> list[list[int]]:
    return [[int(np.argmax(p)) for p in members[:, image]] for image in range(members.shape[1])]


def pairs_that_differ(votes: list[int]) -> float:
    pairs = [(a, b) for i, a in enumerate(votes) for b in votes[:i]]
    return sum(a != b for a, b in pairs) / len(pairs)


def uncertainties(members: Array) -> dict[str, Array]:
    counts = [np.bincount(votes, minlength=10) for votes in votes_of(members)]
    total, expected = entropy(members.mean(axis=0)), entropy(members).mean(axis=0)
    return {
        "predictive_entropy": total,
        "expected_entropy": expected,
        "mutual_information": total - expected,
        "pairwise_disagreement": np.array([pairs_that_differ(v) for v in votes_of(members)]),
        "variation_ratio": np.array([1 - count.max() / count.sum() for count in counts]),
        "vote_entropy": np.array([entropy(count / count.sum()) for count in counts]),
    }


def scores(members: Array) -> dict[str, Array]:
    left_out = ("expected_entropy", "vote_entropy")
    of_all = {name: v for name, v in uncertainties(members).items() if name not in left_out}
    return {"one_minus_max_probability": 1 - members.mean(axis=0).max(axis=1)} | of_all


def gaps(bins: list[NDArray[np.intp]], confidence: Array, right: Array) -> list[tuple[int, ...]]:
    """Of each bin that holds any image: count, accuracy and confidence."""
    return [(len(b), right[b].mean(), confidence[b].mean()) for b in bins if len(b)]


def against_labels(members: Array, labels: NDArray[np.int64]) -> dict[str, float]:
    mean = members.mean(axis=0)
    confidence, right = mean.max(axis=1), (mean.argmax(axis=1) == labels).astype(float)
    wide = gaps(
        [np.flatnonzero(np.ceil(confidence * 15) == b) for b in range(1, 16)], confidence, right
    )
    ends = [math.ceil(b * IMAGES / 15) for b in range(16)]
    order = np.argsort(confidence)
    equal = gaps([order[a:b] for a, b in pairwise(ends)], confidence, right)
    ece_equal = sum(n * abs(a - c) for n, a, c in equal) / IMAGES
    redrawn = sum(n * mean_of_folded_normal(a - c, math.sqrt(a * (1 - a) / n)) for n, a, c in equal)
    unbiased = sum(n * ((a - c) ** 2 - a * (1 - a) / (n - 1)) for n, a, c in equal)
    return {
        "accuracy": float(right.mean()),
        "nll": log_loss(labels, mean, labels=range(10)),
        "brier": brier_score_loss(labels, mean, labels=range(10)),
        "ece": sum(n * abs(a - c) for n, a, c in wide) / IMAGES,
        "mce": max(abs(a - c) for n, a, c in wide if n >= 10),
        "ece_equal_mass": ece_equal,
        "ece_debiased": 2 * ece_equal - redrawn / IMAGES,
        "squared_ce_debiased": unbiased / IMAGES,
    }


def mean_of_folded_normal(mean: float, std: float) -> float:
    if std == 0:
        return abs(mean)
    return float(stats.foldnorm.mean(abs(mean) / std, scale=std))


def aurc(score: Array, wrong: Array) -> float:
    """An image is among the i most certain with the probability of its rank among its ties."""
    below = np.array([(score < s).sum() for s in score])
    tied = np.array([(score == s).sum() for s in score])
    risks = [(wrong * ((i - below) / tied).clip(0, 1)).sum() / i for i in range(1, len(score) + 1)]
    return float(np.mean(risks))


def selective_risk(score: Array, wrong: Array, kept: int) -> float:
    """Of images in a random order among their ties, the errors expected among so many."""
    below = np.array([(score < s).sum() for s in score])
    tied = np.array([(score == s).sum() for s in score])
    return float((wrong * ((kept - below) / tied).clip(0, 1)).sum() / kept)


def augrc(score: Array, wrong: Array) -> float:
    """Traub et al. 2024, equation 7, from the AUROC."""
    accuracy = 1 - wrong.mean()
    auroc = roc_auc_score(wrong, score)
    return float((1 - auroc) * accuracy * (1 - accuracy) + (1 - accuracy) ** 2 / 2)


def fpr95(positive: Array, negative: Array) -> float:
    enough = [t for t in positive if 20 * (positive >= t).sum() >= 19 * len(positive)]
    return float((negative >= max(enough)).mean())


@pytest.mark.parametrize("name", KINDS)
def test_uncertainties_are_means_over_the_images(name: str) -> None:
    rows = by_key(rows_of(name))
    evaluated = members_of(0) if name == "clean" else members_of(1, sharpness=0.3)
    for metric, of_each in uncertainties(evaluated).items():
        assert rows[metric, ""].value == pytest.approx(of_each.mean(), abs=1e-12)
        assert rows[metric, ""].status == "ok"


@pytest.mark.parametrize("name", ["clean", "rotated-045", "rotated-120"])
def test_measures_against_labels(name: str) -> None:
    rows = by_key(rows_of(name))
    evaluated = members_of(0) if name == "clean" else members_of(1, sharpness=0.3)
    expected = against_labels(evaluated, labels_of(evaluated, 2))
    assert {metric: rows[metric, ""].value for metric in AGAINST_LABELS} == pytest.approx(expected)


@pytest.mark.parametrize("name", ["clean", "rotated-045", "rotated-120"])
def test_measures_of_selection(name: str) -> None:
    rows = by_key(rows_of(name))
    evaluated = members_of(0) if name == "clean" else members_of(1, sharpness=0.3)
    wrong = (evaluated.mean(axis=0).argmax(axis=1) != labels_of(evaluated, 2)).astype(float)
    for name_of_score, score in scores(evaluated).items():
        # Scores that are equal on paper must be equal here, too.
        score = score.round(12)
        values = {
            metric: rows[metric, name_of_score].value
            for metric in ("misclassification_auroc", "aurc", "augrc", "error_at_coverage_90")
        }
        assert values == pytest.approx(
            {
                "misclassification_auroc": roc_auc_score(wrong, score),
                "aurc": aurc(score, wrong),
                "augrc": augrc(score, wrong),
                "error_at_coverage_90": selective_risk(score, wrong, kept=36),
            }
        )


@pytest.mark.parametrize("name", ["rotated-045", "rotated-120", "ood-uniform_noise"])
def test_measures_of_detection(name: str) -> None:
    rows = by_key(rows_of(name))
    negatives, positives = scores(members_of(0)), scores(members_of(1, sharpness=0.3))
    kinds = np.repeat([0, 1], IMAGES)
    assert rows["prevalence", ""].value == 0.5
    for score in positives:
        negative, positive = negatives[score].round(12), positives[score].round(12)
        both = np.concatenate([negative, positive])
        values = {
            metric: rows[metric, score].value
            for metric in ("auroc", "aupr_out", "aupr_in", "fpr95")
        }
        assert values == pytest.approx(
            {
                "auroc": roc_auc_score(kinds, both),
                "aupr_out": average_precision_score(kinds, both),
                "aupr_in": average_precision_score(1 - kinds, -both),
                "fpr95": fpr95(positive, negative),
            }
        )


def test_scores_of_a_method_are_ranked_like_the_suites() -> None:
    rows = by_key(rows_of("rotated-045", scored=True))
    negative = members_of(0).std(axis=0).sum(axis=1)
    positive = members_of(1, sharpness=0.3).std(axis=0).sum(axis=1)
    both = np.concatenate([negative, positive])
    assert rows["auroc", "spread"].value == pytest.approx(
        roc_auc_score(np.repeat([0, 1], IMAGES), both)
    )
    assert rows["fpr95", "spread"].value == pytest.approx(fpr95(positive, negative))
    assert {"aupr_out", "aupr_in", "misclassification_auroc", "aurc", "augrc"} < {
        metric for metric, score in rows if score == "spread"
    }


@pytest.mark.parametrize("own_scores", [(), ("spread",)])
@pytest.mark.parametrize("name", KINDS)
def test_rows_are_all_that_a_condition_can_have_with_or_without_values(
    name: str, own_scores: tuple[str, ...]
) -> None:
    condition, scores = CONDITIONS[name], (*probability_scores(), *own_scores)
    expected = {
        (metric.name, score)
        for metric in METRICS.values()
        if "reference" not in metric.needs or condition.detected
        if not {"score", "labels"} <= metric.needs or condition.labelled
        for score in (scores if "score" in metric.needs else [""])
    }
    for members in (1, 5):
        assert set(by_key(rows_of(name, members, scored=bool(own_scores)))) == expected
    measures = EVERY.measures(condition, own_scores)
    rows = list(without_value(UNIT, condition, "5", measures, "failed", "it broke"))
    assert set(by_key(rows)) == expected
    assert {(r.members, r.value, r.images, r.status, r.reason) for r in rows} == {
        ("5", None, 0, "failed", "it broke")
    }


@pytest.mark.parametrize("name", KINDS)
def test_one_member_has_no_disagreement(name: str) -> None:
    of_members = {
        *("mutual_information", "pairwise_disagreement", "variation_ratio", "vote_entropy"),
    }
    for row in rows_of(name, members=1):
        if row.metric in of_members or row.score in of_members:
            assert (row.value, row.status) == (None, "undefined")
            assert row.reason == "one member cannot disagree with itself"
        else:
            assert "one member" not in row.reason


def test_out_of_distribution_images_have_no_label_to_be_measured_against() -> None:
    rows = by_key(rows_of("ood-uniform_noise"))
    for metric in AGAINST_LABELS:
        row = rows[metric, ""]
        assert (row.value, row.status) == (None, "undefined")
        assert row.reason == "out-of-distribution images have no label"
    assert not {"aurc", "augrc", "misclassification_auroc"} & {metric for metric, _ in rows}


@pytest.mark.parametrize("right", [True, False])
def test_detection_of_errors_is_undefined_where_all_images_are_alike(right: bool) -> None:
    members = members_of(0)
    best = members.mean(axis=0).argmax(axis=1)
    stored = stored_of(members, best if right else (best + 1) % 10)
    rows = by_key(every_row(UNIT, CONDITIONS["clean"], stored, stored))
    row = rows["misclassification_auroc", "predictive_entropy"]
    assert (row.value, row.status) == (None, "undefined")
    assert row.reason == "all images are classified correctly, or all wrongly"
    assert rows["aurc", "predictive_entropy"].value == (0 if right else 1)
    assert rows["accuracy", ""].value == (1 if right else 0)


@pytest.mark.parametrize(
    ("name", "ill_defined"), [("rotated-090", False), ("rotated-105", True), ("rotated-180", True)]
)
def test_measures_by_label_have_ill_defined_labels_beyond_90_degrees(
    name: str, ill_defined: bool
) -> None:
    by_label = {name for name, metric in METRICS.items() if "labels" in metric.needs}
    for row in rows_of(name):
        if "calibration" in METRICS[row.metric].needs:
            assert row.status == "unavailable"
            assert row.reason == "there are no predictions of calibration images"
            continue
        expected = "ill-defined labels" if ill_defined and row.metric in by_label else "ok"
        assert row.status == expected
        assert row.value is not None
        assert ("6 and 9 swap" in row.reason) == (expected == "ill-defined labels")


@pytest.mark.parametrize("name", ["clean", "rotated-120"])
def test_infinite_loss_has_its_count_as_reason(name: str) -> None:
    members = members_of(0)
    labels = labels_of(members, 2)
    for image in (3, 5, 8):
        members[:, image] = np.eye(10)[(labels[image] + 1) % 10]
    stored = stored_of(members, labels)
    row = by_key(every_row(UNIT, CONDITIONS[name], stored, stored))["nll", ""]
    assert row.value == math.inf
    assert "3 of 40 labels were given the probability 0" in row.reason
    assert row.status == ("ok" if name == "clean" else "ill-defined labels")


@pytest.mark.parametrize(
    ("family", "function", "shapes"),
    [
        (LabelMeans, lambda mean, labels: mean.mean(), ("[]", "[40]")),
        (PredictionMeans, lambda prediction: prediction.mean, ("[40, 10]", "[40]")),
        (Calibration, lambda bins: 0.5, ("[]", "[1]")),
        (Selective, lambda images, errors: errors[-1:], ("[1, 1]", "[1]")),
        (Detection, lambda flagged, positives: None, ("[]", "[1]")),
    ],
)
def test_metric_that_gives_another_shape_is_named(
    family: type[Family],
    function: Callable[..., object],
    shapes: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = Metric(name="mine", label="Mine", family=family, function=function)
    monkeypatch.setitem(METRICS, "mine", mine)
    with pytest.raises(UserError) as refused:
        rows_of("rotated-045")
    assert str(refused.value) == (
        f"the function of the metric 'mine' gives the shape {shapes[0]}; expected {shapes[1]}: "
        "correct it and run again"
    )


def test_what_was_fitted_is_told_where_it_is_at_an_end() -> None:
    """Fifty images, all classified right, ask for more confidence than is searched."""
    right = Prediction.of_logits(0.5 * torch.eye(10)[torch.arange(50) % 10][None])
    held_out = StoredPrediction(right, torch.arange(50) % 10)
    members = members_of(0)
    stored = StoredPrediction(
        Prediction.of(torch.from_numpy(members)), torch.from_numpy(labels_of(members, 1))
    )
    rows = every_row(UNIT, CONDITIONS["clean"], stored, stored, held_out)
    reasons = {row.metric: row.reason for row in rows if row.score == ""}
    for metric in ("nll_recalibrated", "brier_recalibrated", "squared_ce_recalibrated"):
        assert reasons[metric] == "the temperature 0.05 is at its bound"
    told = "too few calibration images for 99 %: sets hold every class"
    for kind in ("lac", "aps", "raps"):
        assert reasons[f"{kind}_size_99"] == told
        assert reasons[f"{kind}_size_95"] == ""
    values = {row.metric: row.value for row in rows}
    assert values["lac_size_99"] == 10
    assert reasons["nll"] == ""
