"""The claim that one network with dropout on mimics many models.

Two disjoint ensembles, A and B, say how well many models can be mimicked at all: the rankings of
images by A and by B differ too. So a network's MC-dropout is compared with B as A is with B. Its
networks are in neither ensemble, and it takes so many passes that chance among masks is small.
A third ensemble, C, chooses the images on which models disagree. If A chose them, its own ranking
of them would be cut off at its least uncertain images, and the ceiling would be too low.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import pandas as pd
import torch
from torch import Tensor

from benchmarks.claims.claim import (
    Claim,
    Judgement,
    NotTestableError,
    Part,
    Verdict,
    interval,
    rows,
    values,
)
from benchmarks.claims.intervals import Interval, over_networks, rank_correlation
from benchmarks.claims.predictor import ENSEMBLE, SAMPLED, RecipePredictor
from benchmarks.claims.run_tables import difference, mean_of_replicates
from benchmarks.metrics import METRICS
from benchmarks.vocabulary import (
    CEILING,
    CLEAN,
    DISAGREEMENT,
    IMITATION,
    LEAST_OF_CEILING,
    OTHER_MASKS,
    OTHER_NETWORK,
    PARTLY,
    RANK_CORRELATION,
    REPRODUCED,
    WHERE_C_DISAGREES,
)
from methods import Prediction

MANY_PASSES = 1_000
"""As good as all masks; to enumerate these for 10,000 images would take hours a network."""

DECIDING = "mutual_information"
MEASURES = {DECIDING: "mutual information", DISAGREEMENT: "disagreement"}
"""The first one decides: disagreement is tied wherever all members agree."""

IMAGES = {CLEAN: "all images", WHERE_C_DISAGREES: "images where ensemble C disagrees"}
MOST_UNCERTAIN = 500


def measure_imitation(predictor: RecipePredictor) -> Iterator[pd.DataFrame]:
    """Rank correlations and shared most uncertain images of each kind of pair; error detection."""
    ensembles = predictor.disjoint_ensembles
    units = [predictor.mc_dropout(network, MANY_PASSES) for network in predictor.outside]
    again = predictor.other_masks(predictor.outside[0], MANY_PASSES)
    choosing = predictor.choosing_ensemble
    predictor.predict((*ensembles, choosing, again, *units))
    a, b, c, other_masks = map(predictor.get, (*ensembles, choosing, again))
    sampled = [predictor.get(unit) for unit in units]
    pairs = {
        IMITATION: [(one, b) for one in sampled],
        OTHER_NETWORK: list(combinations(sampled, 2)),
        OTHER_MASKS: [(sampled[0], other_masks)],
        CEILING: [(a, b)],
    }
    disputed = METRICS[DISAGREEMENT].function(c) > 0
    images = {CLEAN: torch.ones_like(disputed), WHERE_C_DISAGREES: disputed}
    size = ensembles[0].size or 0
    yield rows("ensemble_members", float(size))
    for condition, chosen in images.items():
        yield rows("images", float(chosen.sum()), condition=condition)
    for measure in MEASURES:
        function = METRICS[measure].function
        for pair, predictions in pairs.items():
            scores = [(function(one), function(other)) for one, other in predictions]
            for condition, chosen in images.items():
                correlations = [
                    rank_correlation(one[chosen], other[chosen]) if chosen.any() else math.nan
                    for one, other in scores
                ]
                yield rows(
                    RANK_CORRELATION, correlations, condition=condition, score=measure, case=pair
                )
    for pair, predictions in pairs.items():
        shared = [_shared(*two) for two in predictions]
        yield rows(f"shared_of_{MOST_UNCERTAIN}_most_uncertain", shared, score=DECIDING, case=pair)
    yield from _error_detection(predictor, size)


def judge_imitation(table: pd.DataFrame) -> Judgement:
    """The share of the ceiling that MC-dropout reaches by mutual information; the lower decides."""
    shares = {images: share_of_ceiling(table, images) for images in IMAGES}
    lowest = min(share.lower for share in shares.values())
    (size,) = values(table, "ensemble_members")
    networks = len(values(table, RANK_CORRELATION, condition=CLEAN, score=DECIDING, case=IMITATION))
    on_all, disputed = shares.values()
    parts = [
        Part(f"share of the ceiling, {IMAGES[images]}", share.percent())
        for images, share in shares.items()
    ]
    for measure, name in MEASURES.items():
        errors = {"method": SAMPLED, "score": measure, "case": f"minus {ENSEMBLE}"}
        apart = interval(table, "misclassification_auroc", **errors)
        if not math.isnan(apart.value):  # else the two were not compared
            what = f"AUROC of errors by {name}: MC-dropout minus the ensemble"
            parts.append(Part(what, apart.text("+.3f")))
    return Judgement(
        Verdict.of(
            whole=lowest > LEAST_OF_CEILING[REPRODUCED], part=lowest > LEAST_OF_CEILING[PARTLY]
        ),
        f"MC-dropout, on {networks} networks, reaches {on_all.percent(named=True)} of the "
        f"correlation between two ensembles of {size:.0f}. On the images where ensemble C "
        f"disagrees, it reaches {disputed.percent()}.",
        tuple(parts),
    )


def share_of_ceiling(table: pd.DataFrame, images: str) -> Interval:
    """The correlation with ensemble B, over that of ensembles A and B: interval over networks."""
    (ceiling,), reached = (
        values(table, RANK_CORRELATION, condition=images, score=DECIDING, case=pair)
        for pair in (CEILING, IMITATION)
    )
    if math.isnan(ceiling) or any(map(math.isnan, reached)):
        raise NotTestableError(
            f"There is no rank correlation by {MEASURES[DECIDING]}: it is the same on all images."
        )
    if ceiling <= 0:
        raise NotTestableError("The rankings by two ensembles are not correlated.")
    return over_networks(reached / ceiling)


def _shared(one: Prediction, other: Prediction) -> float:
    """The share of the most uncertain images, by mutual information, that both have in common.

    NaN where these are all images.
    """
    if len(one.mean) <= MOST_UNCERTAIN:
        return math.nan
    chosen = [_most_uncertain(prediction) for prediction in (one, other)]
    return len(chosen[0] & chosen[1]) / len(chosen[0])


def _most_uncertain(prediction: Prediction) -> set[int]:
    score: Tensor = METRICS[DECIDING].function(prediction)
    order = torch.sort(score, descending=True, stable=True).indices
    return set(order[:MOST_UNCERTAIN].tolist())


def _error_detection(predictor: RecipePredictor, size: int) -> Iterator[pd.DataFrame]:
    """AUROCs for each method's own errors, with as many passes as networks, and the difference."""
    metric, sampled, ensemble = "misclassification_auroc", (SAMPLED, size), (ENSEMBLE, size)
    for measure in MEASURES:
        for method in (sampled, ensemble):
            mean = mean_of_replicates(predictor, method, CLEAN, metric, measure).value
            yield rows(metric, mean, method=method[0], score=measure)
        apart = difference(predictor, sampled, ensemble, CLEAN, metric, measure)
        yield rows(metric, apart, method=SAMPLED, score=measure, case=f"minus {ENSEMBLE}")


RANK_AGREEMENT = Claim(
    id="dropout-mimics-ensemble",
    statement="One network with dropout on mimics many models.",
    place="introduction of dropout as a replacement for an ensemble",
    weight="central",
    rule="Ensembles A, B and C share no network, and MC-dropout uses networks of none of them. "
    "Each method ranks the images by mutual information. We compute Spearman's correlation between "
    "MC-dropout (1,000 passes) and ensemble B. We divide it by that between ensembles A and B, the "
    "ceiling. Reproduced: the 95 % interval of this ratio (over networks) lies above 80 %, on all "
    "images and on those where ensemble C disagrees. Partly reproduced: it lies above 50 % on "
    "both.",
    measure=measure_imitation,
    judge=judge_imitation,
    figure="claims-rank-agreement",
    against="There is one pair of ensembles, so the interval does not cover how the ceiling "
    "varies. Ranking by disagreement leaves many ties. It is shown, but the verdict ignores it. "
    "Ranking images alike does not mean being equally good. So the detection of errors is "
    "compared, too, with as many passes as networks.",
    least_networks=4,
)
