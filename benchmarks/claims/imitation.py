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
from dataclasses import replace
from itertools import combinations, product
from typing import NamedTuple

import pandas as pd
import torch

from benchmarks.claims.claim import Claim, ClaimVerdict, Judgement, NotTestableError, RulePart
from benchmarks.claims.numbers import (
    ValueRange,
    interval,
    over_networks,
    rank_correlation,
    rows,
    values,
)
from benchmarks.claims.predictor import (
    CHOOSING,
    ENSEMBLE,
    NETWORKS,
    SAMPLED,
    OtherMasks,
    Predictor,
    columns_of,
    difference,
    ensemble_of,
    trained_networks,
)
from benchmarks.metrics import METRICS
from benchmarks.predictions import RunUnit
from benchmarks.schema import where
from benchmarks.vocabulary import (
    CEILING,
    CLEAN,
    COMPARISONS_CSV,
    DISAGREEMENT,
    IMITATION,
    LEAST_OF_CEILING,
    OTHER_MASKS,
    OTHER_NETWORK,
    PARTLY,
    RANK_CORRELATION,
    REPRODUCED,
    SUMMARY_CSV,
    WHERE_C_DISAGREES,
)
from methods import Prediction

MANY_PASSES = 1_000
"""As good as all masks; to enumerate these for 10,000 images would take hours a network."""

OUTSIDE = 5
"""How many networks are in none of the ensembles; of few networks, they are trained for this."""

DECIDING = "mutual_information"
MEASURES = {DECIDING: "mutual information", DISAGREEMENT: "disagreement"}
"""The first one decides: disagreement is tied wherever all members agree."""

IMAGES = {CLEAN: "all images", WHERE_C_DISAGREES: "images where ensemble C disagrees"}
MOST_UNCERTAIN = 500


class ComparedUnits(NamedTuple):
    """Ensembles A, B and C, and passes of networks of none of them, one of them by other masks."""

    a: RunUnit
    b: RunUnit
    c: RunUnit
    sampled: list[RunUnit]
    other_masks: RunUnit

    @classmethod
    def of(cls, predictor: Predictor) -> ComparedUnits:
        """A and B are as large as the run's networks allow, of which none is in two of all."""
        trained = trained_networks(predictor.plan)
        size = min(NETWORKS, max(2, (trained - OUTSIDE - CHOOSING) // 2))
        a, b = (ensemble_of(size, block) for block in (0, 1))
        outside = range(2 * size, 2 * size + OUTSIDE)
        c = ensemble_of(CHOOSING, -(-outside.stop // CHOOSING))
        sampled = [predictor.mc_dropout(network, MANY_PASSES) for network in outside]
        other_masks = replace(sampled[0], method=OtherMasks.name)
        return cls(a, b, c, sampled, other_masks)


def measure_imitation(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """Rank correlations and shared most uncertain images of each kind of pair; error detection."""
    units = ComparedUnits.of(predictor)
    predictor.predict((units.a, units.b, units.c, units.other_masks, *units.sampled))
    a, b, c, other_masks = map(predictor.get, (units.a, units.b, units.c, units.other_masks))
    sampled = [predictor.get(unit) for unit in units.sampled]
    pairs = {
        IMITATION: [(prediction, b) for prediction in sampled],
        OTHER_NETWORK: list(combinations(sampled, 2)),
        OTHER_MASKS: [(sampled[0], other_masks)],
        CEILING: [(a, b)],
    }
    disputed = METRICS[DISAGREEMENT].function(c) > 0
    images = {CLEAN: torch.ones_like(disputed), WHERE_C_DISAGREES: disputed}
    size = units.a.size or 0
    yield rows("ensemble_members", float(size))
    for condition, chosen in images.items():
        yield rows("images", float(chosen.sum()), condition=condition)
    for measure, (name, predictions) in product(MEASURES, pairs.items()):
        function = METRICS[measure].function
        scores = [(function(first), function(second)) for first, second in predictions]
        for condition, chosen in images.items():
            correlations = [
                rank_correlation(first[chosen], second[chosen]) if chosen.any() else math.nan
                for first, second in scores
            ]
            keys = {"condition": condition, "score": measure, "case": name}
            yield rows(RANK_CORRELATION, correlations, **keys)
    for name, predictions in pairs.items():
        shared = [_shared(*pair) for pair in predictions]
        yield rows(f"shared_of_{MOST_UNCERTAIN}_most_uncertain", shared, score=DECIDING, case=name)
    # Each method's detection of its own errors, with as many passes as the run has networks.
    metric, alike = "misclassification_auroc", predictor.mc_dropout(0, predictor.networks)
    summary = where(predictor.rows_of_run(SUMMARY_CSV, CLEAN), metric=metric)
    compared = predictor.rows_of_run(COMPARISONS_CSV, CLEAN)
    for measure in MEASURES:
        for unit in (alike, predictor.ensemble):
            means = where(summary, score=measure, **columns_of(unit))["value"]
            mean = float(means.iloc[0]) if len(means) else math.nan
            yield rows(metric, mean, method=unit.method, score=measure)
        gap = difference(compared, alike, predictor.ensemble, metric, measure)
        yield rows(metric, gap, method=SAMPLED, score=measure, case=f"minus {ENSEMBLE}")


def _shared(first: Prediction, second: Prediction) -> float:
    """The share of the most uncertain images, by mutual information, that both have in common.

    NaN where these are all images.
    """
    if len(first.mean) <= MOST_UNCERTAIN:
        return math.nan
    orders = (
        torch.sort(METRICS[DECIDING].function(prediction), descending=True, stable=True).indices
        for prediction in (first, second)
    )
    chosen = [set(order[:MOST_UNCERTAIN].tolist()) for order in orders]
    return len(chosen[0] & chosen[1]) / MOST_UNCERTAIN


def judge_imitation(table: pd.DataFrame) -> Judgement:
    """The share of the ceiling that MC-dropout reaches by mutual information; the lower decides."""
    shares = {images: share_of_ceiling(table, images) for images in IMAGES}
    lowest = min(share.lower for share in shares.values())
    (size,) = values(table, "ensemble_members")
    networks = len(values(table, RANK_CORRELATION, condition=CLEAN, score=DECIDING, case=IMITATION))
    parts = [
        RulePart(f"share of the ceiling, {IMAGES[images]}", share.percent())
        for images, share in shares.items()
    ]
    for measure, name in MEASURES.items():
        errors = {"method": SAMPLED, "score": measure, "case": f"minus {ENSEMBLE}"}
        difference = interval(table, "misclassification_auroc", **errors)
        if not math.isnan(difference.value):  # else the two were not compared
            what = f"AUROC of errors by {name}: MC-dropout minus the ensemble"
            parts.append(RulePart(what, difference.text("+.3f")))
    return Judgement(
        ClaimVerdict.of(
            whole=lowest > LEAST_OF_CEILING[REPRODUCED], part=lowest > LEAST_OF_CEILING[PARTLY]
        ),
        f"MC-dropout, on {networks} networks, reaches {shares[CLEAN].percent(named=True)} of the "
        f"correlation between two ensembles of {size:.0f}. On the images where ensemble C "
        f"disagrees, it reaches {shares[WHERE_C_DISAGREES].percent()}.",
        tuple(parts),
    )


def share_of_ceiling(table: pd.DataFrame, images: str) -> ValueRange:
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
