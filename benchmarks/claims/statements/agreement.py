"""Claims about agreement and disagreement between members."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from benchmarks.claims.claim import (
    Claim,
    Judgement,
    NotTestableError,
    Numbers,
    Verdict,
    by_parts,
)
from benchmarks.claims.predictor import RecipePredictor
from benchmarks.claims.rank_statistics import Placements, auroc_interval, rank_correlation
from benchmarks.metrics import METRICS, detection, scoring
from benchmarks.vocabulary import CLEAN, LEAST_RANK_CORRELATION, PARTLY, REPRODUCED
from methods import Prediction

OVERWHELMING = 0.9
LEAST_ACCURACY = 0.99
EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, OVERWHELMING, 1.0)
"""Of the bins of the vote share, [lower, upper), the last with its upper edge."""

BINS = tuple(f"{low:.1f}–{high:.1f}" for low, high in pairwise(EDGES))

LEAST_AUROC = 0.9

MEASURES = {"pairwise_disagreement": "disagreement", "mutual_information": "mutual information"}
MOST_UNCERTAIN = 500
AUROC = "misclassification AUROC"


def measure_certainty(predictor: RecipePredictor) -> Numbers:
    """Images and correct majority votes by the majority's share of the votes, for each network.

    Of equally many votes the lowest class wins.
    """
    numbers: dict[str, list[float]] = {
        f"{what}, share {one}": [] for what in ("images", "correct") for one in BINS
    }
    for prediction in _mc_dropout(predictor):
        share, vote = prediction.vote_share.max(dim=1)
        # Shares are whole votes of a hundred: without rounding 0.9 could fall below an edge.
        position = np.digitize(share.numpy().round(9), EDGES[1:-1])
        correct = (vote == predictor.labels).numpy()
        for i, name in enumerate(BINS):
            numbers[f"images, share {name}"].append(float((position == i).sum()))
            numbers[f"correct, share {name}"].append(float(correct[position == i].sum()))
    return numbers


def judge_certainty(numbers: Numbers) -> Judgement:
    """Over all networks: accuracy in the last bin above 99 %, and rising from bin to bin.

    Bins without an image are left out.
    """
    images, correct = (
        np.array([sum(numbers[f"{what}, share {one}"]) for one in BINS])
        for what in ("images", "correct")
    )
    if not images[-1] or not images[:-1].any():
        raise NotTestableError("at least 90 % of votes agree on every image, or on none")
    accuracy = correct[images > 0] / images[images > 0]
    certain = correct[-1] / images[-1]
    shown = ", ".join(f"{100 * value:.1f} %" for value in accuracy)
    return by_parts(
        {
            f"accuracy is {100 * certain:.2f} % where at least 90 % of votes agree": certain
            > LEAST_ACCURACY,
            f"accuracy rises over the bins ({shown})": bool((np.diff(accuracy) > 0).all()),
        }
    )


def measure_edge_cases(predictor: RecipePredictor) -> Numbers:
    """The AUROC of the ensemble's disagreement for misclassified against correct images."""
    prediction = predictor.get(predictor.ensemble)
    wrong = ~scoring.correct(prediction.mean, predictor.labels)
    if not wrong.any():
        raise NotTestableError("the ensemble classifies every image correctly")
    score = METRICS["pairwise_disagreement"].function(prediction)
    auroc = auroc_interval([Placements.of(score[None, ~wrong].numpy(), score[None, wrong].numpy())])
    return {
        "AUROC of disagreement": [auroc.value],
        "lower bound": [auroc.lower],
        "upper bound": [auroc.upper],
        "misclassified images": [float(wrong.sum())],
        "mean disagreement, misclassified": [float(score[wrong].mean())],
        "mean disagreement, correct": [float(score[~wrong].mean())],
    }


def judge_edge_cases(numbers: Numbers) -> Judgement:
    """AUROC at least 0.9."""
    (auroc,), (lower,), (upper,) = (
        numbers[name] for name in ("AUROC of disagreement", "lower bound", "upper bound")
    )
    bounds = "" if math.isnan(lower) else f" ({lower:.3f} to {upper:.3f} over images)"
    return Judgement(
        Verdict.of(whole=auroc >= LEAST_AUROC, part=False), f"AUROC {auroc:.3f}{bounds}"
    )


