"""Claims that different models classify edge cases differently.

Of one architecture, and of two. Networks of two architectures are trained alike. A few of each
choose the disputed images, and the others are compared: do two networks of different architectures
disagree on these images more often than two of one architecture do, whose only difference is their
draw of weights and of order?
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float64, Int64
from scipy import stats
from torch import Tensor

from benchmarks.claims.claim import (
    Claim,
    Judgement,
    NotTestableError,
    Part,
    Verdict,
    interval,
    rows,
    values,
)
from benchmarks.claims.intervals import Interval, Placements, auroc_interval
from benchmarks.claims.predictor import CHOOSING, ENSEMBLE, SOFTMAX, RecipePredictor
from benchmarks.metrics import METRICS, MetricInputs, scoring
from benchmarks.predictions import RunUnit
from benchmarks.vocabulary import CONFIDENCE, DISAGREEMENT
from methods import Prediction
from methods.networks.recipes import PLAIN, RELU

LEAST_AUROC, LEAST_FOR_A_PART = 0.9, 0.8

WRONG, RIGHT = "misclassified images", "correct images"

RECIPES = (PLAIN.name, RELU.name)
"""Of the article's network and of the one with ReLU; both train without dropout, on one split."""

ENSEMBLE_OF = 4
"""How many networks the ensembles have whose accuracy and NLL are told."""

FEWEST = 3
"""How many networks of a kind an interval takes."""

LEAST = 0.1
"""The least share of the disputed images on which two networks disagree, where they do at all."""

ACROSS, EXCESS = "across architectures", "across minus within"

Matrix = Float64[np.ndarray, "networks networks"]
"""Of each two networks a share of the images."""

Rows = Int64[np.ndarray, " kind"]
"""The networks of one kind, by their rows in such a matrix."""


def measure_edge_cases(predictor: RecipePredictor) -> Iterator[pd.DataFrame]:
    """The AUROC of the ensemble's disagreement for misclassified against correct images."""
    prediction = predictor.get(predictor.ensemble)
    wrong = ~scoring.correct(prediction.mean, predictor.labels)
    if not wrong.any():
        raise NotTestableError("The ensemble classifies every image correctly.")
    score = METRICS[DISAGREEMENT].function(prediction)
    auroc = auroc_interval([Placements.of(score[None, ~wrong].numpy(), score[None, wrong].numpy())])
    yield rows("auroc", auroc, score=DISAGREEMENT, case=WRONG)
    yield rows("images", float(wrong.sum()), case=WRONG)
    for case, chosen in ((WRONG, wrong), (RIGHT, ~wrong)):
        yield rows(DISAGREEMENT, float(score[chosen].mean()), case=case)


def judge_edge_cases(table: pd.DataFrame) -> Judgement:
    """The whole interval of the AUROC lies above 0.9, or else above 0.8."""
    auroc = interval(table, "auroc", score=DISAGREEMENT, case=WRONG)
    if math.isnan(auroc.lower):
        raise NotTestableError("There are too few misclassified images for an interval.")
    (wrong,), (right,) = (values(table, DISAGREEMENT, case=case) for case in (WRONG, RIGHT))
    return Judgement(
        Verdict.of(whole=auroc.above(LEAST_AUROC), part=auroc.above(LEAST_FOR_A_PART)),
        f"Disagreement detects misclassified images with an AUROC of "
        f"{auroc.text(named=True)}. Two networks "
        f"disagree on {100 * wrong:.0f} % of the misclassified images and on {100 * right:.1f} % "
        "of the others.",
    )


def measure_architectures(predictor: RecipePredictor) -> Iterator[pd.DataFrame]:
    """Disagreement within and across architectures, and ensembles of one and of both."""
    trained = Counter(recipe for recipe, _ in predictor.plan.networks())
    count = min(trained[recipe] for recipe in RECIPES)
    if count < CHOOSING + FEWEST:
        raise NotTestableError(
            f"This takes at least {CHOOSING + FEWEST} networks of each of the recipes "
            f"{' and '.join(RECIPES)}; the run has {count}."
        )
    units = {name: [RunUnit(name, SOFTMAX, None, n) for n in range(count)] for name in RECIPES}
    predictor.predict(chain(*units.values()))
    means = [torch.stack([predictor.get(unit).mean for unit in units[name]]) for name in RECIPES]
    votes = [mean.argmax(dim=2) for mean in means]
    disputed = is_disputed(torch.cat([of_recipe[:CHOOSING] for of_recipe in votes]))
    if not disputed.any():
        raise NotTestableError("The networks that choose disputed images agree on every image.")
    compared = count - CHOOSING
    yield rows("networks", float(compared), case="of each architecture")
    yield rows("images", float(disputed.sum()), case="disputed")
    for name, of_recipe in zip(RECIPES, votes, strict=True):
        right = (of_recipe[CHOOSING:] == predictor.labels).double().mean(dim=1)
        yield rows("accuracy", right.tolist(), method=SOFTMAX, case=name)
    matrix = disagreement(torch.cat([of_recipe[CHOOSING:, disputed] for of_recipe in votes]))
    kinds = np.arange(compared), compared + np.arange(compared)
    for name, kind in zip(RECIPES, kinds, strict=True):
        yield rows("disagreement", within(matrix, kind), case=f"within {name}")
    yield rows("disagreement", jackknife(across, matrix, *kinds), case=ACROSS)
    yield rows("disagreement", jackknife(excess, matrix, *kinds), case=EXCESS)
    yield from _of_ensembles([mean[CHOOSING:] for mean in means], predictor.labels)


