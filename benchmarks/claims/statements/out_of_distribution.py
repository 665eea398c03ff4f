"""Claims about out-of-distribution images, and about confidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchmarks.claims.claim import (
    Claim,
    Judgement,
    NotTestableError,
    Numbers,
    Verdict,
    require_intervals,
)
from benchmarks.claims.intervals import over_networks
from benchmarks.claims.predictor import CALLED, ENSEMBLE, IN_TEXT, SAMPLED, SOFTMAX, RecipePredictor
from benchmarks.metrics import METRICS
from benchmarks.predictions import RunUnit
from benchmarks.records import Quantity
from benchmarks.vocabulary import CLEAN
from methods.scores.confidence import confidence

CONFIDENT = 0.9
LEAST_CONFIDENT_SHARE = 0.1

ROTATED = "rotated-045"

SMALL_ENSEMBLE = 5
"""So that fifty networks give ten disjoint ensembles, which have an interval."""

SPLIT_NAMES = {"entropy": "Expected entropy (nats)", "share": "The aleatoric share"}

OOD = "out-of-distribution"
KINDS = {CLEAN: "clean", ROTATED: "45°", OOD: "out of distribution"}
"""Conditions, and the group of all out-of-distribution ones; what quantities call them."""

SEVERAL = (SAMPLED, ENSEMBLE)
"""The methods that have several members."""


def measure_confident(predictor: RecipePredictor) -> Numbers:
    """The share of each set's images with a confidence above 0.9, for each network."""
    return {
        confident_share(method, condition, predictor.plan.task.condition(condition).label): [
            _confident_share(predictor.get(unit, condition).mean) for unit in units
        ]
        for method, units in predicted(predictor, ood_conditions(predictor)).items()
        for condition in ood_conditions(predictor)
    }


def judge_confident(numbers: Numbers) -> Judgement:
    """Above 10 % of the images of all sets for softmax; partly if only of some set."""
    of_sets = {one.dataset: values for one, values in numbers.items() if one.method == SOFTMAX}
    shares = {name: over_networks(values) for name, values in of_sets.items()}
    mean = over_networks(np.mean(list(of_sets.values()), axis=0))
    require_intervals([mean])
    verdict = Verdict.of(
        whole=mean.above(LEAST_CONFIDENT_SHARE),
        part=any(share.above(LEAST_CONFIDENT_SHARE) for share in shares.values()),
    )
    listed = ", ".join(f"{share.percent()} of {name}" for name, share in shares.items())
    return Judgement(
        verdict,
        f"Softmax has a confidence above {CONFIDENT} for {mean.percent()} of the "
        f"out-of-distribution images: {listed}.",
    )


def measure_split(predictor: RecipePredictor) -> Numbers:
    """Mean expected entropy, and its share of predictive entropy, over all images of a kind.

    For each network, and for each of several disjoint ensembles.
    """
    kinds = {CLEAN: (CLEAN,), ROTATED: (ROTATED,), OOD: ood_conditions(predictor)}
    units = {
        SAMPLED: [predictor.mc_dropout(network) for network in range(predictor.repeated)],
        ENSEMBLE: predictor.blocks(SMALL_ENSEMBLE, predictor.networks),
    }
    conditions = sum(kinds.values(), ())
    predictor.predict((unit, one) for some in units.values() for unit in some for one in conditions)
    numbers: dict[Quantity, list[float]] = {}
    for method, some in units.items():
        for kind, of_kind in kinds.items():
            parts = [_aleatoric(predictor, unit, of_kind) for unit in some]
            numbers[expected_entropy(method, kind)] = [entropy for entropy, _ in parts]
            numbers[aleatoric_share(method, kind)] = [share for _, share in parts]
    return numbers


def judge_split(numbers: Numbers) -> Judgement:
    """Expected entropy and its share are higher out of distribution, by each method."""
    told, holds = [], []
    for method in SEVERAL:
        for name, quantity in (("entropy", expected_entropy), ("share", aleatoric_share)):
            values = {kind: np.array(numbers[quantity(method, kind)]) for kind in KINDS}
            rises = {
                kind: over_networks(values[OOD] - values[kind]) for kind in KINDS if kind != OOD
            }
            require_intervals(rises.values())
            holds += [rise.above() for rise in rises.values()]
            against = ", ".join(f"{r.text('+.3f')} from {KINDS[k]}" for k, r in rises.items())
            told.append(
                f"{SPLIT_NAMES[name]} of {IN_TEXT[method]} is {values[OOD].mean():.3f} on "
                f"out-of-distribution images; the difference is {against}."
            )
    summary = f"{sum(holds)} of {len(holds)} comparisons show a rise (95 % interval above zero)."
    verdict = Verdict.of(whole=all(holds), part=any(holds))
    return Judgement(verdict, " ".join([summary, *told]))


