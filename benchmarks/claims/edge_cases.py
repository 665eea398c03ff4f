"""Claims that different models classify edge cases differently.

Of one architecture, and of two. A few networks of each of two architectures are trained alike for
this claim. Some of each choose the disputed images, and the others are compared: do two networks of
different architectures disagree on these images more often than two of one architecture do, whose
only difference is their draw of weights and of order?
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int64
from scipy import stats

from benchmarks.claims.claim import (
    Claim,
    ClaimVerdict,
    Judgement,
    NotTestableError,
    RulePart,
    asked,
    by_parts,
)
from benchmarks.claims.numbers import FEWEST, ValueRange, interval, jackknife, rows, values
from benchmarks.claims.predictor import CHOOSING, SOFTMAX, Predictor, Training
from benchmarks.inference.intervals import FEWEST_OF_A_KIND
from benchmarks.metrics import METRICS, MetricInputs, scoring
from benchmarks.report.editorial import DISAGREEMENT
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import CONFIDENCE
from methods.networks.architectures import LeNet5ReLU
from methods.networks.recipes import Recipe

WRONG, RIGHT = "misclassified images", "correct images"
MORE_ON_WRONG = "misclassified minus correct images"

PLAIN = Recipe("plain", split="training", dropout=0.0)
RECIPES = (PLAIN, replace(PLAIN, name="relu", network=LeNet5ReLU))
"""Of the article's network and of the one with ReLU; both train without dropout."""

NETWORKS = CHOOSING + FEWEST
"""How many networks of each recipe are trained."""

LEAST = 0.1
"""The least share of the disputed images on which two networks disagree, where they do at all."""

ACROSS, EXCESS = "across architectures", "across minus within"

Votes = Int64[np.ndarray, "networks images"]
"""The class that each network of a kind gives each image."""


def trained_by(recipe: Recipe, plan: Plan, workspace: Workspace) -> Training:
    """Networks of another recipe than the run's, which train as long as its."""
    longer = replace(recipe, epochs=plan.recipe.epochs)
    pool = replace(plan.pool(store=workspace.store), recipe=longer)
    return pool, workspace.images(plan.task, recipe.split)


