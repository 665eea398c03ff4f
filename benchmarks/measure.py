"""From shards to rows: every measure of every condition, without a network or an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.conditions import Condition
from benchmarks.metrics import calibration, detection, disagreement, entropy, scoring, selective
from benchmarks.predictions import Cell, Shard
from benchmarks.records import Measurement, members_text
from methods import Prediction

UNCERTAINTIES: dict[str, Callable[[Prediction], Tensor]] = {
    "predictive_entropy": lambda p: entropy.predictive_entropy(p.mean),
    "expected_entropy": lambda p: p.expected_entropy,
    "mutual_information": lambda p: entropy.mutual_information(
        p.mean, p.expected_entropy, p.members
    ),
    "pairwise_disagreement": lambda p: disagreement.pairwise_disagreement(p.vote_share, p.members),
    "variation_ratio": lambda p: disagreement.variation_ratio(p.vote_share, p.members),
    "vote_entropy": lambda p: disagreement.vote_entropy(p.vote_share, p.members),
}
"""Of each image; measured is their mean over the images."""

SCORES: dict[str, Callable[[Prediction], Tensor]] = {
    "one_minus_max_probability": lambda p: 1 - calibration.confidence(p.mean),
    **{
        name: UNCERTAINTIES[name]
        for name in (
            *("predictive_entropy", "mutual_information"),
            *("pairwise_disagreement", "variation_ratio"),
        )
    },
}
"""What every method ranks images by, beside scores of its own; higher is less certain."""

LABELLED: dict[str, Callable[[Tensor, Tensor], float]] = {
    "accuracy": lambda mean, labels: _mean(scoring.correct(mean, labels)),
    "nll": lambda mean, labels: _mean(scoring.negative_log_likelihood(mean, labels)),
    "brier": lambda mean, labels: _mean(scoring.brier(mean, labels)),
    "ece": lambda mean, labels: calibration.expected_calibration_error(
        calibration.equal_width_bins(*_top_label(mean, labels))
    ),
    "mce": lambda mean, labels: calibration.maximum_calibration_error(
        calibration.equal_width_bins(*_top_label(mean, labels))
    ),
    "ece_equal_mass": lambda mean, labels: calibration.expected_calibration_error(
        calibration.equal_mass_bins(*_top_label(mean, labels))
    ),
    "ece_debiased": lambda mean, labels: calibration.debiased_calibration_error(
        calibration.equal_mass_bins(*_top_label(mean, labels))
    ),
    "squared_ce_debiased": lambda mean, labels: calibration.debiased_squared_calibration_error(
        calibration.equal_mass_bins(*_top_label(mean, labels))
    ),
}
"""Of the mean probabilities against the labels."""

SELECTIVE: dict[str, Callable[[Tensor, Tensor], float]] = {
    "misclassification_auroc": lambda score, correct: detection.auroc(score, ~correct),
    "aurc": selective.aurc,
    "augrc": selective.augrc,
}
"""Of a score against which images are classified correctly."""

DETECTION: dict[str, Callable[[Tensor, Tensor], float]] = {
    "auroc": detection.auroc,
    "aupr_out": detection.aupr_out,
    "aupr_in": detection.aupr_in,
    "fpr95": detection.fpr95,
}
"""Of a score of a condition's images (positive) and of the clean ones (negative)."""

PREVALENCE = "prevalence"
"""The share of positives in detection, which is what AUPR-Out is by chance."""

BETWEEN_MEMBERS = (
    *("mutual_information", "pairwise_disagreement"),
    *("variation_ratio", "vote_entropy"),
)
"""Measures that one member leaves undefined."""

ONE_MEMBER = "one member cannot disagree with itself"
NOT_A_NUMBER = "the method itself answered NaN"
NO_LABELS = "out-of-distribution images have no label"
ALL_ALIKE = "all images are classified correctly, or all wrongly"
SMALL_BINS = "no bin holds enough images"
DOUBTFUL = "turned beyond 90 degrees, labels are no longer well defined (6 and 9 swap)"


class Finding(NamedTuple):
    """A measure's value; NaN where it is undefined, for this reason."""

    metric: str
    score: str
    value: float
    reason: str
    by_label: bool


def measure(cell: Cell, condition: Condition, shard: Shard, clean: Shard) -> Iterator[Measurement]:
    """Every measure of one shard; detection compares it with the same cell's reference shard."""
    row = partial(_row, cell, condition, members_of(cell, shard), images=len(shard.prediction.mean))
    for found in _findings(condition, shard, clean.prediction):
        if math.isnan(found.value):
            yield row(found.metric, found.score, None, status="undefined", reason=found.reason)
        elif found.by_label and condition.labels_doubtful:
            reason = "; ".join(filter(None, (DOUBTFUL, found.reason)))
            yield row(found.metric, found.score, found.value, status="doubtful", reason=reason)
        else:
            yield row(found.metric, found.score, found.value, status="ok", reason=found.reason)


