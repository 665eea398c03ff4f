"""The claim that epistemic uncertainty comes from too few similar training images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, pairwise, product

import pandas as pd

from benchmarks.claims.claim import Claim, Judgement, NotTestableError, Part, Verdict, rows, values
from benchmarks.claims.intervals import over_networks
from benchmarks.claims.predictor import ENSEMBLE, IN_TEXT, SAMPLED, RecipePredictor
from benchmarks.claims.statements.imitation import MEASURES
from benchmarks.claims.training_sets import ROTATED, SIZES
from benchmarks.metrics import METRICS
from benchmarks.vocabulary import CLEAN
from methods.networks.recipes import ARTICLE

MOST_NETWORKS = 10
SMALL_ENSEMBLE = 2
"""So that ten networks give five ensembles, which have an interval."""

ROTATED_BY_45 = "rotated-045"
IMAGES = {CLEAN: "clean", ROTATED_BY_45: "45°"}
METHODS = (SAMPLED, ENSEMBLE)

LABELS = {
    **{name: f"{size:,}" for name, size in SIZES.items()},
    ARTICLE.name: "all",
    ROTATED: "all, rotated",
}
"""The training sets, and what rows call them."""

STEPS = dict(enumerate(pairwise(LABELS.values()), 1))
"""From one training set to the next, by its number in the rule."""

SIMILAR = ((1, CLEAN), (2, CLEAN), (3, ROTATED_BY_45))
"""The steps that add training images like the evaluated ones, and these."""

OTHER = ((1, ROTATED_BY_45), (2, ROTATED_BY_45))
"""Those that add other ones."""


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
    predictor.predict(chain(*units.values()), IMAGES)
    for method, measure, condition, name in product(METHODS, MEASURES, IMAGES, LABELS):
        function = METRICS[measure].function
        means = [
            float(function(predictor.get(unit, condition)).mean()) for unit in units[method, name]
        ]
        yield rows(measure, means, method=method, condition=condition, case=LABELS[name])


def judge_lack(table: pd.DataFrame) -> Judgement:
    """Falls at steps to more similar images; a rise at any step speaks against the claim."""
    changes = {}
    for (step, images), method, measure in product((*SIMILAR, *OTHER), METHODS, MEASURES):
        fewer, more = (
            values(table, measure, method=method, condition=images, case=trained_on)
            for trained_on in STEPS[step]
        )
        changes[step, images, method, measure] = over_networks(more - fewer)
    similar = [change for change in changes if change[:2] in SIMILAR]
    falls = sum(changes[change].below() for change in similar)
    rises = sum(interval.above() for interval in changes.values())
    whole = falls == len(similar) and not rises
    return Judgement(
        Verdict.of(whole=whole, part=2 * falls >= len(similar)),
        f"Uncertainty falls in {falls} of the {len(similar)} comparisons with more similar images. "
        f"It rises in {rises} of all {len(changes)}.",
        tuple(
            Part(
                f"step {step}, {IMAGES[images]}: {MEASURES[measure]} of {IN_TEXT[method]}",
                interval.text("+.4f"),
                # Without similar images uncertainty should not rise.
                interval.below() if (step, images) in SIMILAR else not interval.above(),
            )
            for (step, images, method, measure), interval in changes.items()
        ),
    )


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