def confident_share(method: str, condition: str, dataset: str) -> Quantity:
    """A quantity of `measure_confident`."""
    label = f"{CALLED[method]}, {dataset}"
    return Quantity(label, "confident", method=method, condition=condition, dataset=dataset)


def expected_entropy(method: str, kind: str) -> Quantity:
    """A quantity of `measure_split`."""
    label = f"expected entropy (nats), {CALLED[method]}, {KINDS[kind]}"
    return Quantity(label, "expected_entropy", method=method, condition=kind)


def aleatoric_share(method: str, kind: str) -> Quantity:
    """A quantity of `measure_split`."""
    label = f"aleatoric share, {CALLED[method]}, {KINDS[kind]}"
    return Quantity(label, "aleatoric_share", method=method, condition=kind)


def ood_conditions(predictor: RecipePredictor) -> tuple[str, ...]:
    """The out-of-distribution conditions, of which there must be one."""
    if not predictor.ood:
        raise NotTestableError("The run has no out-of-distribution images.")
    return predictor.ood


def predicted(predictor: RecipePredictor, conditions: Sequence[str]) -> dict[str, list[RunUnit]]:
    """The run units of each method, which have predicted the images of the conditions."""
    networks = range(predictor.repeated)
    units: dict[str, list[RunUnit]] = {
        SOFTMAX: [predictor.softmax(network) for network in networks],
        SAMPLED: [predictor.mc_dropout(network) for network in networks],
        ENSEMBLE: [predictor.ensemble],
    }
    predictor.predict((unit, one) for some in units.values() for unit in some for one in conditions)
    return units


def _confident_share(mean: Tensor) -> float:
    return float((confidence(mean) > CONFIDENT).double().mean())


def _aleatoric(
    predictor: RecipePredictor, unit: RunUnit, conditions: Sequence[str]
) -> tuple[float, float]:
    """Mean expected entropy, and its sum over that of predictive entropy."""
    of_conditions = [predictor.get(unit, condition) for condition in conditions]
    expected = torch.cat([one.expected_entropy for one in of_conditions])
    total = sum(METRICS["predictive_entropy"].function(one).sum() for one in of_conditions)
    return float(expected.mean()), float(expected.sum() / total)


STILL_CLASSIFIED = Claim(
    id="ood-still-classified",
    statement="An image from outside the training classes is still given one of them.",
    place="introduction",
    weight="supporting",
    rule="Softmax has a confidence above 0.9 for more than 10 % of the out-of-distribution "
    "images: the 95 % interval (over networks) of the mean over the sets lies above 10 %. Partly "
    "if only that of some set does.",
    measure=measure_confident,
    judge=judge_confident,
    figure="histograms-predictive_entropy",
    against="Any classifier gives some class the largest probability; only whether its "
    "confidence is high can be tested.",
    least_networks=2,
)

ALEATORIC = Claim(
    id="ood-is-aleatoric",
    statement="Images from outside the training classes raise aleatoric uncertainty.",
    place="introduction",
    weight="supporting",
    rule="Aleatoric uncertainty is the expected entropy, the mean of the members' entropies. Its "
    "mean over images, and its share of predictive entropy, are compared between "
    "out-of-distribution and clean images, and images rotated by 45°, for MC-dropout and for "
    "ensembles of five: eight comparisons. One shows a rise if the 95 % interval of the difference "
    "(paired, over networks or ensembles) lies above zero. Reproduced if all do, partly if some.",
    measure=measure_split,
    judge=judge_split,
    figure="entropy-split",
    against="The share depends on the number of members (100 passes, 5 networks), so it is "
    "compared within a method only. Expected entropy also rises on images that are merely hard.",
    least_networks=2 * SMALL_ENSEMBLE,
)