def measure_rank_agreement(predictor: RecipePredictor) -> Numbers:
    """The rank correlation of MC-dropout on each network with the ensemble of all networks."""
    ensemble = predictor.get(predictor.ensemble)
    others = {measure: METRICS[measure].function(ensemble) for measure in MEASURES}
    wrong = ~scoring.correct(ensemble.mean, predictor.labels)
    of_ensemble = {measure: detection.auroc(other, wrong) for measure, other in others.items()}
    numbers: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        numbers.setdefault(name, []).append(value)

    for prediction in _mc_dropout(predictor):
        wrong = ~scoring.correct(prediction.mean, predictor.labels)
        for measure, name in MEASURES.items():
            one = METRICS[measure].function(prediction)
            add(f"rank correlation, {name}", rank_correlation(one, others[measure]))
            auroc = detection.auroc(one, wrong)
            add(f"{AUROC} by {name}, MC-dropout", auroc)
            add(f"{AUROC} by {name}, MC-dropout less ensemble", auroc - of_ensemble[measure])
        add(f"shared of the {MOST_UNCERTAIN} most uncertain", _shared(prediction, ensemble))
    for measure, name in MEASURES.items():
        add(f"{AUROC} by {name}, ensemble", of_ensemble[measure])
    return numbers


def judge_rank_agreement(numbers: Numbers) -> Judgement:
    """The mean over networks of each rank correlation; the lower one decides."""
    means = {
        name: float(np.mean(numbers[f"rank correlation, {name}"])) for name in MEASURES.values()
    }
    if undefined := [name for name, value in means.items() if math.isnan(value)]:
        raise NotTestableError(f"no rank correlation by {undefined[0]}: it is the same everywhere")
    lowest = min(means.values())
    whole, part = (lowest >= LEAST_RANK_CORRELATION[name] for name in (REPRODUCED, PARTLY))
    verdict = Verdict.of(whole=whole, part=part)
    listed = ", ".join(f"{value:.3f} by {name}" for name, value in means.items())
    return Judgement(verdict, f"mean rank correlation {listed}")


def _mc_dropout(predictor: RecipePredictor) -> Iterator[Prediction]:
    units = [predictor.mc_dropout(network) for network in range(predictor.networks)]
    predictor.predict((unit, CLEAN) for unit in units)
    return map(predictor.get, units)


def _shared(one: Prediction, other: Prediction) -> float:
    """The share of the most uncertain images, by mutual information, that both have in common.

    NaN where these are all images.
    """
    if len(one.mean) <= MOST_UNCERTAIN:
        return math.nan
    chosen = [_most_uncertain(prediction) for prediction in (one, other)]
    return len(chosen[0] & chosen[1]) / len(chosen[0])


def _most_uncertain(prediction: Prediction) -> set[int]:
    score: Tensor = METRICS["mutual_information"].function(prediction)
    order = torch.sort(score, descending=True, stable=True).indices
    return set(order[:MOST_UNCERTAIN].tolist())


CLAIMS = (
    Claim(
        id="certain-when-agreeing",
        statement="An overwhelming majority of votes means that the models are certain.",
        place="the discussion of image 61's count plot",
        rule="Where at least 90 % of the 100 votes agree, accuracy exceeds 99 %; and accuracy "
        "rises over the bins of the majority's share. The votes of all networks are pooled. "
        "Reproduced if both hold, partly if one does.",
        measure=measure_certainty,
        judge=judge_certainty,
        figure="claims-certainty",
    ),
    Claim(
        id="disagree-on-edge-cases",
        statement="Different models classify edge cases differently.",
        place="the section Epistemic/Model Uncertainty",
        rule="The ensemble's disagreement detects its misclassified images with an AUROC of at "
        "least 0.9.",
        measure=measure_edge_cases,
        judge=judge_edge_cases,
        figure="risk-coverage-pairwise_disagreement",
        remark="The members differ only in initial weights and dropout masks. They share one "
        "architecture, unlike the models of the article's sentence.",
        least_networks=2,
    ),
    Claim(
        id="dropout-mimics-ensemble",
        statement="One network with dropout on mimics many models.",
        place="the introduction of dropout as a replacement for an ensemble",
        rule="Spearman's correlation over images between MC-dropout and the ensemble is computed "
        "for disagreement and for mutual information, each as a mean over networks. The lower one "
        "decides: reproduced if at least 0.8, partly if at least 0.5.",
        measure=measure_rank_agreement,
        judge=judge_rank_agreement,
        figure="claims-rank-agreement",
        remark="The ensemble contains every network that MC-dropout uses. The misclassified images "
        "are each method's own errors.",
        least_networks=2,
    ),
)
