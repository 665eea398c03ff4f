"""The measures of a prediction, and of an uncertainty score of it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from benchmarks.metrics import calibration, detection, disagreement, entropy, scoring, selective
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
"""Of each image; the measure is their mean over the images."""

SCORES: dict[str, Callable[[Prediction], Tensor]] = {
    "one_minus_max_probability": lambda p: 1 - calibration.confidence(p.mean),
    **{
        name: uncertainty
        for name, uncertainty in UNCERTAINTIES.items()
        if name not in ("expected_entropy", "vote_entropy")
    },
}
"""The scores by which every method ranks images, beside its own; higher is less certain."""

AGAINST_LABELS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "accuracy": scoring.correct,
    "nll": scoring.negative_log_likelihood,
    "brier": scoring.brier,
}
"""Of each image; the measure is their mean over the images."""

LABELLED: dict[str, Callable[[Tensor, Tensor], float]] = {
    "accuracy": lambda mean, labels: mean_over_images(scoring.correct(mean, labels)),
    "nll": lambda mean, labels: mean_over_images(scoring.negative_log_likelihood(mean, labels)),
    "brier": lambda mean, labels: mean_over_images(scoring.brier(mean, labels)),
    "ece": lambda mean, labels: calibration.expected_calibration_error(
        calibration.equal_width_bins(*top_label(mean, labels))
    ),
    "mce": lambda mean, labels: calibration.maximum_calibration_error(
        calibration.equal_width_bins(*top_label(mean, labels))
    ),
    "ece_equal_mass": lambda mean, labels: calibration.expected_calibration_error(
        calibration.equal_mass_bins(*top_label(mean, labels))
    ),
    "ece_debiased": lambda mean, labels: calibration.debiased_calibration_error(
        calibration.equal_mass_bins(*top_label(mean, labels))
    ),
    "squared_ce_debiased": lambda mean, labels: calibration.debiased_squared_calibration_error(
        calibration.equal_mass_bins(*top_label(mean, labels))
    ),
}
"""Of the mean probabilities against the labels."""

SELECTIVE: dict[str, Callable[[Tensor, Tensor], float]] = {
    "misclassification_auroc": lambda score, correct: detection.auroc(score, ~correct),
    "aurc": selective.aurc,
    "augrc": selective.augrc,
}
"""Of a score and of whether each image is classified correctly."""

DETECTION: dict[str, Callable[[Tensor, Tensor], float]] = {
    "auroc": detection.auroc,
    "aupr_out": detection.aupr_out,
    "aupr_in": detection.aupr_in,
    "fpr95": detection.fpr95,
}
"""Of a score of a condition's images (positive) and of the clean ones (negative)."""

PREVALENCE = "prevalence"
"""The share of positives in detection: the AUPR-Out of a random score."""

BETWEEN_MEMBERS = (
    *("mutual_information", "pairwise_disagreement"),
    *("variation_ratio", "vote_entropy"),
)
"""Measures that are undefined for a single member."""


def scores_of(prediction: Prediction) -> dict[str, Tensor]:
    """All scores of a prediction, the method's own too; NaN where undefined."""
    return {name: score(prediction) for name, score in SCORES.items()} | dict(prediction.scores)


def score_of(prediction: Prediction, name: str) -> Tensor | None:
    """One of the scores, or ``None`` if it is another method's own."""
    score = SCORES.get(name)
    return prediction.scores.get(name) if score is None else score(prediction)


def top_label(mean: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Of each image its confidence, and whether it is classified correctly."""
    return calibration.confidence(mean), scoring.correct(mean, labels)


def mean_over_images(values: Tensor) -> float:
    """In double precision."""
    return values.double().mean().item()
