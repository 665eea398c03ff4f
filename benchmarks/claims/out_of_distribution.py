"""Claims about out-of-distribution images, and about what a network's outputs mean."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd
import torch

from benchmarks.claims.claim import (
    Claim,
    ClaimVerdict,
    Judgement,
    NotTestableError,
    RulePart,
    asked,
    by_parts,
)
from benchmarks.claims.numbers import ValueRange, interval, over_networks, rows, values
from benchmarks.claims.predictor import ENSEMBLE, IN_TEXT, SAMPLED, SEVERAL, SOFTMAX, Predictor
from benchmarks.headline import HEADLINE
from benchmarks.inference.evidence import HeadlineEvidence
from benchmarks.inference.rule import pair
from benchmarks.metrics import METRICS, MetricInputs
from benchmarks.nouns import Contestant, Names
from benchmarks.predictions import RunUnit, members_of
from benchmarks.schema import where
from benchmarks.vocabulary import CLEAN
from methods.scores.probabilities import confidence

CONFIDENT = 0.9
CONFIDENT_SHARE = f"confidence_above_{CONFIDENT}"
LEAST_CONFIDENT_SHARE = 0.1

ROTATED = "rotated-045"

SMALL_ENSEMBLE = 5
"""So that fifty networks give ten disjoint ensembles, which have an interval."""

OOD = "out-of-distribution"
REFERENCES = {CLEAN: "clean", ROTATED: "45°"}
"""Conditions that out-of-distribution ones are compared with, and what parts call them."""

ENTROPY, SHARE = "expected_entropy", "aleatoric_share"
MEASURES = {ENTROPY: "expected entropy", SHARE: "aleatoric share"}
"""The share is expected entropy divided by predictive entropy."""

TOTAL = "predictive_entropy"

(DETECTION,) = (measure for measure in HEADLINE if measure.images == "unknown")
"""The measure of the headline by which methods tell images of no class."""


def ood_conditions(predictor: Predictor) -> tuple[str, ...]:
    """The out-of-distribution conditions, of which there must be one."""
    if not predictor.ood:
        raise NotTestableError("The run has no out-of-distribution images.")
    return predictor.ood


def measure_confident(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """The share of each set's images with a confidence above 0.9, for each network."""
    ood, units = ood_conditions(predictor), predictor.compared
    for method, condition in product(units, ood):
        predictions = predictor.predictions(units[method], condition)
        above = [confidence(each.mean) > CONFIDENT for each in predictions]
        shares = [float(images.double().mean()) for images in above]
        label = predictor.plan.task.condition(condition).label
        yield rows(CONFIDENT_SHARE, shares, method=method, condition=condition, case=label)


def judge_confident(table: pd.DataFrame) -> Judgement:
    """Above 10 % of the images of all sets for softmax, or else of some set."""
    softmax = where(table, metric=CONFIDENT_SHARE, method=SOFTMAX)
    by_set = {str(name): group["value"] for name, group in softmax.groupby("case", sort=False)}
    mean = over_networks(np.mean(list(by_set.values()), axis=0))
    shares = {name: over_networks(numbers) for name, numbers in by_set.items()}
    parts = [
        asked(
            f"confidence above {CONFIDENT}, {name}",
            share,
            share.above(LEAST_CONFIDENT_SHARE),
            share.percent(),
        )
        for name, share in {"all sets (mean)": mean, **shares}.items()
    ]
    return Judgement(
        ClaimVerdict.of(whole=bool(parts[0].holds), part=any(part.holds for part in parts)),
        f"Softmax has a confidence above {CONFIDENT} for {mean.percent(named=True)} of the "
        "out-of-distribution images. By set: see the table.",
        tuple(parts),
    )


