"""A metric that is added to the register reaches measurements, intervals and comparisons."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from jaxtyping import Float64
from scipy import stats
from sklearn.metrics import roc_curve
from torch import Tensor

from benchmarks.inference.comparisons import comparisons_table
from benchmarks.metrics import METRICS, Arrays, Family, Metric
from benchmarks.metrics.calibration import Binnings, Calibration
from benchmarks.metrics.detection import Detection, DetectionStatistics
from benchmarks.metrics.metric import Values, Weights
from benchmarks.metrics.scoring import LabelMeans
from benchmarks.metrics.selective import SelectionStatistics, Selective
from benchmarks.metrics.uncertainties import MemberMeans, PredictionMeans
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run.summary import summarise
from benchmarks.schema import Comparison, table_of
from methods import Prediction
from methods.scores import of_probabilities, scores_of
from tests.measuring import compared, drawn, every_row, measurements
from tests.runs import CONDITIONS

IMAGES = 200
UNITS = [RunUnit("standard", m, 5, r) for m in ("deep_ensemble", "mc_dropout") for r in range(3)]
CLEAN, ROTATED, NOISE = (CONDITIONS[n] for n in ("clean", "rotated-030", "ood-uniform_noise"))
LABELLED, ALL = (CLEAN.name, ROTATED.name), (CLEAN.name, ROTATED.name, NOISE.name)


def spread_of(member_probabilities: Tensor) -> Tensor:
    return member_probabilities.std(dim=0).sum(dim=-1)


@cache
def predictions() -> dict[tuple[RunUnit, str], StoredPrediction]:
    random = np.random.default_rng(0)
    labels = random.integers(10, size=IMAGES)
    stored = {}
    for condition, towards_label in ((CLEAN, 2.5), (ROTATED, 1.5), (NOISE, 0.0)):
        common = random.normal(size=(1, IMAGES, 10))
        for unit in UNITS:
            spread = 0.8 if unit.method == "mc_dropout" else 0.5
            logits = common + spread * random.normal(size=(5, IMAGES, 10))
            logits[:, np.arange(IMAGES), labels] += towards_label
            probabilities = torch.from_numpy(logits).softmax(dim=-1)
            stored[unit, condition.name] = StoredPrediction(
                Prediction.of(probabilities),
                torch.from_numpy(labels) if condition.labelled else None,
                {"spread": spread_of(probabilities)},
            )
    return stored


class Computed(NamedTuple):
    measurements: pd.DataFrame
    summary: pd.DataFrame
    comparisons: pd.DataFrame


def computed() -> Computed:
    """As the stage `measure` does it."""
    stored, conditions = predictions(), (CLEAN, ROTATED, NOISE)
    table, estimates = measurements(stored, conditions), compared(drawn(stored, conditions))
    comparisons = comparisons_table(table_of(Comparison, estimates.comparisons))
    return Computed(table, summarise(table, estimates.intervals), comparisons)


@pytest.fixture(scope="module")
def before() -> Computed:
    return computed()


def error_at_half(statistics: SelectionStatistics) -> Float64[np.ndarray, " resamples"]:
    columns = zip(*(count.T for count in statistics.selected), strict=True)
    return np.array([np.interp(x[-1] / 2, x, y) / (x[-1] / 2) for x, y in columns])


def youden(statistics: DetectionStatistics) -> Float64[np.ndarray, " resamples"]:
    false, true = (count / count[-1] for count in statistics.flagged)
    return (true - false).max(axis=0)


def largest_squared_gap(bins: Binnings) -> Float64[np.ndarray, " resamples"]:
    gaps = (bins.equal_mass.accuracy - bins.equal_mass.confidence) ** 2
    return np.nanmax(gaps, axis=0)


class Gap(Family):
    """Of mean scores, divided by the standard deviation among the reference's images."""

    needs = frozenset({"score", "reference"})

    def of_images(self, arrays: Arrays) -> Any | None:
        return None if arrays.score is None else arrays.score.numpy()

    def arranged(self, of_images: Any, of_reference: Any | None) -> tuple[Any, Any] | None:
        return None if of_reference is None else (of_images, of_reference)

    def evaluate(self, prepared: Any, weights: Weights, reference_weights: Weights) -> Values:
        scores, clean = prepared
        totals = reference_weights.sum(axis=0, dtype=float)
        means = scores @ weights / weights.sum(axis=0), clean @ reference_weights / totals
        variance = (clean**2) @ reference_weights / totals - means[1] ** 2
        gap = (means[0] - means[1]) / np.sqrt(variance)
        return np.stack([metric.function(gap) for metric in self.metrics])


def of_score(
    value: Callable[..., float],
) -> Callable[[StoredPrediction, StoredPrediction, str], float]:
    def computed_of(stored: StoredPrediction, clean: StoredPrediction, score: str) -> float:
        scores, of_clean = (scores_of(one.prediction)[score].numpy() for one in (stored, clean))
        return value(scores, of_clean, stored)

    return computed_of


def by_hand_error_at_half(scores: Any, _: Any, stored: StoredPrediction) -> float:
    wrong = (stored.prediction.mean.argmax(dim=1) != stored.labels).numpy()
    ranks = stats.rankdata(scores, "min") - 1, stats.rankdata(scores, "max")
    share = np.clip((IMAGES / 2 - ranks[0]) / (ranks[1] - ranks[0]), 0, 1)
    return float((wrong * share).sum() / (IMAGES / 2))


def by_hand_youden(scores: Any, clean: Any, _: StoredPrediction) -> float:
    false, true, _ = roc_curve(np.arange(2 * IMAGES) >= IMAGES, np.concatenate([clean, scores]))
    return float((true - false).max())


