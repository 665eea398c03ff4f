"""Which rows there are of a condition, and what stands in those without a value."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

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
from methods import Prediction
from methods.scores import probability_scores
from tests.measuring import EVERY, every_row
from tests.runs import CONDITIONS

UNIT = RunUnit("any", 5, 1.0, 1)
IMAGES = 40
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


def rows_of(name: str, members: int = 5, *, scored: bool = False) -> list[Measurement]:
    """Every row of a condition, whose reference is the clean images."""
    condition = CONDITIONS[name]
    clean, rotated = members_of(0, members), members_of(1, members, sharpness=0.3)
    evaluated = clean if name == "clean" else rotated
    labels = labels_of(evaluated, 2) if condition.labelled else None
    own = stored_of(evaluated, labels, scored=scored)
    return every_row(UNIT, condition, own, stored_of(clean, labels_of(clean, 2), scored=scored))


def by_key(rows: list[Measurement]) -> dict[tuple[str, str], Measurement]:
    keyed = {(row.metric, row.score): row for row in rows}
    assert len(keyed) == len(rows)
    return keyed


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


@pytest.mark.parametrize(
    ("name", "status", "why"),
    [
        ("rotated-090", "ok", ""),
        ("rotated-105", "ill-defined labels", "6 and 9 swap"),
        ("ood-uniform_noise", "undefined", "out-of-distribution images have no label"),
    ],
)
def test_measures_by_label_say_what_is_wrong_with_the_labels(
    name: str, status: str, why: str
) -> None:
    for row in rows_of(name):
        needs = METRICS[row.metric].needs
        if "calibration" in needs and row.status == "unavailable":
            assert row.reason == "there are no predictions of calibration images"
        elif "labels" in needs:
            assert row.status == status
            assert why in row.reason
        else:
            assert (row.status, row.value is None) == ("ok", False)


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
    ("family", "function", "given", "expected"),
    [
        (LabelMeans, lambda mean, labels: mean.mean(), "[]", "[40]"),
        (PredictionMeans, lambda prediction: prediction.mean, "[40, 10]", "[40]"),
        (Calibration, lambda bins: 0.5, "[]", "[1]"),
        (Selective, lambda images, errors: errors[-1:], "[1, 1]", "[1]"),
        (Detection, lambda flagged, positives: None, "[]", "[1]"),
    ],
)
def test_metric_that_gives_another_shape_is_named(
    family: type[Family],
    function: Callable[..., object],
    given: str,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = Metric(name="mine", label="Mine", family=family, function=function)
    monkeypatch.setitem(METRICS, "mine", mine)
    message = re.escape(f"metric 'mine' gives the shape {given}; expected {expected}: ")
    with pytest.raises(UserError, match=message):
        rows_of("rotated-045")


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
