"""The claim that different models disagree on edge cases."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from benchmarks.claims.claim import (
    Claim,
    Judgement,
    NotTestableError,
    Verdict,
    interval,
    rows,
    values,
)
from benchmarks.claims.intervals import Placements, auroc_interval
from benchmarks.claims.predictor import RecipePredictor
from benchmarks.metrics import METRICS, scoring
from benchmarks.vocabulary import DISAGREEMENT

LEAST_AUROC, LEAST_FOR_A_PART = 0.9, 0.8

WRONG, RIGHT = "misclassified images", "correct images"


def measure_edge_cases(predictor: RecipePredictor) -> Iterator[pd.DataFrame]:
    """The AUROC of the ensemble's disagreement for misclassified against correct images."""
    prediction = predictor.get(predictor.ensemble)
    wrong = ~scoring.correct(prediction.mean, predictor.labels)
    if not wrong.any():
        raise NotTestableError("The ensemble classifies every image correctly.")
    score = METRICS[DISAGREEMENT].function(prediction)
    auroc = auroc_interval([Placements.of(score[None, ~wrong].numpy(), score[None, wrong].numpy())])
    yield rows("auroc", auroc, score=DISAGREEMENT, case=WRONG)
    yield rows("images", float(wrong.sum()), case=WRONG)
    for case, chosen in ((WRONG, wrong), (RIGHT, ~wrong)):
        yield rows(DISAGREEMENT, float(score[chosen].mean()), case=case)


def judge_edge_cases(table: pd.DataFrame) -> Judgement:
    """The whole interval of the AUROC lies above 0.9, or else above 0.8."""
    auroc = interval(table, "auroc", score=DISAGREEMENT, case=WRONG)
    if math.isnan(auroc.lower):
        raise NotTestableError("There are too few misclassified images for an interval.")
    (wrong,), (right,) = (values(table, DISAGREEMENT, case=case) for case in (WRONG, RIGHT))
    return Judgement(
        Verdict.of(whole=auroc.above(LEAST_AUROC), part=auroc.above(LEAST_FOR_A_PART)),
        f"Disagreement detects misclassified images with an AUROC of "
        f"{auroc.text(named=True)}. Two networks "
        f"disagree on {100 * wrong:.0f} % of the misclassified images and on {100 * right:.1f} % "
        "of the others.",
    )


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
