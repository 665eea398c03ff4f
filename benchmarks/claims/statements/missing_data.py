"""The claim that epistemic uncertainty comes from too few similar training images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from benchmarks.claims.claim import Claim, Judgement, NotTestableError, Numbers, Verdict
from benchmarks.claims.intervals import Interval, over_networks
from benchmarks.claims.predictor import CALLED, ENSEMBLE, IN_TEXT, SAMPLED, RecipePredictor
from benchmarks.claims.statements.imitation import MEASURES
from benchmarks.claims.training_sets import ROTATED, SIZES
from benchmarks.metrics import METRICS
from benchmarks.records import Quantity
from benchmarks.vocabulary import CLEAN
from methods.networks.recipes import ARTICLE

MOST_NETWORKS = 10
SMALL_ENSEMBLE = 2
"""So that ten networks give five ensembles, which have an interval."""

ROTATED_BY_45 = "rotated-045"
IMAGES = {CLEAN: "clean", ROTATED_BY_45: "45°"}
METHODS = (SAMPLED, ENSEMBLE)

GROWING = (*SIZES, ARTICLE.name)
"""Ever more training images like the clean ones."""

LABELS = {
    **{name: f"{size:,}" for name, size in SIZES.items()},
    ARTICLE.name: "all",
    ROTATED: "all, rotated",
}


class Step(NamedTuple):
    """From one training set to another, and the evaluated images.

    Attributes:
        similar: whether the second has more images like the evaluated ones.
    """

    fewer: str
    more: str
    condition: str
    similar: bool


STEPS = (
    *(Step(*sets, CLEAN, True) for sets in pairwise(GROWING)),
    Step(ARTICLE.name, ROTATED, ROTATED_BY_45, True),
    *(Step(*sets, ROTATED_BY_45, False) for sets in pairwise(GROWING)),
)


def measure_lack(predictor: RecipePredictor) -> Numbers:
    """Mean mutual information and disagreement by training set, for each network or ensemble."""
    if predictor.recipe != ARTICLE.name:
        raise NotTestableError("Networks of this recipe are not trained on fewer images.")
    images = len(predictor.pool(ARTICLE.name)[1].labels)
    if images <= max(SIZES.values()):
        raise NotTestableError(f"There are only {images:,} training images.")
    of_sets = {
        name: replace(predictor, recipe=name, networks=min(MOST_NETWORKS, predictor.networks))
        for name in LABELS
    }
    units = {
        name: {
            SAMPLED: [one.mc_dropout(network) for network in range(one.networks)],
            ENSEMBLE: one.blocks(SMALL_ENSEMBLE, one.networks),
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
    """Falls at steps to more similar images; a rise at any step speaks against the claim."""
    changes = list(_changes(numbers))
    similar = [change for step, _, change in changes if step.similar]
    falls = sum(change.below() for change in similar)
    rises = [_told(step, name, change) for step, name, change in changes if change.above()]
    told = [
        f"With more similar training images, uncertainty falls in {falls} of {len(similar)} "
        "comparisons (95 % interval below zero).",
        f"It rises in {len(rises)} of all {len(changes)}{': ' if rises else '.'}"
        + (f"{'; '.join(rises)}." if rises else ""),
    ]
    whole = falls == len(similar) and not rises
    return Judgement(Verdict.of(whole=whole, part=2 * falls >= len(similar)), " ".join(told))


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


def _changes(numbers: Numbers) -> Iterator[tuple[Step, str, Interval]]:
    """Each step, what is compared, and the paired difference over networks."""
    for step in STEPS:
        for method in METHODS:
            for measure, name in MEASURES.items():
                more, fewer = (
                    np.array(numbers[mean_of(method, measure, step.condition, training_set)])
                    for training_set in (step.more, step.fewer)
                )
                yield step, f"{name} of {IN_TEXT[method]}", over_networks(more - fewer)


def _told(step: Step, name: str, change: Interval) -> str:
    sets = f"{LABELS[step.fewer]} to {LABELS[step.more]} training images"
    return f"{name}, {IMAGES[step.condition]}, {sets}: {change.text('+.4f')}"


MISSING_DATA = Claim(
    id="epistemic-is-missing-data",
    statement="Epistemic uncertainty comes from too few similar images among the training images.",
    place="the section Epistemic/Model Uncertainty",
    weight="supporting",
    rule="Mutual information and disagreement are compared from one training set to the next, on "
    "the same images, for MC-dropout and for ensembles of two. A step counts only if the 95 % "
    "interval of the difference (paired, over networks) excludes zero. Similar images are added "
    "in three steps: from 1,000 to 10,000 and to 60,000 training images (tested on clean images), "
    "then by rotating the 60,000 at random (tested on images rotated by 45°). Reproduced if "
    "uncertainty falls at each of these steps, and rises neither there nor on rotated images from "
    "1,000 to 10,000 to 60,000 images; partly if it falls in at least half of the comparisons with "
    "more similar images.",
    measure=measure_lack,
    judge=judge_lack,
    figure="claims-missing-data",
    against="All networks take as many steps of Adam as the article's, so fewer images do not "
    "mean less training. The smaller training sets are nested and stratified by class. Each "
    "training image is rotated once, by an angle drawn uniformly from ±180°. Ensembles have two "
    "networks, so that ten networks give five ensembles and an interval.",
    least_networks=4,
)
