"""The claim that epistemic uncertainty comes from too few similar training images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, product
from typing import NamedTuple

import pandas as pd

from benchmarks.claims.claim import Claim, Judgement, NotTestableError, Part, Verdict, rows, values
from benchmarks.claims.intervals import Interval, over_networks
from benchmarks.claims.predictor import ENSEMBLE, IN_TEXT, SAMPLED, RecipePredictor
from benchmarks.claims.statements.imitation import MEASURES
from benchmarks.claims.training_sets import ROTATED, SIZES
from benchmarks.metrics import METRICS
from benchmarks.report.texts import listed
from benchmarks.vocabulary import CLEAN
from methods.networks.recipes import ARTICLE

MOST_NETWORKS = 10
SMALL_ENSEMBLE = 2
"""So that ten networks give five ensembles, which have an interval."""

ROTATED_BY_45 = "rotated-045"
IMAGES = {CLEAN: "clean", ROTATED_BY_45: "45°"}
ON_IMAGES = {CLEAN: "clean images", ROTATED_BY_45: "images rotated by 45°"}
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
        number: of the pair of training sets, as the rule calls it.
        similar: whether the second has more images like the evaluated ones.
    """

    number: int
    fewer: str
    more: str
    condition: str
    similar: bool


class Change(NamedTuple):
    """The paired difference of a step, by one measure of one method."""

    step: Step
    method: str
    measure: str
    interval: Interval


STEPS = (
    *(Step(number, *sets, CLEAN, True) for number, sets in enumerate(pairwise(GROWING), 1)),
    Step(len(GROWING), ARTICLE.name, ROTATED, ROTATED_BY_45, True),
    *(
        Step(number, *sets, ROTATED_BY_45, False)
        for number, sets in enumerate(pairwise(GROWING), 1)
    ),
)


def measure_lack(predictor: RecipePredictor) -> Iterator[pd.DataFrame]:
    """Mean mutual information and disagreement by training set, for each network or ensemble."""
    if predictor.recipe != ARTICLE.name:
        raise NotTestableError("Networks of this recipe are not trained on fewer images.")
    images = len(predictor.pool(ARTICLE.name)[1].labels)
    if images <= max(SIZES.values()):
        raise NotTestableError(f"There are only {images:,} training images.")
    units = {}
    for name in LABELS:
        networks = min(MOST_NETWORKS, predictor.networks)
        trained = replace(predictor, recipe=name, networks=networks)
        units[SAMPLED, name] = [trained.mc_dropout(network) for network in range(networks)]
        units[ENSEMBLE, name] = trained.blocks(SMALL_ENSEMBLE, networks)
    each = [unit for some in units.values() for unit in some]
    predictor.predict(product(each, IMAGES))
    for method, measure, condition, name in product(METHODS, MEASURES, IMAGES, LABELS):
        function = METRICS[measure].function
        means = [
            float(function(predictor.get(unit, condition)).mean()) for unit in units[method, name]
        ]
        yield rows(measure, means, method=method, condition=condition, case=LABELS[name])


def judge_lack(table: pd.DataFrame) -> Judgement:
    """Falls at steps to more similar images; a rise at any step speaks against the claim."""
    changes = list(_changes(table))
    similar = [one for one in changes if one.step.similar]
    falls = sum(one.interval.below() for one in similar)
    rises = [one for one in changes if one.interval.above()]
    where = f": {'; '.join(_places(rises))}." if rises else "."
    told = [
        f"Uncertainty falls in {falls} of the {len(similar)} comparisons with more similar images.",
        f"It rises in {len(rises)} of all {len(changes)}{where}",
    ]
    whole = falls == len(similar) and not rises
    return Judgement(
        Verdict.of(whole=whole, part=2 * falls >= len(similar)),
        " ".join(told),
        tuple(map(_part, changes)),
    )


def _changes(table: pd.DataFrame) -> Iterator[Change]:
    """At each step, by each method and measure."""
    for step, method, measure in product(STEPS, METHODS, MEASURES):
        more, fewer = (
            values(table, measure, method=method, condition=step.condition, case=LABELS[name])
            for name in (step.more, step.fewer)
        )
        yield Change(step, method, measure, over_networks(more - fewer))


def _part(change: Change) -> Part:
    """Where similar images are added uncertainty should fall, elsewhere it should not rise."""
    step, method, measure, interval = change
    return Part(
        f"step {step.number}, {IMAGES[step.condition]}: {MEASURES[measure]} of {IN_TEXT[method]}",
        interval.text("+.4f"),
        interval.below() if step.similar else not interval.above(),
    )


def _places(changes: list[Change]) -> Iterator[str]:
    """For which method, on which images and in which steps; by any measure."""
    steps: dict[tuple[str, str], set[int]] = {}
    for step, method, _, _ in changes:
        steps.setdefault((method, step.condition), set()).add(step.number)
    for (method, condition), some in steps.items():
        numbers = listed(list(map(str, sorted(some))))
        named = f"step{'s' if len(some) > 1 else ''} {numbers}"
        yield f"for {IN_TEXT[method]} on {ON_IMAGES[condition]}, in {named}"


MISSING_DATA = Claim(
    id="epistemic-is-missing-data",
    statement="Epistemic uncertainty comes from too few similar images among the training images.",
    place="section Epistemic/Model Uncertainty",
    weight="supporting",
    rule="Step 1: from 1,000 to 10,000 training images. Step 2: from 10,000 to all 60,000. Step 3: "
    "from all to all, rotated at random. In steps 1 and 2 we test clean images, in step 3 images "
    "rotated by 45°: each step adds training images like those tested. A step has four "
    "comparisons (mutual information and disagreement, of MC-dropout and of ensembles of two), so "
    "there are 12. Eight more compare rotated images in steps 1 and 2, where uncertainty should "
    "not rise. A fall or rise counts if the 95 % interval of the difference (paired, over "
    "networks) excludes zero. Reproduced: uncertainty falls in all 12, and rises in none of the "
    "20. Partly reproduced: it falls in at least half of the 12.",
    measure=measure_lack,
    judge=judge_lack,
    figure="claims-missing-data",
    against="All networks take as many steps of Adam as the article's, so fewer images do not "
    "mean less training. The smaller training sets are nested and stratified by class. Each "
    "training image is rotated once, by an angle drawn uniformly from ±180°. Ensembles have two "
    "networks, so that ten networks give five ensembles and an interval.",
    least_networks=4,
)
