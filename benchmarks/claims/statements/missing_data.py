"""The claim that epistemic uncertainty comes from too few similar training images."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from benchmarks.claims.claim import Claim, Judgement, NotTestableError, Numbers, by_parts
from benchmarks.claims.predictor import CALLED, ENSEMBLE, SAMPLED, RecipePredictor
from benchmarks.claims.statements.agreement import MEASURES
from benchmarks.claims.statements.out_of_distribution import ROTATED as ROTATED_BY_45
from benchmarks.claims.training_sets import ROTATED, SIZES
from benchmarks.metrics import METRICS
from benchmarks.records import Quantity
from benchmarks.vocabulary import CLEAN
from methods.networks.recipes import ARTICLE

MOST_NETWORKS = 10
IMAGES = {CLEAN: "clean", ROTATED_BY_45: "45°"}
METHODS = (SAMPLED, ENSEMBLE)

GROWING = (*SIZES, ARTICLE.name)
"""Ever more training images like the clean ones."""

LABELS = {
    **{name: f"{size:,}" for name, size in SIZES.items()},
    ARTICLE.name: "all",
    ROTATED: "all, rotated",
}

STEPS = (
    *((one, other, CLEAN) for one, other in pairwise(GROWING)),
    (ARTICLE.name, ROTATED, ROTATED_BY_45),
)
"""From fewer training images like the evaluated ones to more; and the evaluated images."""


def measure_lack(predictor: RecipePredictor) -> Numbers:
    """Mean mutual information and disagreement by training set.

    For MC-dropout a number for each network, for the ensemble of the 10 a single one.
    """
    if predictor.recipe != ARTICLE.name:
        raise NotTestableError("networks of this recipe are not trained on fewer images")
    images = len(predictor.pool(ARTICLE.name)[1].labels)
    if images <= max(SIZES.values()):
        raise NotTestableError(f"there are only {images:,} training images")
    of_sets = {
        name: replace(predictor, recipe=name, networks=min(MOST_NETWORKS, predictor.networks))
        for name in LABELS
    }
    units = {
        name: {
            SAMPLED: [one.mc_dropout(network) for network in range(one.networks)],
            ENSEMBLE: [one.ensemble],
        }
        for name, one in of_sets.items()
    }
    predictor.predict(
        (unit, condition)
        for of_set in units.values()
        for some in of_set.values()
        for unit in some
        for condition in IMAGES
    )
    return {
        mean_of(method, measure, condition, name): [
            float(METRICS[measure].function(predictor.get(unit, condition)).mean())
            for unit in units[name][method]
        ]
        for method in METHODS
        for measure in MEASURES
        for condition in IMAGES
        for name in LABELS
    }


def judge_lack(numbers: Numbers) -> Judgement:
    """For each method: both measures fall at every step to more training images of a kind."""
    return by_parts(
        {
            f"{CALLED[method]} falls at {falls} of {steps} steps": falls == steps
            for method in METHODS
            for falls, steps in [_falls(numbers, method)]
        }
    )


def mean_of(method: str, measure: str, condition: str, training_set: str) -> Quantity:
    """A quantity of `measure_lack`."""
    trained_on = LABELS[training_set]
    images = f"{MEASURES[measure]}, {IMAGES[condition]}"
    return Quantity(
        f"{CALLED[method]}, {images}, trained on {trained_on}",
        metric=measure,
        method=method,
        condition=condition,
        training_set=trained_on,
    )


def _falls(numbers: Numbers, method: str) -> tuple[int, int]:
    falls = [
        np.mean(numbers[mean_of(method, measure, condition, more)])
        < np.mean(numbers[mean_of(method, measure, condition, fewer)])
        for measure in MEASURES
        for fewer, more, condition in STEPS
    ]
    return sum(map(bool, falls)), len(falls)


MISSING_DATA = Claim(
    id="epistemic-is-missing-data",
    statement="Epistemic uncertainty comes from too few similar images among the training images.",
    place="the section Epistemic/Model Uncertainty",
    weight="supporting",
    rule="Mutual information and disagreement (means over 10 networks) fall at every step: on "
    "clean images from 1,000 to 10,000 to 60,000 training images, and on images rotated by 45° "
    "from 60,000 training images to the same images rotated at random. Reproduced if this "
    "holds for MC-dropout and for the ensemble of 10, partly if for one of them.",
    measure=measure_lack,
    judge=judge_lack,
    figure="claims-missing-data",
    against="All networks take as many steps of Adam as the article's, so fewer images do not "
    "mean less training. The smaller training sets are nested and stratified by class. Each "
    "training image is rotated once, by an angle drawn uniformly from ±180°.",
    least_networks=2,
)