def measure_edge_cases(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """The ensemble's disagreement on misclassified and on correct images, and its AUROC.

    The interval of the difference of both is Welch's (1947): it covers the draw of images, for this
    ensemble.
    """
    prediction = predictor.get(predictor.ensemble)
    right = scoring.correct(prediction.mean, predictor.labels)
    score = METRICS[DISAGREEMENT].function(prediction)
    wrong_images, right_images = score[~right].numpy(), score[right].numpy()
    if min(len(wrong_images), len(right_images)) < FEWEST_OF_A_KIND:
        raise NotTestableError(
            f"An interval takes at least {FEWEST_OF_A_KIND} misclassified images and as many "
            f"others; of {len(right)} images {len(wrong_images)} are misclassified."
        )
    for case, disagreements in ((WRONG, wrong_images), (RIGHT, right_images)):
        yield rows(DISAGREEMENT, float(disagreements.mean()), case=case)
    yield rows("images", float(len(wrong_images)), case=WRONG)
    welch = stats.ttest_ind(wrong_images, right_images, equal_var=False)
    gap = ValueRange(
        float(wrong_images.mean() - right_images.mean()), *welch.confidence_interval(CONFIDENCE)
    )
    yield rows(DISAGREEMENT, gap, case=MORE_ON_WRONG)
    auroc = METRICS["misclassification_auroc"].value(
        MetricInputs(prediction, predictor.labels, score=score)
    )
    yield rows("auroc", auroc, score=DISAGREEMENT, case=WRONG)


def judge_edge_cases(table: pd.DataFrame) -> Judgement:
    """More disagreement on misclassified images than on the others."""
    (wrong,), (right,) = (values(table, DISAGREEMENT, case=case) for case in (WRONG, RIGHT))
    gap = interval(table, DISAGREEMENT, case=MORE_ON_WRONG)
    auroc = interval(table, "auroc", score=DISAGREEMENT, case=WRONG)
    return by_parts(
        (
            asked(f"disagreement: {MORE_ON_WRONG}", gap, gap.above()),
            RulePart(f"AUROC of disagreement for {WRONG}", auroc.text()),
        ),
        f"Two networks disagree on {100 * wrong:.0f} % of the misclassified images and on "
        f"{100 * right:.1f} % of the others.",
    )


def measure_architectures(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """Disagreement within and across architectures."""
    means = {}
    for recipe in RECIPES:
        few = predictor.otherwise(recipe.name, NETWORKS, partial(trained_by, recipe))
        predictions = few.predictions(map(few.softmax, range(NETWORKS)))
        means[recipe.name] = torch.stack([each.mean for each in predictions])
    choosing = torch.cat([mean[:CHOOSING].argmax(dim=2) for mean in means.values()])
    disputed = (choosing != choosing[0]).any(dim=0)
    if not disputed.any():
        raise NotTestableError("The networks that choose disputed images agree on every image.")
    yield rows("networks", float(FEWEST), case="of each architecture")
    yield rows("images", float(disputed.sum()), case="disputed")
    votes = {name: mean[CHOOSING:].argmax(dim=2) for name, mean in means.items()}
    for name, classes in votes.items():
        right = (classes == predictor.labels).double().mean(dim=1)
        yield rows("accuracy", right.tolist(), method=SOFTMAX, case=name)
    kinds = [classes[:, disputed].numpy() for classes in votes.values()]
    for name, kind in zip(votes, kinds, strict=True):
        yield rows("disagreement", within(kind), case=f"within {name}")
    for case, statistic in ((ACROSS, across), (EXCESS, excess)):
        yield rows("disagreement", over_kinds(statistic, *kinds), case=case)


def judge_architectures(table: pd.DataFrame) -> Judgement:
    """More disagreement across than within, or else at least a tenth across."""
    across, more = (interval(table, "disagreement", case=case) for case in (ACROSS, EXCESS))
    names = [recipe.name for recipe in RECIPES]
    plain, relu = (values(table, "accuracy", method=SOFTMAX, case=name).mean() for name in names)
    excess = "disagreement across minus within one architecture"
    accuracy = f"accuracy of {' minus '.join(names)}, which adds to the disagreement"
    return Judgement(
        ClaimVerdict.of(whole=more.above(), part=across.above(LEAST)),
        f"Two networks of different architectures disagree on {across.percent(named=True)} of the "
        "disputed images.",
        (
            RulePart("disagreement across architectures", across.percent(1), across.above(LEAST)),
            asked(excess, more, more.above()),
            RulePart(accuracy, ValueRange(plain - relu).text("+.4f")),
        ),
    )


def across(first: Votes, second: Votes) -> float:
    """The share of images on which two networks vote differently, one of each kind: the mean."""
    return float((first[:, None] != second).mean())


def within(kind: Votes) -> float:
    """The mean over pairs of two networks of one kind."""
    return across(kind, kind) * len(kind) / (len(kind) - 1)  # of a network with itself it is 0


def excess(first: Votes, second: Votes) -> float:
    """Across kinds, less the mean of that within each."""
    return across(first, second) - (within(first) + within(second)) / 2


def over_kinds(
    statistic: Callable[[Votes, Votes], float], first: Votes, second: Votes
) -> ValueRange:
    """A statistic of two kinds of networks with its 95 % interval over them."""
    return jackknife(
        statistic(first, second),
        [statistic(np.delete(first, i, axis=0), second) for i in range(len(first))],
        [statistic(first, np.delete(second, i, axis=0)) for i in range(len(second))],
    )


EDGE_CASES = Claim(
    id="disagree-on-edge-cases",
    statement="Different models classify edge cases differently.",
    place="section Epistemic/Model Uncertainty",
    weight="central",
    rule="Here, an edge case is an image that the ensemble misclassifies. We compare how often two "
    "of its networks disagree on these images and on the others. Reproduced: more often on these; "
    "the 95 % interval of the difference (over images) lies above zero.",
    measure=measure_edge_cases,
    judge=judge_edge_cases,
    figure="abstaining",
    against="The networks share one architecture, unlike the models of the article's sentence. "
    "They differ only in initial weights and dropout masks. There is one ensemble, so the interval "
    "does not cover how ensembles differ. A tendency is no detector: how well disagreement tells "
    "misclassified images from the others is shown as an AUROC, and not judged.",
    least_networks=2,
)

ARCHITECTURES = Claim(
    id="architectures-differ",
    statement="Models of different architectures classify edge cases differently.",
    place="section Epistemic/Model Uncertainty",
    weight="supporting",
    rule="An image is disputed if ten networks, five of each architecture, do not all agree on it. "
    "On the disputed images, we compare the other networks in pairs. Reproduced: pairs of "
    "different architectures disagree more often than pairs of one architecture; the 95 % interval "
    "of the difference (jackknife over networks) lies above zero. Partly reproduced: pairs of "
    "different architectures disagree on more than 10 % of the disputed images, by a 95 % "
    "interval.",
    measure=measure_architectures,
    judge=judge_architectures,
    against="There are only two architectures. They differ in activation and pooling alone. The "
    "interval does not cover the choice of images. This claim trains eight networks of each kind, "
    "without dropout.",
)