def by_hand_squared_gap(stored: StoredPrediction, *_: Any) -> float:
    mean = stored.prediction.mean
    confidence, right = mean.amax(dim=1).numpy(), (mean.argmax(dim=1) == stored.labels).numpy()
    order = np.argsort(confidence)
    ends = [math.ceil(b * IMAGES / 15) for b in range(16)]
    bins = [order[a:b] for a, b in pairwise(ends)]
    return float(max((right[b].mean() - confidence[b].mean()) ** 2 for b in bins))


class Added(NamedTuple):
    """A new metric, its values by hand, and where it has some."""

    metric: Metric
    by_hand: ByHand
    conditions: tuple[str, ...]
    tested: bool


ADDED = (
    Added(
        Metric(
            name="spherical",
            label="Spherical score",
            family=LabelMeans,
            better="higher",
            function=lambda mean, labels: mean.gather(1, labels[:, None])[:, 0] / mean.norm(dim=1),
        ),
        lambda stored, clean, score: float(
            np.mean(
                stored.prediction.mean.numpy()[np.arange(IMAGES), stored.labels]
                / np.linalg.norm(stored.prediction.mean, axis=1)
            )
        ),
        LABELLED,
        tested=True,
    ),
    Added(
        Metric(
            name="error_at_half",
            label="Error at 50 %",
            family=Selective,
            better="lower",
            function=error_at_half,
        ),
        of_score(by_hand_error_at_half),
        LABELLED,
        tested=True,
    ),
    Added(
        Metric(
            name="youden", label="Youden's J", family=Detection, better="higher", function=youden
        ),
        of_score(by_hand_youden),
        (ROTATED.name, NOISE.name),
        tested=True,
    ),
    Added(
        Metric(
            name="squared_gap",
            label="Largest squared gap",
            family=Calibration,
            better="lower",
            biased=True,
            function=largest_squared_gap,
        ),
        by_hand_squared_gap,
        LABELLED,
        tested=False,
    ),
    Added(
        Metric(
            name="margin",
            label="Margin",
            family=PredictionMeans,
            function=lambda p: p.mean.topk(2).values @ p.mean.new_tensor([1.0, -1.0]),
        ),
        lambda stored, clean, score: float(
            np.diff(np.sort(stored.prediction.mean, axis=1)[:, -2:]).mean()
        ),
        ALL,
        tested=False,
    ),
    Added(
        Metric(name="spread", label="Spread", family=MemberMeans, function=spread_of),
        lambda stored, clean, score: float(np.mean(stored.member_values["spread"].numpy())),
        ALL,
        tested=False,
    ),
    Added(
        Metric(name="gap", label="Gap", family=Gap, better="higher", function=lambda gap: gap),
        of_score(lambda scores, clean, _: float((scores.mean() - clean.mean()) / clean.std())),
        (ROTATED.name, NOISE.name),
        tested=True,
    ),
)


@pytest.fixture(scope="module", params=ADDED, ids=lambda added: added.metric.name)
def added(request: pytest.FixtureRequest, before: Computed) -> Iterator[Added]:
    """Each of the new metrics, in the register; ``before`` is computed without it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METRICS, request.param.metric.name, request.param.metric)
        yield request.param


@pytest.fixture(scope="module")
def after(added: Added) -> Computed:
    return computed()


def test_added_metric_is_measured_and_compared(added: Added, after: Computed) -> None:
    metric, name = added.metric, added.metric.name
    scores = list(of_probabilities()) if "score" in metric.needs else [""]
    rows = after.measurements[after.measurements["metric"] == name]
    assert set(rows.loc[rows["condition"] == ROTATED.name, "score"]) == set(scores)
    ok = rows[(rows["status"] == "ok") & (rows["condition"] != "rotated-mean")]
    assert set(ok["condition"]) == set(added.conditions)
    assert len(ok) == len(UNITS) * len(scores) * len(added.conditions)
    for row in ok.to_dict("records"):
        unit = RunUnit("standard", row["method"], 5, row["replicate"])
        stored, clean = (predictions()[unit, c] for c in (row["condition"], "clean"))
        expected = added.by_hand(stored, clean, row["score"])
        assert row["value"] == pytest.approx(expected, rel=1e-12)

    of_mean = (*added.conditions, "rotated-mean")
    summary = after.summary[after.summary["metric"] == name]
    with_value = summary[summary["status"] == "ok"]
    assert set(with_value["condition"]) == set(of_mean)
    assert with_value["lower"].notna().all()

    compared = after.comparisons[after.comparisons["metric"] == name]
    at_angles = () if "reference" in metric.needs or not metric.better else (ROTATED.name,)
    assert set(compared["condition"]) == {
        *(c for c in of_mean if c != ROTATED.name),
        *at_angles,
    }
    assert set(compared["score"]) == set(scores)
    assert compared["difference"].notna().all()
    assert (compared["p_value"].notna() == added.tested).all()
    assert (compared["effect_size"].notna() == metric.family.means_over_images).all()


def test_other_metrics_stay_as_they_are(added: Added, after: Computed, before: Computed) -> None:
    for table, earlier in zip(after, before, strict=True):
        others = table[table["metric"] != added.metric.name].reset_index(drop=True)
        pd.testing.assert_frame_equal(others, earlier, rtol=1e-9)


def test_members_that_were_not_stored_have_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    metric = Metric(name="other", label="Other", family=MemberMeans, function=spread_of)
    monkeypatch.setitem(METRICS, "other", metric)
    stored = predictions()[UNITS[0], "clean"]
    (row,) = (r for r in every_row(UNITS[0], CLEAN, stored, stored) if r.metric == "other")
    assert (row.value, row.status) == (None, "unavailable")
    assert row.reason == "the method gives no predictions of its members"
