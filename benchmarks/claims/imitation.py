"""The claim that one network with dropout on mimics many models.

The article says that dropout mimics several models, not that one network ranks images as they do:
its ranking has the noise of its own weights. So the correlation of the rankings by one network's
MC-dropout and by an ensemble is corrected for attenuation (Spearman 1904, American Journal of
Psychology 15, 72-101):

    r(MC-dropout, B) / √(r(MC-dropout of two networks) · r(A, B))

with the mean over networks, or pairs of them, of each Spearman correlation r, and disjoint
ensembles A and B of other networks. As noise of two networks is independent, this is the
correlation of the ranks that images have in the mean over all networks and over all ensembles. An
estimate may exceed 1. Where two networks or two ensembles do not agree, there is nothing to divide
by.

MC-dropout takes so many passes that chance among masks is small. A third ensemble, C, chooses the
images on which models disagree: if A chose them, its own ranking of them would be cut off at its
least uncertain images.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from benchmarks.claims.claim import Claim, ClaimVerdict, Judgement, NotTestableError, RulePart
from benchmarks.claims.numbers import (
    FEWEST,
    ValueRange,
    jackknife,
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
    Predictor,
    ensemble_of,
    trained_networks,
)
from benchmarks.metrics import METRICS, MetricInputs
from benchmarks.predictions import RunUnit
from benchmarks.report.editorial import (
    CEILING,
    DISAGREEMENT,
    IMITATION,
    LEAST_AGREEMENT,
    OTHER_NETWORK,
    PARTLY,
    RANK_CORRELATION,
    REPRODUCED,
    WHERE_C_DISAGREES,
)
from benchmarks.vocabulary import CLEAN

MANY_PASSES = 1_000
"""As good as all masks; to enumerate these for 10,000 images would take hours a network."""

OUTSIDE = 10
"""How many networks are in none of the ensembles; of few networks, they are trained for this."""

DECIDING = "mutual_information"
MEASURES = {DECIDING: "mutual information", DISAGREEMENT: "disagreement"}
"""The first one decides: disagreement is tied wherever all members agree."""

ERRORS_FOUND = "misclassification_auroc"

IMAGES = {CLEAN: "all images", WHERE_C_DISAGREES: "images where ensemble C disagrees"}


class ComparedUnits(NamedTuple):
    """Ensembles A, B and C, and passes of networks of none of them."""

    a: RunUnit
    b: RunUnit
    c: RunUnit
    sampled: list[RunUnit]

    @classmethod
    def of(cls, predictor: Predictor) -> ComparedUnits:
        """A and B are as large as the run's networks allow, of which none is in two of all."""
        trained = trained_networks(predictor.plan)
        size = min(NETWORKS, max(2, (trained - OUTSIDE - CHOOSING) // 2))
        outside = range(2 * size, 2 * size + OUTSIDE)
        c = ensemble_of(CHOOSING, -(-outside.stop // CHOOSING))
        sampled = [predictor.mc_dropout(network, MANY_PASSES) for network in outside]
        return cls(ensemble_of(size, 0), ensemble_of(size, 1), c, sampled)


def measure_imitation(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """Rank correlations of each kind of pair; each method's detection of its own errors."""
    compared = ComparedUnits.of(predictor)
    ensembles = (compared.a, compared.b, compared.c)
    a, b, c, *sampled = predictor.predictions((*ensembles, *compared.sampled))
    pairs = {
        IMITATION: [(prediction, b) for prediction in sampled],
        OTHER_NETWORK: list(combinations(sampled, 2)),
        CEILING: [(a, b)],
    }
    disputed = METRICS[DISAGREEMENT].function(c) > 0
    images = {CLEAN: torch.ones_like(disputed), WHERE_C_DISAGREES: disputed}
    yield rows("ensemble_members", float(compared.a.size or 0))
    for condition, chosen in images.items():
        yield rows("images", float(chosen.sum()), condition=condition)
    for measure, (name, predictions) in product(MEASURES, pairs.items()):
        function = METRICS[measure].function
        scores = [(function(first), function(second)) for first, second in predictions]
        for condition, chosen in images.items():
            correlations = [
                rank_correlation(first[chosen], second[chosen]) for first, second in scores
            ]
            keys = {"condition": condition, "score": measure, "case": name}
            yield rows(RANK_CORRELATION, correlations, **keys)
    alike = [predictor.mc_dropout(each, predictor.networks) for each in range(predictor.repeated)]
    for measure, units in product(MEASURES, (alike, [predictor.ensemble])):
        detections = (
            MetricInputs(each, predictor.labels, score=METRICS[measure].function(each))
            for each in predictor.predictions(units)
        )
        aurocs = [METRICS[ERRORS_FOUND].value(each) for each in detections]
        yield rows(ERRORS_FOUND, aurocs, method=units[0].method, score=measure)


def judge_imitation(table: pd.DataFrame) -> Judgement:
    """The agreement by mutual information, corrected for noise; on the images where it is lower."""
    agreement = {images: corrected_agreement(table, images) for images in IMAGES}
    lowest = min(each.lower for each in agreement.values())
    parts = []
    for images, name in IMAGES.items():
        parts.append(RulePart(f"corrected correlation, {name}", agreement[images].text(".2f")))
        reached = values(table, RANK_CORRELATION, **_deciding(images, IMITATION))
        raw = over_networks(reached).text(".2f")
        parts.append(RulePart(f"correlation as it is, {name}", raw))
    for measure, name in MEASURES.items():
        detections = partial(values, table, ERRORS_FOUND, score=measure)
        gap = over_networks(detections(method=SAMPLED) - detections(method=ENSEMBLE)).text("+.3f")
        parts.append(RulePart(f"AUROC of errors by {name}: MC-dropout minus the ensemble", gap))
    (size,) = values(table, "ensemble_members")
    return Judgement(
        ClaimVerdict.of(
            whole=lowest > LEAST_AGREEMENT[REPRODUCED], part=lowest > LEAST_AGREEMENT[PARTLY]
        ),
        f"Corrected for the noise of single networks, MC-dropout on {len(reached)} networks ranks "
        f"images as ensembles of {size:.0f} do with a correlation of "
        f"{agreement[CLEAN].text('.2f', named=True)}. On the images where ensemble C disagrees, it "
        f"is {agreement[WHERE_C_DISAGREES].text('.2f')}.",
        tuple(parts),
    )


def corrected_agreement(table: pd.DataFrame, images: str) -> ValueRange:
    """The rank correlation of MC-dropout and ensembles without the noise of single networks.

    The jackknife's interval covers the draw of MC-dropout's networks; images and ensembles are
    those at hand.
    """
    (ceiling,), reached, between_networks = (
        values(table, RANK_CORRELATION, **_deciding(images, case))
        for case in (CEILING, IMITATION, OTHER_NETWORK)
    )
    count = len(reached)
    if count < FEWEST:
        raise NotTestableError(f"An interval takes at least {FEWEST} networks of MC-dropout.")
    pairs = np.array(list(combinations(range(count), 2)))

    def corrected(left_out: int | None) -> float:
        kept = [network for network in range(count) if network != left_out]
        reliability = between_networks[np.isin(pairs, kept).all(axis=1)].mean()
        if not min(reliability, ceiling) > 0:
            return math.nan
        return float(reached[kept].mean() / math.sqrt(reliability * ceiling))

    agreement = jackknife(corrected(None), [corrected(network) for network in range(count)])
    if math.isnan(agreement.lower):
        raise NotTestableError(
            f"There is nothing to correct by: rankings by {MEASURES[DECIDING]} of two networks, or "
            f"of two ensembles, do not agree ({IMAGES[images]})."
        )
    return agreement


def _deciding(images: str, case: str) -> dict[str, str]:
    return {"condition": images, "score": DECIDING, "case": case}


RANK_AGREEMENT = Claim(
    id="dropout-mimics-ensemble",
    statement="One network with dropout on mimics many models.",
    place="introduction of dropout as a replacement for an ensemble",
    weight="central",
    rule="Ensembles A, B and C share no network, and MC-dropout uses networks of none of them. "
    "Each method ranks the images by mutual information. We compute Spearman's correlation between "
    "MC-dropout (1,000 passes) and ensemble B, and correct it for the noise of single networks and "
    "ensembles: we divide it by the square root of the product of two correlations, of MC-dropout "
    "of two networks, and of ensembles A and B. Reproduced: the 95 % interval (jackknife over "
    "networks) lies above 0.8, on all images and on those where ensemble C disagrees. Partly "
    "reproduced: it lies above 0.5 on both.",
    measure=measure_imitation,
    judge=judge_imitation,
    against="The corrected correlation is that of the mean ranks over many networks. One network "
    "alone agrees less with an ensemble: its correlation is shown. The interval covers neither how "
    "the one pair of ensembles nor how images vary. Ranking by disagreement leaves many ties. It "
    "is shown, but the verdict ignores it. Ranking images alike does not mean being equally good. "
    "So the detection of errors is compared, too, with as many passes as networks (interval over "
    "MC-dropout's networks).",
    least_networks=4,
)
