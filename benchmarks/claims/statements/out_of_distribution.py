"""Claims about out-of-distribution images, and about confidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from torch import Tensor

from benchmarks.claims.claim import (
    Claim,
    Judgement,
    NotTestableError,
    Numbers,
    Verdict,
    by_parts,
)
from benchmarks.claims.predictor import CALLED, ENSEMBLE, SAMPLED, SOFTMAX, RecipePredictor
from benchmarks.claims.rank_statistics import Placements, auroc_interval
from benchmarks.metrics import METRICS, Arrays
from benchmarks.predictions import RunUnit
from benchmarks.records import Quantity
from benchmarks.vocabulary import CLEAN
from methods.scores.confidence import confidence

CONFIDENT = 0.9
LEAST_CONFIDENT_SHARE = 0.1

ROTATED = "rotated-045"
LEAST_ECE = 0.02

OOD = "out-of-distribution"
KINDS = {CLEAN: "clean", ROTATED: "45°", OOD: "out of distribution"}
"""Conditions, and the group of all out-of-distribution ones; what quantities call them."""

SEVERAL = (SAMPLED, ENSEMBLE)
"""The methods that have several members."""


def measure_confident(predictor: RecipePredictor) -> Numbers:
    """The share of each set's images with a confidence above 0.9, for each network."""
    return {
        confident_share(method, condition, predictor.plan.task.condition(condition).data): [
            _confident_share(predictor.get(unit, condition).mean) for unit in units
        ]
        for method, units in _predicted(predictor, _ood(predictor)).items()
        for condition in _ood(predictor)
    }


def judge_confident(numbers: Numbers) -> Judgement:
    """Above 10 % of the images of all sets for softmax; partly if only of some set."""
    shares = {
        one.dataset: float(np.mean(values))
        for one, values in numbers.items()
        if one.method == SOFTMAX
    }
    mean = float(np.mean(list(shares.values())))
    verdict = Verdict.of(
        whole=mean > LEAST_CONFIDENT_SHARE,
        part=any(share > LEAST_CONFIDENT_SHARE for share in shares.values()),
    )
    listed = ", ".join(f"{100 * share:.0f} % of {name}" for name, share in shares.items())
    return Judgement(verdict, f"confidence above {CONFIDENT}: {100 * mean:.1f} % of all, {listed}")


def measure_split(predictor: RecipePredictor) -> Numbers:
    """The share of mutual information in predictive entropy, of sums over all images of a kind."""
    kinds = {CLEAN: (CLEAN,), ROTATED: (ROTATED,), OOD: _ood(predictor)}
    units = _predicted(predictor, sum(kinds.values(), ()))
    return {
        epistemic_share(method, kind): [
            _epistemic_share(predictor, unit, conditions) for unit in units[method]
        ]
        for method in SEVERAL
        for kind, conditions in kinds.items()
    }


def judge_split(numbers: Numbers) -> Judgement:
    """The epistemic share falls from clean and rotated to out-of-distribution images, for both."""

    def share(method: str, kind: str) -> float:
        return float(np.mean(numbers[epistemic_share(method, kind)]))

    def shown(method: str, kind: str) -> str:
        return f"{share(method, kind):.2f} ({KINDS[kind]})"

    return by_parts(
        {
            f"{CALLED[method]}: {shown(method, kind)} is above {shown(method, OOD)}": (
                share(method, OOD) < share(method, kind)
            )
            for method in SEVERAL
            for kind in (CLEAN, ROTATED)
        }
    )


def measure_similarity(predictor: RecipePredictor) -> Numbers:
    """ECE on clean and rotated images; AUROC, and its difference of softmax from the others."""
    ood = _ood(predictor)
    units = _predicted(predictor, (CLEAN, ROTATED, *ood))
    numbers = {
        ece_of(method, condition): [
            METRICS["ece"].value(Arrays(predictor.get(unit, condition), predictor.labels))
            for unit in units[method]
        ]
        for method in units
        for condition in (CLEAN, ROTATED)
    }
    placements = {
        method: [_placements(predictor, some, condition) for condition in ood]
        for method, some in units.items()
    }
    for method, sets in placements.items():
        numbers[_auroc_of(method)] = [auroc_interval(sets).value]
    for method in SEVERAL:
        pairs = zip(placements[SOFTMAX], placements[method], strict=True)
        difference = auroc_interval([one - other for one, other in pairs])
        for quantity, value in zip(auroc_less(method), difference, strict=True):
            numbers[quantity] = [value]
    return numbers


def judge_similarity(numbers: Numbers) -> Judgement:
    """ECE above 2 points, and AUROC below both others' with intervals that exclude zero."""
    ece = float(np.mean(numbers[ece_of(SOFTMAX, ROTATED)]))
    parts = {f"ECE at 45° exceeds {LEAST_ECE} ({ece:.3f})": ece > LEAST_ECE}
    below = []
    for method in SEVERAL:
        (value,), (lower,), (upper,) = (numbers[one] for one in auroc_less(method))
        if math.isnan(upper):
            raise NotTestableError("there are too few images for an interval")
        below.append((CALLED[method], f"{value:+.3f} ({lower:+.3f} to {upper:+.3f})", upper < 0))
    listed = ", ".join(f"{difference} from {name}" for name, difference, _ in below)
    parts[f"AUROC is below both others, with differences {listed}"] = all(
        holds for *_, holds in below
    )
    return by_parts(parts)