def measure_split(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """Mean expected entropy, and its share of predictive entropy, over all images of a kind.

    For each network, and for each of several disjoint ensembles.
    """
    kinds = {CLEAN: (CLEAN,), ROTATED: (ROTATED,), OOD: ood_conditions(predictor)}
    units = predictor.compared | {ENSEMBLE: predictor.blocks(SMALL_ENSEMBLE)}
    for method, (kind, conditions) in product(SEVERAL, kinds.items()):
        entropies, shares = [], []
        sets = (predictor.predictions(units[method], condition) for condition in conditions)
        for predictions in zip(*sets, strict=True):
            expected = torch.cat([prediction.expected_entropy for prediction in predictions])
            total = sum(METRICS[TOTAL].function(prediction).sum() for prediction in predictions)
            entropies.append(float(expected.mean()))
            shares.append(float(expected.sum() / total))
        yield rows(ENTROPY, entropies, method=method, condition=kind)
        yield rows(SHARE, shares, method=method, condition=kind)


def judge_split(table: pd.DataFrame) -> Judgement:
    """Expected entropy and its share are higher out of distribution, by each method."""
    parts = []
    for kind, measure, method in product(REFERENCES, MEASURES, SEVERAL):
        ood, reference = (
            values(table, measure, method=method, condition=condition) for condition in (OOD, kind)
        )
        change = over_networks(ood - reference)
        what = f"{MEASURES[measure]} of {IN_TEXT[method]}, minus {REFERENCES[kind]}"
        parts.append(asked(what, change, change.above()))
    return by_parts(parts, "{held} of {asked} comparisons show a rise.")


def measure_similarity(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """ECE on rotated images; AUROC, of softmax and the others, and the latters' differences.

    The AUROC is that of the run's headline.
    """
    folder, units = predictor.workspace.out, predictor.compared
    evidence = HeadlineEvidence.read(folder, DETECTION)
    if evidence is None:
        raise NotTestableError(
            "The run has not measured out-of-distribution images of real things; the stage measure "
            "does, where it has any."
        )
    for method, condition in product(units, (CLEAN, ROTATED)):
        labels = predictor.labels_of(condition)
        inputs = (MetricInputs(p, labels) for p in predictor.predictions(units[method], condition))
        eces = list(map(METRICS["ece"].value, inputs))
        yield rows("ece", eces, method=method, condition=condition)
    names = Names.read(folder)
    softmax, *others = (_contestant(own[0]) for own in units.values())
    for method, other in zip(SEVERAL, others, strict=True):
        row = pair(evidence, names, softmax, other)
        if method == SAMPLED:
            yield rows("auroc", row.first, method=SOFTMAX, condition=OOD)
        yield rows("auroc", row.second, method=method, condition=OOD)
        gap = ValueRange(row.difference, row.lower, row.upper)
        yield rows("auroc", gap, **auroc_minus(method))


def _contestant(unit: RunUnit) -> Contestant:
    return Contestant(unit.method, members_of(unit, 1), unit.budget)


def judge_similarity(table: pd.DataFrame) -> Judgement:
    """ECE above and AUROC below those of both others, with intervals that leave zero.

    That of the ECE covers the draw of networks on the images at hand (paired where both are of one
    network; the ensemble is a single one); that of the AUROC also the draw of images.
    """
    parts: list[RulePart] = []
    for method in SEVERAL:
        softmax, other = (
            values(table, "ece", method=name, condition=ROTATED) for name in (SOFTMAX, method)
        )
        ece = over_networks(softmax - other)
        auroc = interval(table, "auroc", **auroc_minus(method))
        parts += [
            asked(f"ECE at 45°: softmax minus {IN_TEXT[method]}", ece, ece.above()),
            asked(f"AUROC: softmax minus {IN_TEXT[method]}", auroc, auroc.below()),
        ]
    return by_parts(
        parts,
        "As certainty, softmax is significantly worse in {held} of {asked} comparisons, by "
        "calibration and by AUROC. Whether outputs measure similarity is not tested.",
    )


def auroc_minus(method: str) -> dict[str, str]:
    """The columns of the AUROC of softmax less that of another method, with an interval."""
    return {"method": SOFTMAX, "condition": OOD, "case": f"minus {method}"}


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
    figure="roc",
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
    against="The share depends on the number of members (100 passes, 5 networks), so it is "
    "compared within a method only. Expected entropy also rises on hard images of the training "
    "classes.",
    least_networks=2 * SMALL_ENSEMBLE,
)

SIMILARITY = Claim(
    id="softmax-is-not-certainty",
    statement="A network's outputs measure similarity, not certainty.",
    place="explanation of a classifier's outputs",
    weight="supporting",
    rule="We test the second half, “not certainty”: are there better measures of certainty? We "
    "compare softmax with MC-dropout and with the ensemble in two ways: by the ECE on images "
    "rotated by 45°, and by the run's AUROC for out-of-distribution images of real things (mean "
    "over the sets, each method by its main score). Softmax is significantly worse if its ECE is "
    "higher, or its AUROC lower, and the 95 % interval of the difference excludes zero. "
    "Reproduced: it is in all four comparisons. Partly reproduced: it is in some.",
    measure=measure_similarity,
    judge=judge_similarity,
    figure="roc",
    against="We test whether the outputs are calibrated and detect other images, not whether they "
    "measure similarity. To be worse than others is not to be useless: softmax does detect "
    "out-of-distribution images. Differences are paired by image and, where both sides use them, "
    "by network. The interval of the ECE covers neither another ensemble nor other images. ECE is "
    "biased upwards, by amounts that differ with the method.",
    least_networks=2,
)
