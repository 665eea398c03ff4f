"""The register of uncertainty scores; adding one is a `Score` beside its like and a line here."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from methods.interface import Prediction
from methods.scores.features import DDU, KNN, MAHALANOBIS, VIM
from methods.scores.logits import ENERGY, GEN, MAX_LOGIT
from methods.scores.probabilities import (
    MUTUAL_INFORMATION,
    ONE_MINUS_MAX_PROBABILITY,
    PAIRWISE_DISAGREEMENT,
    PREDICTIVE_ENTROPY,
    VARIATION_RATIO,
)
from methods.scores.score import FitError, Score

__all__ = [
    "SCORES",
    "FitError",
    "Score",
    "member_scores",
    "probability_scores",
    "score_of",
    "scores_of",
]

SCORES: dict[str, Score] = {
    score.name: score
    for score in (
        ONE_MINUS_MAX_PROBABILITY,
        PREDICTIVE_ENTROPY,
        MUTUAL_INFORMATION,
        PAIRWISE_DISAGREEMENT,
        VARIATION_RATIO,
        MAX_LOGIT,
        ENERGY,
        GEN,
        MAHALANOBIS,
        KNN,
        VIM,
        DDU,
    )
}


def probability_scores() -> dict[str, Score]:
    """The scores that every prediction has; all others are computed with it and stored in it."""
    return {name: score for name, score in SCORES.items() if "probabilities" in score.needs}


def member_scores() -> dict[str, Score]:
    """The scores that are computed from the members' probabilities or logits."""
    return {n: s for n, s in SCORES.items() if s.fit is None and s.needs & {"members", "logits"}}


def scores_of(prediction: Prediction) -> dict[str, Float[Tensor, " images"]]:
    """All scores of a prediction, those stored in it too; NaN where undefined."""
    names = dict.fromkeys((*probability_scores(), *prediction.scores))
    return {name: score for name in names if (score := score_of(prediction, name)) is not None}


def score_of(prediction: Prediction, name: str) -> Float[Tensor, " images"] | None:
    """One of the scores, or ``None`` if the prediction does not have it."""
    score = probability_scores().get(name)
    if score is None or score.function is None:
        return prediction.scores.get(name)
    return score.function(prediction)
