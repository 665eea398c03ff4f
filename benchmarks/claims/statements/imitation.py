"""The claim that one network with dropout on mimics many models.

Two disjoint ensembles, A and B, say how well many models can be mimicked at all: the rankings of
images by A and by B differ too. So a network's MC-dropout is compared with B as A is with B. Its
networks are in neither ensemble, and it takes so many passes that chance among masks is small.
A third ensemble, C, chooses the images on which models disagree. If A chose them, its own ranking
of them would be cut off at its least uncertain images, and the ceiling would be too low.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import torch
from torch import Tensor

from benchmarks.claims.claim import (
    Claim,
    Judgement,
    NotTestableError,
    Numbers,
    Part,
    Verdict,
    interval_of,
    with_bounds,
)
from benchmarks.claims.intervals import Interval, over_networks, rank_correlation
from benchmarks.claims.predictor import CALLED, ENSEMBLE, SAMPLED, RecipePredictor
from benchmarks.claims.run_tables import difference, mean_of_replicates
from benchmarks.metrics import METRICS
from benchmarks.schema import Quantity
from benchmarks.vocabulary import (
    CEILING,
    CLEAN,
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

MEASURES = {"mutual_information": "mutual information", "pairwise_disagreement": "disagreement"}
"""The first one decides: disagreement is tied wherever all members agree."""

DECIDING = "mutual_information"
IMAGES = {CLEAN: "all images", WHERE_C_DISAGREES: "images where ensemble C disagrees"}
MOST_UNCERTAIN = 500

MEMBERS = Quantity("networks of ensembles A and B each", "ensemble_members")
EVALUATED = {name: Quantity(label, "images", condition=name) for name, label in IMAGES.items()}

PAIR_LABELS = {OTHER_MASKS: "one network with other dropout masks"}
"""What quantities call pairs that have a short name."""

Pairs = Mapping[str, Sequence[tuple[Prediction, Prediction]]]


def measure_imitation(predictor: RecipePredictor) -> Numbers:
    """Rank correlations and shared most uncertain images of each kind of pair; error detection."""
    ensembles = predictor.disjoint_ensembles
    units = [predictor.mc_dropout(network, MANY_PASSES) for network in predictor.outside]
    again = predictor.other_masks(predictor.outside[0], MANY_PASSES)
    choosing = predictor.choosing_ensemble
    predictor.predict((unit, CLEAN) for unit in (*ensembles, choosing, again, *units))
    a, b, c, other_masks = map(predictor.get, (*ensembles, choosing, again))
    sampled = [predictor.get(unit) for unit in units]
    pairs: Pairs = {
        IMITATION: [(one, b) for one in sampled],
        OTHER_NETWORK: list(combinations(sampled, 2)),
        OTHER_MASKS: [(sampled[0], other_masks)],
        CEILING: [(a, b)],
    }
    disputed = METRICS["pairwise_disagreement"].function(c) > 0
    size = ensembles[0].size or 0
    return {
        MEMBERS: [float(size)],
        EVALUATED[CLEAN]: [float(len(disputed))],
        EVALUATED[WHERE_C_DISAGREES]: [float(disputed.sum())],
        **_correlations(pairs, disputed),
        **{shared(pair): [_shared(*two) for two in some] for pair, some in pairs.items()},
        **_error_detection(predictor, size),
    }


def judge_imitation(numbers: Numbers) -> Judgement:
    """The share of the ceiling that MC-dropout reaches by mutual information; the lower decides."""
    shares = {images: share_of_ceiling(numbers, DECIDING, images) for images in IMAGES}
    lowest = min(share.lower for share in shares.values())
    whole, part = (lowest > LEAST_OF_CEILING[name] for name in (REPRODUCED, PARTLY))
    (size,) = numbers[MEMBERS]
    networks = len(numbers[correlation(DECIDING, IMITATION, CLEAN)])
    on_all, disputed = shares[CLEAN], shares[WHERE_C_DISAGREES]
    told = [
        f"MC-dropout reaches {100 * on_all.value:.0f} % of the correlation between two ensembles "
        f"of {size:.0f} (95 % interval over {networks} networks: {100 * on_all.lower:.0f} to "
        f"{100 * on_all.upper:.0f} %).",
        f"On the images where ensemble C disagrees, it reaches {disputed.percent()}.",
    ]
    return Judgement(
        Verdict.of(whole=whole, part=part),
        " ".join([*told, *_errors_told(numbers)]),
        tuple(
            Part(f"share of the ceiling, {IMAGES[images]}", share.percent())
            for images, share in shares.items()
        ),
    )


def share_of_ceiling(numbers: Numbers, measure: str, images: str) -> Interval:
    """The correlation with ensemble B, over that of ensembles A and B: interval over networks."""
    (ceiling,) = numbers[correlation(measure, CEILING, images)]
    values = numbers[correlation(measure, IMITATION, images)]
    if math.isnan(ceiling) or any(map(math.isnan, values)):
        raise NotTestableError(
            f"There is no rank correlation by {MEASURES[measure]}: it is the same on all images."
        )
    if ceiling <= 0:
        raise NotTestableError("The rankings by two ensembles are not correlated.")
    return over_networks([value / ceiling for value in values])


def correlation(measure: str, pair: str, images: str) -> Quantity:
    """A quantity of `measure_imitation`."""
    named = f"{PAIR_LABELS.get(pair, pair)}, {IMAGES[images]}"
    label = f"rank correlation by {MEASURES[measure]}, {named}"
    return Quantity(label, RANK_CORRELATION, score=measure, pair=pair, condition=images)


def shared(pair: str) -> Quantity:
    """A quantity of `measure_imitation`."""
    label = f"share in common of the {MOST_UNCERTAIN} most uncertain images"
    label += f", {PAIR_LABELS.get(pair, pair)}"
    return Quantity(label, "shared", score=DECIDING, pair=pair)


def error_auroc(measure: str, method: str) -> Quantity:
    """A quantity of `measure_imitation`: of one method, at the size of the ensembles."""
    label = f"misclassification AUROC by {MEASURES[measure]}, {CALLED[method]}"
    return Quantity(label, "misclassification_auroc", score=measure, method=method)


def error_auroc_less(measure: str) -> Quantity:
    """A quantity of `measure_imitation`, with bounds: MC-dropout less the ensemble."""
    value = error_auroc(measure, SAMPLED)
    label = f"{value.label} minus {CALLED[ENSEMBLE]}"
    return replace(value, label=label, other_method=ENSEMBLE)


def _correlations(pairs: Pairs, disputed: Tensor) -> Numbers:
    chosen = {CLEAN: torch.ones_like(disputed), WHERE_C_DISAGREES: disputed}
    numbers = {}
    for measure in MEASURES:
        function = METRICS[measure].function
        for pair, some in pairs.items():
            scores = [(function(one), function(other)) for one, other in some]
            for images, mask in chosen.items():
                numbers[correlation(measure, pair, images)] = [
                    rank_correlation(one[mask], other[mask]) if mask.any() else math.nan
                    for one, other in scores
                ]
    return numbers


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


def _error_detection(predictor: RecipePredictor, size: int) -> Numbers:
    """AUROCs for each method's own errors, with as many passes as networks, and the difference."""
    numbers: dict[Quantity, list[float]] = {}
    sampled, ensemble = (SAMPLED, size), (ENSEMBLE, size)
    for measure in MEASURES:
        of = (CLEAN, "misclassification_auroc", measure)
        for variant in (sampled, ensemble):
            value = mean_of_replicates(predictor, variant, *of).value
            numbers[error_auroc(measure, variant[0])] = [value]
        apart = difference(predictor, sampled, ensemble, *of)
        numbers |= with_bounds(error_auroc_less(measure), apart)
    return numbers


def _errors_told(numbers: Numbers) -> list[str]:
    """What the detection of errors says for or against the claim, by each measure."""
    sentences = []
    for measure, name in MEASURES.items():
        apart = interval_of(numbers, error_auroc_less(measure))
        if math.isnan(apart.value):
            continue
        found = (
            "MC-dropout detects errors worse than the ensemble"
            if apart.below()
            else "MC-dropout detects errors better than the ensemble"
            if apart.above()
            else "tests do not distinguish how well they detect errors"
        )
        sentences.append(f"By {name}, {found}: the AUROC differs by {apart.text('+.3f')}.")
    return sentences or ["It was not tested whether they detect errors equally well."]


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