def confident_share(method: str, condition: str, dataset: str) -> Quantity:
    """A quantity of `measure_confident`."""
    label = f"{CALLED[method]}, {dataset}"
    return Quantity(label, "confident", method=method, condition=condition, dataset=dataset)


def epistemic_share(method: str, kind: str) -> Quantity:
    """A quantity of `measure_split`."""
    label = f"epistemic share, {CALLED[method]}, {KINDS[kind]}"
    return Quantity(label, "epistemic_share", method=method, condition=kind)


def ece_of(method: str, condition: str) -> Quantity:
    """A quantity of `measure_similarity`."""
    label = f"ECE, {CALLED[method]}, {KINDS[condition]}"
    return Quantity(label, "ece", method=method, condition=condition)


def auroc_less(method: str) -> tuple[Quantity, Quantity, Quantity]:
    """Quantities of `measure_similarity`: the AUROC of softmax less another one, and its bounds."""
    softmax = _auroc_of(SOFTMAX)
    label = f"{softmax.label} less {CALLED[method]}"
    value = replace(softmax, label=f"{label}, value", other_method=method)
    return (
        value,
        replace(value, label=f"{label}, lower", bound="lower"),
        replace(value, label=f"{label}, upper", bound="upper"),
    )


def _auroc_of(method: str) -> Quantity:
    return Quantity(
        f"AUROC, {CALLED[method]}",
        "auroc",
        score="predictive_entropy",
        method=method,
        condition=OOD,
    )


def _ood(predictor: RecipePredictor) -> tuple[str, ...]:
    if not predictor.ood:
        raise NotTestableError("the run has no out-of-distribution images")
    return predictor.ood


def _predicted(predictor: RecipePredictor, conditions: Sequence[str]) -> dict[str, list[RunUnit]]:
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


def _epistemic_share(predictor: RecipePredictor, unit: RunUnit, conditions: Sequence[str]) -> float:
    """Sum of mutual information over sum of predictive entropy."""
    of_conditions = [predictor.get(unit, condition) for condition in conditions]

    def total(measure: str) -> float:
        return float(sum(METRICS[measure].function(one).sum() for one in of_conditions))

    return total("mutual_information") / total("predictive_entropy")


def _placements(predictor: RecipePredictor, units: Sequence[RunUnit], condition: str) -> Placements:
    """The placements by predictive entropy, which every method has; a row for each run unit."""
    clean, ood = (
        np.stack([_entropy(predictor, unit, images) for unit in units])
        for images in (CLEAN, condition)
    )
    return Placements.of(clean, ood)


def _entropy(predictor: RecipePredictor, unit: RunUnit, images: str) -> npt.NDArray[np.float64]:
    of_each: Tensor = METRICS["predictive_entropy"].function(predictor.get(unit, images))
    return of_each.numpy()


STILL_CLASSIFIED = Claim(
    id="ood-still-classified",
    statement="An image from outside the training classes is still given one of them.",
    place="introduction",
    weight="supporting",
    rule="Softmax has a confidence above 0.9 for more than 10 % of the out-of-distribution "
    "images, over all sets together; partly if only for some set.",
    measure=measure_confident,
    judge=judge_confident,
    figure="histograms-predictive_entropy",
    against="Any classifier gives some class the largest probability; only whether its "
    "confidence is high can be tested.",
)

ALEATORIC = Claim(
    id="ood-is-aleatoric",
    statement="Images from outside the training classes raise aleatoric uncertainty.",
    place="introduction",
    weight="supporting",
    rule="The epistemic share is the sum of mutual information over the sum of predictive "
    "entropy, for all images of a kind. It falls from clean and from rotated (45°) images to "
    "out-of-distribution ones, for MC-dropout and for the ensemble. Partly if it falls in some "
    "of the four comparisons, not reproduced if in none.",
    measure=measure_split,
    judge=judge_split,
    figure="entropy-split",
    against="Plug-in mutual information depends on the number of members (100 passes, 50 "
    "networks): compare only within a method.",
    least_networks=2,
)

SIMILARITY = Claim(
    id="softmax-is-not-certainty",
    statement="A network's outputs measure similarity, not certainty.",
    place="the explanation of a classifier's outputs",
    weight="supporting",
    rule="The ECE of softmax exceeds 0.02 on images rotated by 45°; and its AUROC for "
    "out-of-distribution images (by predictive entropy, mean over the sets) is below those of "
    "MC-dropout and of the ensemble, with intervals of the difference that exclude zero. "
    "Partly if only one of the two holds.",
    measure=measure_similarity,
    judge=judge_similarity,
    figure="roc-predictive_entropy",
    against="Differences are paired by image (DeLong) and, for MC-dropout, by network. The "
    "intervals cover the draw of images and of networks, but not another ensemble.",
    least_networks=2,
)
