"""Claims about agreement and disagreement between members."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
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
from benchmarks.claims.predictor import CALLED, ENSEMBLE, SAMPLED, RecipePredictor
from benchmarks.claims.rank_statistics import Placements, auroc_interval, rank_correlation
from benchmarks.metrics import METRICS, detection, scoring
from benchmarks.records import Quantity
from benchmarks.vocabulary import (
    CLEAN,
    LEAST_RANK_CORRELATION,
    PARTLY,
    RANK_CORRELATION,
    REPRODUCED,
)
from methods import Prediction

OVERWHELMING = 0.9
LEAST_ACCURACY = 0.99
EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, OVERWHELMING, 1.0)
"""Of the bins of the vote share, [lower, upper), the last with its upper edge."""

BINS = tuple(pairwise(EDGES))
COUNTS = ("images", "correct")

LEAST_AUROC = 0.9

MEASURES = {"pairwise_disagreement": "disagreement", "mutual_information": "mutual information"}
MOST_UNCERTAIN = 500

EDGE_AUROC = Quantity("AUROC of disagreement", "auroc", score="pairwise_disagreement")
EDGE_LOWER = replace(EDGE_AUROC, label="lower bound", bound="lower")
EDGE_UPPER = replace(EDGE_AUROC, label="upper bound", bound="upper")

SHARED = Quantity(
    f"shared of the {MOST_UNCERTAIN} most uncertain", "shared", score="mutual_information"
)


def measure_certainty(predictor: RecipePredictor) -> Numbers:
    """Images and correct majority votes by the majority's share of the votes, for each network.

    Of equally many votes the lowest class wins.
    """
    numbers: dict[Quantity, list[float]] = {
        count(what, *one): [] for what in COUNTS for one in BINS
    }
    for prediction in _mc_dropout(predictor):
        share, vote = prediction.vote_share.max(dim=1)
        # Shares are whole votes of a hundred: without rounding 0.9 could fall below an edge.
        position = np.digitize(share.numpy().round(9), EDGES[1:-1])
        correct = (vote == predictor.labels).numpy()
        for i, one in enumerate(BINS):
            numbers[count("images", *one)].append(float((position == i).sum()))
            numbers[count("correct", *one)].append(float(correct[position == i].sum()))
    return numbers


def judge_certainty(numbers: Numbers) -> Judgement:
    """Over all networks: accuracy in the last bin above 99 %, and rising from bin to bin.

    Bins without an image are left out.
    """
    images, correct = (
        np.array([sum(numbers[count(what, *one)]) for one in BINS]) for what in COUNTS
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
        EDGE_AUROC: [auroc.value],
        EDGE_LOWER: [auroc.lower],
        EDGE_UPPER: [auroc.upper],
        Quantity("misclassified images", "misclassified"): [float(wrong.sum())],
        _mean_disagreement("misclassified"): [float(score[wrong].mean())],
        _mean_disagreement("correct"): [float(score[~wrong].mean())],
    }


def judge_edge_cases(numbers: Numbers) -> Judgement:
    """AUROC at least 0.9."""
    (auroc,), (lower,), (upper,) = (numbers[q] for q in (EDGE_AUROC, EDGE_LOWER, EDGE_UPPER))
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
    numbers: dict[Quantity, list[float]] = {}

    def add(quantity: Quantity, value: float) -> None:
        numbers.setdefault(quantity, []).append(value)

    for prediction in _mc_dropout(predictor):
        wrong = ~scoring.correct(prediction.mean, predictor.labels)
        for measure in MEASURES:
            one = METRICS[measure].function(prediction)
            add(correlation(measure), rank_correlation(one, others[measure]))
            auroc = detection.auroc(one, wrong)
            add(error_auroc(measure, SAMPLED), auroc)
            add(error_auroc(measure, SAMPLED, ENSEMBLE), auroc - of_ensemble[measure])
        add(SHARED, _shared(prediction, ensemble))
    for measure in MEASURES:
        add(error_auroc(measure, ENSEMBLE), of_ensemble[measure])
    return numbers


def judge_rank_agreement(numbers: Numbers) -> Judgement:
    """The mean over networks of each rank correlation; the lower one decides."""
    means = {
        name: float(np.mean(numbers[correlation(measure)])) for measure, name in MEASURES.items()
    }
    if undefined := [name for name, value in means.items() if math.isnan(value)]:
        raise NotTestableError(f"no rank correlation by {undefined[0]}: it is the same everywhere")
    lowest = min(means.values())
    whole, part = (lowest >= LEAST_RANK_CORRELATION[name] for name in (REPRODUCED, PARTLY))
    verdict = Verdict.of(whole=whole, part=part)
    listed = ", ".join(f"{value:.3f} by {name}" for name, value in means.items())
    return Judgement(verdict, f"mean rank correlation {listed}")


def count(what: str, low: float, high: float) -> Quantity:
    """A quantity of `measure_certainty`: of a bin its images, or those that are correct."""
    label = f"{what}, share {low:.1f}–{high:.1f}"
    return Quantity(label, what, lower_edge=low, upper_edge=high)


def correlation(measure: str) -> Quantity:
    """A quantity of `measure_rank_agreement`."""
    return Quantity(f"rank correlation, {MEASURES[measure]}", RANK_CORRELATION, score=measure)


def error_auroc(measure: str, method: str, less: str = "") -> Quantity:
    """A quantity of `measure_rank_agreement`: of a method, or less that of another one."""
    label = f"misclassification AUROC by {MEASURES[measure]}, {CALLED[method]}"
    return Quantity(
        f"{label} less {CALLED[less]}" if less else label,
        "misclassification_auroc",
        score=measure,
        method=method,
        other_method=less,
    )


def _mean_disagreement(of: str) -> Quantity:
    return Quantity(f"mean disagreement, {of}", f"pairwise_disagreement_{of}")


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


CERTAINTY = Claim(
    id="certain-when-agreeing",
    statement="An overwhelming majority of votes means that the models are certain.",
    place="the discussion of image 61's count plot",
    weight="supporting",
    rule="Where at least 90 % of the 100 votes agree, accuracy exceeds 99 %; and accuracy "
    "rises over the bins of the majority's share. The votes of all networks are pooled. "
    "Reproduced if both hold, partly if one does.",
    measure=measure_certainty,
    judge=judge_certainty,
    figure="claims-certainty",
)

EDGE_CASES = Claim(
    id="disagree-on-edge-cases",
    statement="Different models classify edge cases differently.",
    place="the section Epistemic/Model Uncertainty",
    weight="supporting",
    rule="The ensemble's disagreement detects its misclassified images with an AUROC of at "
    "least 0.9.",
    measure=measure_edge_cases,
    judge=judge_edge_cases,
    figure="risk-coverage-pairwise_disagreement",
    against="The members differ only in initial weights and dropout masks. They share one "
    "architecture, unlike the models of the article's sentence.",
    least_networks=2,
)

RANK_AGREEMENT = Claim(
    id="dropout-mimics-ensemble",
    statement="One network with dropout on mimics many models.",
    place="the introduction of dropout as a replacement for an ensemble",
    weight="central",
    rule="Spearman's correlation over images between MC-dropout and the ensemble is computed "
    "for disagreement and for mutual information, each as a mean over networks. The lower one "
    "decides: reproduced if at least 0.8, partly if at least 0.5.",
    measure=measure_rank_agreement,
    judge=judge_rank_agreement,
    figure="claims-rank-agreement",
    against="The ensemble contains every network that MC-dropout uses. The misclassified images "
    "are each method's own errors.",
    least_networks=2,
)
