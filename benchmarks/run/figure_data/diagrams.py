"""Reliability diagrams, ROC and risk-coverage curves of one replicate, as rows of their tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float64
from torch import Tensor

from benchmarks.inference.bands import Curve, risk_curve, roc_curve, wilson_interval
from benchmarks.metrics.calibration import equal_width_bins
from benchmarks.metrics.metric import Weights, each_once
from benchmarks.metrics.scoring import correct
from benchmarks.predictions import PredictionStore, RunUnit, StoredPrediction
from benchmarks.run.figure_data.compared import typical_conditions
from benchmarks.run.figure_data.rows import ORIGIN, Row, origin, rows, shown_scores
from benchmarks.run.figure_data.thinning import needed
from benchmarks.run.plan import Plan
from methods.scores.probabilities import confidence

FALSE_POSITIVE_RATES = np.arange(51) ** 2 / 2500
"""At which ROC curves are given; denser where few clean images are flagged."""

COVERAGES = np.arange(1, 51) / 50
"""At which risk is given, from 2 %: the error rate of fewer images is mostly chance."""

_BINS = ("lower", "upper", "count", "confidence", "accuracy", "accuracy_lower", "accuracy_upper")
_ROC = ("flagged_clean", "flagged", "lower", "upper")
_RISK = ("coverage", "risk", "lower", "upper")

COLUMNS = {
    "reliability": (*ORIGIN, *_BINS),
    "roc": (*ORIGIN, "score", *_ROC),
    "risk_coverage": (*ORIGIN, "score", *_RISK),
}
"""The tables and their columns.

``reliability``: the 15 bins of the ECE. ``roc``: shares of the reference's images
(``flagged_clean``) and of the condition's that are flagged as uncertain. ``risk_coverage``: the
error rate among the most certain images.

``lower`` and ``upper`` of ``flagged`` and ``risk``, and ``accuracy_lower`` and ``accuracy_upper``,
are pointwise 95 % bounds over the draw of images: see `benchmarks.inference.bands`. They are there
where a method has a single replicate. Where it has several, the points of curves are thinned.
"""

DrawsOf = Callable[[str, int], Weights]
"""The resamples of a data set of so many images, the same for all curves."""

Draws = tuple[Weights, Weights] | None


def diagrams(
    plan: Plan, store: PredictionStore, unit: RunUnit, draws_of: DrawsOf | None
) -> Iterator[tuple[str, Row]]:
    """The run unit's rows, each with the name of its table.

    Args:
        draws_of: for bands; ``None``: there are none.
    """
    typical = typical_conditions(plan)
    for condition in plan.whole_conditions:
        if condition.labelled and condition not in typical:
            continue
        stored = store.load_if_there(unit, condition.name)
        reference = store.load_if_there(unit, condition.reference)
        if stored is None or reference is None:
            continue
        draws = None
        if draws_of is not None:
            data = condition.data, plan.task.condition(condition.reference).data
            both = stored, reference
            own, of_reference = map(draws_of, data, (len(one.prediction.mean) for one in both))
            draws = of_reference, own
        if condition.labelled:
            drawn = _against_labels(stored, draws)
        else:
            drawn = _detection(stored, reference, draws)
        for name, row in drawn:
            yield name, origin(unit, stored, condition) | row


def _against_labels(stored: StoredPrediction, draws: Draws) -> Iterator[tuple[str, Row]]:
    assert stored.labels is not None
    right = correct(stored.prediction.mean, stored.labels)
    for row in _reliability(confidence(stored.prediction.mean), right, bars=draws is not None):
        yield "reliability", row
    for name, score in shown_scores(stored).items():
        for row in _risk_coverage(score, right, draws):
            yield "risk_coverage", {"score": name} | row


def _detection(
    stored: StoredPrediction, reference: StoredPrediction, draws: Draws
) -> Iterator[tuple[str, Row]]:
    of_reference, scores = shown_scores(reference), shown_scores(stored)
    for name in (name for name in scores if name in of_reference):
        for row in _roc(of_reference[name], scores[name], draws):
            yield "roc", {"score": name} | row


def _reliability(confidence: Tensor, correct: Tensor, *, bars: bool) -> Iterator[Row]:
    bins = equal_width_bins(confidence, correct)
    count, confident, accuracy = (row[:, 0] for row in bins.fill(each_once(len(confidence))))
    images = count.astype(int)
    columns = bins.edges[:-1], bins.edges[1:], images, confident, accuracy
    intervals = wilson_interval(accuracy, images) if bars else np.full((2, len(images)), np.nan)
    return rows(_BINS, *columns, *intervals)


def _risk_coverage(score: Tensor, correct: Tensor, draws: Draws) -> Iterator[Row]:
    own = None if draws is None else draws[1]
    curve = risk_curve(score.numpy(), correct.numpy(), own, COVERAGES)
    return rows(_RISK, *_points(COVERAGES, curve, draws))


def _roc(reference: Tensor, score: Tensor, draws: Draws) -> Iterator[Row]:
    """The point (0, 0), where all curves begin, then the curve from a rate of 0 on."""
    curve = roc_curve(reference.numpy(), score.numpy(), draws, FALSE_POSITIVE_RATES)
    bound = np.nan if draws is None else 0.0
    yield dict(zip(_ROC, (0.0, 0.0, bound, bound), strict=True))
    yield from rows(_ROC, *_points(FALSE_POSITIVE_RATES, curve, draws))


def _points(
    at: Float64[np.ndarray, " points"], curve: Curve, draws: Draws
) -> Float64[np.ndarray, "4 kept"]:
    """The curve over its points; without a band, over those that a drawing needs."""
    kept = needed(at, curve[0]) if draws is None else slice(None)
    points: Float64[np.ndarray, "4 kept"] = np.stack([at, *curve])[:, kept]
    return points
