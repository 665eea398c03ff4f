"""The claim that different models disagree on edge cases."""

from __future__ import annotations

import math

from benchmarks.claims.claim import (
    Claim,
    Judgement,
    NotTestableError,
    Numbers,
    Verdict,
    interval_of,
    with_bounds,
)
from benchmarks.claims.intervals import Placements, auroc_interval
from benchmarks.claims.predictor import RecipePredictor
from benchmarks.metrics import METRICS, scoring
from benchmarks.schema import Quantity

LEAST_AUROC, LEAST_FOR_A_PART = 0.9, 0.8

EDGE_AUROC = Quantity("AUROC of disagreement, for errors", "auroc", score="pairwise_disagreement")


def measure_edge_cases(predictor: RecipePredictor) -> Numbers:
    """The AUROC of the ensemble's disagreement for misclassified against correct images."""
    prediction = predictor.get(predictor.ensemble)
    wrong = ~scoring.correct(prediction.mean, predictor.labels)
    if not wrong.any():
        raise NotTestableError("The ensemble classifies every image correctly.")
    score = METRICS["pairwise_disagreement"].function(prediction)
    auroc = auroc_interval([Placements.of(score[None, ~wrong].numpy(), score[None, wrong].numpy())])
    return {
        **with_bounds(EDGE_AUROC, auroc),
        Quantity("misclassified images", "misclassified"): [float(wrong.sum())],
        mean_disagreement("misclassified"): [float(score[wrong].mean())],
        mean_disagreement("correct"): [float(score[~wrong].mean())],
    }


def judge_edge_cases(numbers: Numbers) -> Judgement:
    """The whole interval of the AUROC lies above 0.9, or else above 0.8."""
    auroc = interval_of(numbers, EDGE_AUROC)
    if math.isnan(auroc.lower):
        raise NotTestableError("There are too few misclassified images for an interval.")
    wrong, right = (numbers[mean_disagreement(one)][0] for one in ("misclassified", "correct"))
    return Judgement(
        Verdict.of(whole=auroc.above(LEAST_AUROC), part=auroc.above(LEAST_FOR_A_PART)),
        f"Disagreement detects misclassified images with an AUROC of "
        f"{auroc.text(named=True)}. Two networks "
        f"disagree on {100 * wrong:.0f} % of the misclassified images and on {100 * right:.1f} % "
        "of the others.",
    )


def mean_disagreement(of: str) -> Quantity:
    """A quantity of `measure_edge_cases`."""
    return Quantity(f"mean disagreement, {of} images", f"pairwise_disagreement_{of}")


EDGE_CASES = Claim(
    id="disagree-on-edge-cases",
    statement="Different models classify edge cases differently.",
    place="section Epistemic/Model Uncertainty",
    weight="central",
    rule="Here, an edge case is an image that the ensemble misclassifies. We test whether the "
    "members' disagreement detects these images. Reproduced: the 95 % interval of the AUROC (over "
    "images) lies above 0.9. Partly reproduced: it lies above 0.8.",
    measure=measure_edge_cases,
    judge=judge_edge_cases,
    figure="risk-coverage-pairwise_disagreement",
    against="The networks share one architecture, unlike the models of the article's sentence. "
    "They differ only in initial weights and dropout masks. There is one ensemble, so the interval "
    "does not cover how ensembles differ.",
    least_networks=2,
)