def without_value(
    cell: Cell, condition: Condition, clean: Shard | None, status: str, reason: str
) -> Iterator[Measurement]:
    """The rows that `measure` would give, each with the reason why there is no value."""
    row = partial(_row, cell, condition, members_of(cell, clean), images=0)
    own_scores = tuple(clean.prediction.scores) if clean else ()
    for metric, score in measured(condition, own_scores):
        yield row(metric, score, None, status=status, reason=reason)


def measured(condition: Condition, own_scores: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """What is measured under a condition, of a method with these scores of its own.

    Pairs (metric, score); the score is empty for measures that use none.
    """
    scores = (*SCORES, *own_scores)
    pairs = [(metric, "") for metric in (*UNCERTAINTIES, *LABELLED)]
    if condition.labelled:
        pairs += [(metric, score) for metric in SELECTIVE for score in scores]
    if condition.name != condition.reference:
        pairs += [(PREVALENCE, "")]
        pairs += [(metric, score) for metric in DETECTION for score in scores]
    return pairs


def scores_of(prediction: Prediction) -> dict[str, Tensor]:
    """What the method ranks images by, its own scores too; NaN where undefined."""
    return {name: score(prediction) for name, score in SCORES.items()} | dict(prediction.scores)


def score_of(prediction: Prediction, name: str) -> Tensor | None:
    """One of these, or ``None`` if it is another method's own."""
    of_each = SCORES.get(name)
    return prediction.scores.get(name) if of_each is None else of_each(prediction)


def members_of(cell: Cell, shard: Shard | None) -> str:
    """How many members judged; where nothing was judged, how many were to."""
    if shard is None:
        return "" if cell.size is None else str(cell.size)
    return members_text(shard.prediction.members)


def _row(
    cell: Cell,
    condition: Condition,
    members: str,
    metric: str,
    score: str,
    value: float | None,
    *,
    images: int,
    status: str,
    reason: str,
) -> Measurement:
    return Measurement(
        recipe=cell.recipe,
        method=cell.method,
        replicate=cell.replicate,
        members=members,
        condition=condition.name,
        score=score,
        metric=metric,
        value=value,
        images=images,
        status=status,
        reason=reason,
    )


def _findings(condition: Condition, shard: Shard, clean: Prediction) -> Iterator[Finding]:
    prediction, labels = shard.prediction, shard.labels
    yield from _uncertainty(prediction)
    yield from _against_labels(prediction.mean, labels)
    scores = scores_of(prediction)
    if labels is not None:
        correct = scoring.correct(prediction.mean, labels)
        yield from _selection(scores, correct, prediction.members)
    if condition.name != condition.reference:
        yield from _detection(scores, scores_of(clean), prediction.members)


def _uncertainty(prediction: Prediction) -> Iterator[Finding]:
    for metric, of_each in UNCERTAINTIES.items():
        value = _mean(of_each(prediction))
        reason = _why_nan(metric, prediction.members) if math.isnan(value) else ""
        yield Finding(metric, "", value, reason, False)


def _against_labels(mean: Tensor, labels: Tensor | None) -> Iterator[Finding]:
    for metric, of_all in LABELLED.items():
        if labels is None:
            yield Finding(metric, "", math.nan, NO_LABELS, True)
            continue
        value = of_all(mean, labels)
        reason = SMALL_BINS if math.isnan(value) else ""
        if math.isinf(value):
            impossible = int(scoring.negative_log_likelihood(mean, labels).isinf().sum())
            reason = f"{impossible} of {len(labels)} labels were given the probability 0"
        yield Finding(metric, "", value, reason, True)


def _why_nan(measure: str, members: int | None) -> str:
    return ONE_MEMBER if members == 1 and measure in BETWEEN_MEMBERS else NOT_A_NUMBER


def _selection(
    scores: dict[str, Tensor], correct: Tensor, members: int | None
) -> Iterator[Finding]:
    for metric, of_score in SELECTIVE.items():
        for name, score in scores.items():
            if score.isnan().any():
                yield Finding(metric, name, math.nan, _why_nan(name, members), True)
                continue
            value = of_score(score, correct)
            yield Finding(metric, name, value, ALL_ALIKE if math.isnan(value) else "", True)


def _detection(
    scores: dict[str, Tensor], clean_scores: dict[str, Tensor], members: int | None
) -> Iterator[Finding]:
    images, clean_images = (len(next(iter(each.values()))) for each in (scores, clean_scores))
    yield Finding(PREVALENCE, "", images / (images + clean_images), "", False)
    positive = torch.arange(clean_images + images) >= clean_images
    for metric, of_score in DETECTION.items():
        for name, score in scores.items():
            both = torch.cat([clean_scores[name], score])
            if both.isnan().any():
                yield Finding(metric, name, math.nan, _why_nan(name, members), False)
                continue
            yield Finding(metric, name, of_score(both, positive), "", False)


def _top_label(mean: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return calibration.confidence(mean), scoring.correct(mean, labels)


def _mean(values: Tensor) -> float:
    return values.double().mean().item()
