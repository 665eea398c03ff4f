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
    Part,
    Verdict,
    by_parts,
    require_intervals,
)
from benchmarks.claims.intervals import Interval, over_networks
from benchmarks.claims.predictor import CALLED, ENSEMBLE, IN_TEXT, SAMPLED, SOFTMAX, RecipePredictor
from benchmarks.metrics import METRICS
from benchmarks.predictions import RunUnit
from benchmarks.report.texts import listed
from benchmarks.schema import Quantity
from benchmarks.vocabulary import CLEAN
from methods.scores.probabilities import confidence

CONFIDENT = 0.9
LEAST_CONFIDENT_SHARE = 0.1

ROTATED = "rotated-045"

SMALL_ENSEMBLE = 5
"""So that fifty networks give ten disjoint ensembles, which have an interval."""


OOD = "out-of-distribution"
KINDS = {CLEAN: "clean", ROTATED: "45°", OOD: "out of distribution"}
REFERENCES = {CLEAN: "clean images", ROTATED: "images rotated by 45°"}
"""Conditions, and the group of all out-of-distribution ones; what quantities call them."""

ENTROPY, SHARE = "expected entropy", "aleatoric share"
"""The share is expected entropy divided by predictive entropy."""

IN_SENTENCES = {ENTROPY: ENTROPY, SHARE: f"the {SHARE}"}

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
    """Above 10 % of the images of all sets for softmax, or else of some set."""
    of_sets = {one.dataset: values for one, values in numbers.items() if one.method == SOFTMAX}
    shares = {name: over_networks(values) for name, values in of_sets.items()}
    mean = over_networks(np.mean(list(of_sets.values()), axis=0))
    require_intervals([mean])
    verdict = Verdict.of(
        whole=mean.above(LEAST_CONFIDENT_SHARE),
        part=any(share.above(LEAST_CONFIDENT_SHARE) for share in shares.values()),
    )
    return Judgement(
        verdict,
        f"Softmax has a confidence above {CONFIDENT} for {100 * mean.value:.0f} % of the "
        f"out-of-distribution images (95 % interval: {100 * mean.lower:.0f} to "
        f"{100 * mean.upper:.0f} %). By set: see the table.",
        tuple(
            Part(
                f"confidence above {CONFIDENT}, {name}",
                share.percent(),
                share.above(LEAST_CONFIDENT_SHARE),
            )
            for name, share in {"all sets (mean)": mean, **shares}.items()
        ),
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
    changes: dict[str, list[tuple[str, str, Interval]]] = {kind: [] for kind in REFERENCES}
    for kind in REFERENCES:
        for name, quantity in ((ENTROPY, expected_entropy), (SHARE, aleatoric_share)):
            for method in SEVERAL:
                there, here = (np.array(numbers[quantity(method, one)]) for one in (kind, OOD))
                changes[kind].append((name, method, over_networks(here - there)))
    parts = [
        Part(f"{name} of {IN_TEXT[method]}, minus {KINDS[kind]}", c.text("+.3f"), c.above())
        for kind, some in changes.items()
        for name, method, c in some
    ]
    require_intervals(change for some in changes.values() for _, _, change in some)
    count = f"{sum(bool(one.holds) for one in parts)} of {len(parts)} comparisons show a rise."
    told = [_told(kind, some) for kind, some in changes.items()]
    return by_parts(parts, " ".join([count, *told]))


def _told(kind: str, changes: Sequence[tuple[str, str, Interval]]) -> str:
    """What rises and what falls against the images of a kind, in a sentence."""
    found: dict[str, list[str]] = {}
    for verb, holds in (("rises", Interval.above), ("falls", Interval.below)):
        for name, method, change in changes:
            if holds(change):
                found.setdefault(f"{IN_SENTENCES[name]} {verb}", []).append(IN_TEXT[method])
    phrases = [f"{phrase} for {listed(methods)}" for phrase, methods in found.items()]
    return f"Compared with {REFERENCES[kind]}, {'; '.join(phrases) or 'neither changes'}."


def confident_share(method: str, condition: str, dataset: str) -> Quantity:
    """A quantity of `measure_confident`."""
    label = f"share with confidence above {CONFIDENT}, {CALLED[method]}, {dataset}"
    return Quantity(label, "confident", method=method, condition=condition, dataset=dataset)


def expected_entropy(method: str, kind: str) -> Quantity:
    """A quantity of `measure_split`."""
    label = f"{ENTROPY} (nats), {CALLED[method]}, {KINDS[kind]}"
    return Quantity(label, "expected_entropy", method=method, condition=kind)


def aleatoric_share(method: str, kind: str) -> Quantity:
    """A quantity of `measure_split`."""
    label = f"{SHARE}, {CALLED[method]}, {KINDS[kind]}"
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
    rule="We compute the share of out-of-distribution images for which softmax has a confidence "
    "above 0.9. Reproduced: the 95 % interval (over networks) of the mean share over the sets lies "
    "above 10 %. Partly reproduced: this holds for at least one set.",
    measure=measure_confident,
    judge=judge_confident,
    figure="histograms-predictive_entropy",
    against="Any classifier gives some class the largest probability. So we test whether the "
    "confidence is high.",
    least_networks=2,
)

ALEATORIC = Claim(
    id="ood-is-aleatoric",
    statement="Images from outside the training classes raise aleatoric uncertainty.",
    place="introduction",
    weight="supporting",
    rule="Aleatoric uncertainty is the mean entropy of the members, also called expected "
    "entropy. The aleatoric share is its share of predictive entropy. We test these two "
    "quantities for two methods (MC-dropout, and ensembles of five). We compare "
    "out-of-distribution images with two reference sets (clean images, and images rotated by "
    "45°): eight comparisons. Rotated images are uncertain too, but show digits. So they "
    "tell whether a rise is specific to other classes. A comparison shows a rise if the 95 % "
    "interval of the difference (paired, over networks or ensembles) lies above zero. "
    "Reproduced: all do. Partly reproduced: some do.",
    measure=measure_split,
    judge=judge_split,
    figure="entropy-split",
    against="The share depends on the number of members (100 passes, 5 networks), so it is "
    "compared within a method only. Expected entropy also rises on hard images of the training "
    "classes.",
    least_networks=2 * SMALL_ENSEMBLE,
)