def judge_architectures(table: pd.DataFrame) -> Judgement:
    """More disagreement across than within, or else at least a tenth across."""
    across, more = (interval(table, "disagreement", case=case) for case in (ACROSS, EXCESS))
    if math.isnan(more.lower):
        raise NotTestableError(f"An interval takes at least {FEWEST} networks of each kind.")
    plain, relu = (values(table, "accuracy", method=SOFTMAX, case=name) for name in RECIPES)
    return Judgement(
        Verdict.of(whole=more.above(), part=across.above(LEAST)),
        f"Two networks of different architectures disagree on {across.percent(named=True)} of the "
        "disputed images.",
        (
            Part("disagreement across architectures", across.percent(1), across.above(LEAST)),
            Part(
                "disagreement across minus within one architecture", more.text("+.3f"), more.above()
            ),
            Part(
                f"accuracy of {' minus '.join(RECIPES)}, which adds to the disagreement",
                Interval(plain.mean() - relu.mean(), math.nan, math.nan).text("+.4f"),
            ),
        ),
    )


def is_disputed(votes: Int64[Tensor, "networks images"]) -> Bool[Tensor, " images"]:
    """Where the networks do not all vote for the same class."""
    return (votes != votes[0]).any(dim=0)


def disagreement(votes: Int64[Tensor, "networks images"]) -> Matrix:
    """On which share of the images each two networks vote differently."""
    return np.array([(votes != row).double().mean(dim=1).numpy() for row in votes])


def within(matrix: Matrix, kind: Rows) -> float:
    """The mean over pairs of two networks of one kind."""
    total = matrix[np.ix_(kind, kind)].sum()  # of a network with itself it is 0
    return float(total / (len(kind) * (len(kind) - 1)))


def across(matrix: Matrix, one: Rows, other: Rows) -> float:
    """The mean over pairs of networks of different kinds."""
    return float(matrix[np.ix_(one, other)].mean())


def excess(matrix: Matrix, one: Rows, other: Rows) -> float:
    """Across kinds, less the mean of that within each."""
    return across(matrix, one, other) - (within(matrix, one) + within(matrix, other)) / 2


def jackknife(
    statistic: Callable[[Matrix, Rows, Rows], float], matrix: Matrix, one: Rows, other: Rows
) -> Interval:
    """A statistic of two samples of networks with its 95 % interval (Student's t).

    Each network is left out once. The variance is the sum over both samples of
    (n − 1)/n Σ (left out − their mean)² (Efron & Stein 1981), with Satterthwaite's degrees of
    freedom. With fewer than three networks of a kind there is no interval.
    """
    value = statistic(matrix, one, other)
    if min(len(one), len(other)) < FEWEST:
        return Interval(value, math.nan, math.nan)
    without = (
        [statistic(matrix, np.delete(one, i), other) for i in range(len(one))],
        [statistic(matrix, one, np.delete(other, i)) for i in range(len(other))],
    )
    parts = [(len(some) - 1) * float(np.var(some)) for some in without]
    variance = sum(parts)
    spread = sum(part**2 / (len(some) - 1) for part, some in zip(parts, without, strict=True))
    degrees = variance**2 / spread if spread else math.inf
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, degrees)) * math.sqrt(variance)
    return Interval(value, value - reach, value + reach)


def _of_ensembles(
    means: list[Float64[Tensor, "networks images classes"]], labels: Int64[Tensor, " images"]
) -> Iterator[pd.DataFrame]:
    """Accuracy and NLL of disjoint ensembles of each kind; a mixed one has half of each."""
    halves = zip(*(torch.split(some, ENSEMBLE_OF // 2) for some in means), strict=True)
    members = {
        **{name: torch.split(some, ENSEMBLE_OF) for name, some in zip(RECIPES, means, strict=True)},
        "mixed": [torch.cat(pair) for pair in halves],
    }
    for kind, several in members.items():
        whole = [
            MetricInputs(Prediction.of(one), labels) for one in several if len(one) == ENSEMBLE_OF
        ]
        for metric in ("accuracy", "nll"):
            numbers = [METRICS[metric].value(one) for one in whole] or [math.nan]
            yield rows(metric, numbers, method=ENSEMBLE, case=f"{kind}, of {ENSEMBLE_OF} networks")


EDGE_CASES = Claim(
    id="disagree-on-edge-cases",
    statement="Different models classify edge cases differently.",
    place="section Epistemic/Model Uncertainty",
    weight="central",
    rule="Here, an edge case is an image that the ensemble misclassifies. We test whether the "
    "members' disagreement detects these images. Reproduced: the 95 % interval of the AUROC (over "
    "images) lies above 0.9. Partly reproduced: it lies above 0.8.",
    measure=measure_edge_cases,
    judge=judge_edge_cases,
    figure="risk-coverage",
    against="The networks share one architecture, unlike the models of the article's sentence. "
    "They differ only in initial weights and dropout masks. There is one ensemble, so the interval "
    "does not cover how ensembles differ.",
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
    "interval does not cover the choice of images.",
    recipes=RECIPES,
)
