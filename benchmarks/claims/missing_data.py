"""The claim that epistemic uncertainty comes from too few similar training images.

Networks of the run's recipe are trained on stratified, nested choices of MNIST's training images,
and on all of them rotated. All take as many steps of Adam: with as many epochs, networks with few
images would be trained too little as well, and the two effects could not be distinguished.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise, product

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.claims.claim import Claim, ClaimVerdict, Judgement, NotTestableError, RulePart
from benchmarks.claims.imitation import MEASURES
from benchmarks.claims.numbers import over_networks, rows, values
from benchmarks.claims.predictor import (
    ENSEMBLE,
    IN_TEXT,
    SAMPLED,
    SEVERAL,
    Predictor,
    Training,
    run_training,
)
from benchmarks.metrics import METRICS
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.shifts import rotated
from benchmarks.tasks.task import stratified_choice
from benchmarks.vocabulary import CLEAN
from methods.determinism import derive_seed
from methods.networks.recipes import LabelledImages

ALL, ROTATED = "article-all", "article-rotated"
SIZES = {"article-1000": 1_000, "article-10000": 10_000}
"""Training images in all; a tenth of each class."""

LABELS = {
    **{name: f"{size:,}" for name, size in SIZES.items()},
    ALL: "all",
    ROTATED: "all, rotated",
}
"""The training sets, and what rows call them; the run's own networks have all as they are."""

MOST_NETWORKS = 6
SMALL_ENSEMBLE = 2
"""So that six networks give three ensembles, which have an interval."""

ROTATED_BY_45 = "rotated-045"
IMAGES = {CLEAN: "clean", ROTATED_BY_45: "45°"}

STEPS = dict(enumerate(pairwise(LABELS.values()), 1))
"""From one training set to the next, by its number in the rule."""

SIMILAR = ((1, CLEAN), (2, CLEAN), (3, ROTATED_BY_45))
"""The steps that add training images like the evaluated ones, and these."""

OTHER = ((1, ROTATED_BY_45), (2, ROTATED_BY_45))
"""Those that add other ones."""


def trained_on(name: str, plan: Plan, workspace: Workspace) -> Training:
    """The networks of a training set, see `LABELS`, and its images."""
    pool, whole = run_training(plan, workspace)
    training = _training_images(plan, workspace, name)
    per_epoch = -(-len(training.labels) // pool.recipe.batch_size)
    epochs = pool.recipe.steps(len(whole.labels)) / per_epoch
    return replace(pool, recipe=replace(pool.recipe, epochs=epochs)), training


@cache
def _training_images(plan: Plan, workspace: Workspace, name: str) -> LabelledImages:
    """Made once a process, since its fingerprint takes a while."""
    whole, seed = workspace.images(plan.task, plan.recipe.split), plan.configuration.seed
    if name == ROTATED:
        random = np.random.default_rng(derive_seed(ROTATED, seed))
        return LabelledImages(rotated_at_random(whole.images, random), whole.labels)
    chosen = stratified_choice(whole.labels, SIZES[name], seed)
    return LabelledImages(whole.images[chosen], whole.labels[chosen])


def rotated_at_random(
    images: Float[Tensor, "images 1 28 28"], random: np.random.Generator
) -> Float[Tensor, "images 1 28 28"]:
    """Each image rotated once, by an angle uniform in [-180°, 180°)."""
    angles = random.uniform(-180, 180, len(images)).tolist()
    turned = [rotated(image[None], angle) for image, angle in zip(images, angles, strict=True)]
    return torch.cat(turned)


def measure_lack(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """Mean mutual information and disagreement by training set, for each network or ensemble."""
    images = len(predictor.pool()[1].labels)
    if images <= max(SIZES.values()):
        raise NotTestableError(f"There are only {images:,} training images.")
    few = replace(predictor, networks=min(MOST_NETWORKS, predictor.networks))
    others = (name for name in LABELS if name != ALL)
    predictors = {
        name: few.otherwise(name, few.networks, partial(trained_on, name)) for name in others
    } | {ALL: few}
    units = {
        SAMPLED: [few.mc_dropout(network) for network in range(few.networks)],
        ENSEMBLE: few.blocks(SMALL_ENSEMBLE),
    }
    for method, condition, name in product(SEVERAL, IMAGES, LABELS):
        predictions = predictors[name].predictions(units[method], condition)
        for measure in MEASURES:
            function = METRICS[measure].function
            means = [float(function(prediction).mean()) for prediction in predictions]
            yield rows(measure, means, method=method, condition=condition, case=LABELS[name])


def judge_lack(table: pd.DataFrame) -> Judgement:
    """Falls at steps to more similar images; a rise at any step speaks against the claim."""
    parts, falls, rises = [], 0, 0
    for (step, images), method, measure in product((*SIMILAR, *OTHER), SEVERAL, MEASURES):
        fewer, more = (
            values(table, measure, method=method, condition=images, case=trained_on)
            for trained_on in STEPS[step]
        )
        change = over_networks(more - fewer)
        similar = (step, images) in SIMILAR
        falls += similar and change.below()
        rises += change.above()
        what = f"step {step}, {IMAGES[images]}: {MEASURES[measure]} of {IN_TEXT[method]}"
        # Without similar images uncertainty should not rise.
        holds = change.below() if similar else not change.above()
        parts.append(RulePart(what, change.text("+.4f"), holds))
    comparisons = len(SIMILAR) * len(SEVERAL) * len(MEASURES)
    return Judgement(
        ClaimVerdict.of(whole=falls == comparisons and not rises, part=2 * falls >= comparisons),
        f"Uncertainty falls in {falls} of the {comparisons} comparisons with more similar images. "
        f"It rises in {rises} of all {len(parts)}.",
        tuple(parts),
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
    against="All networks take as many steps of Adam as the article's, so fewer images do not "
    "mean less training. The smaller training sets are nested and stratified by class. Each "
    "training image is rotated once, by an angle drawn uniformly from ±180°. Ensembles have two "
    "networks, so that six networks give three ensembles and an interval.",
    least_networks=4,
)
