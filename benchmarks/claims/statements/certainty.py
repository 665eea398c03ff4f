"""The claim that an overwhelming majority of votes means certainty."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from jaxtyping import Int64
from torch import Tensor

from benchmarks.claims.claim import (
    Claim,
    Judgement,
    NotTestableError,
    Numbers,
    Part,
    Verdict,
    require_intervals,
)
from benchmarks.claims.intervals import Interval, over_networks
from benchmarks.claims.predictor import RecipePredictor
from benchmarks.predictions import RunUnit
from benchmarks.report.texts import listed
from benchmarks.schema import Quantity
from benchmarks.vocabulary import CLEAN
from methods import Prediction

OVERWHELMING = 0.9
LEAST_ACCURACY = 0.99

EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, OVERWHELMING, 1.0)
"""Of the bins of the vote share, [lower, upper), the last with its upper edge."""

BINS = tuple(pairwise(EDGES))
COUNTS = ("images", "correct")

LAST = "rotated-045"
CONDITIONS = {CLEAN: "clean", "rotated-015": "15°", "rotated-030": "30°", LAST: "45°"}


def measure_certainty(predictor: RecipePredictor) -> Numbers:
    """Images and correct majority votes by the majority's share of the votes, for each network.

    Of equally many votes the lowest class wins. Rotated images are predicted by those networks by
    which the run repeats its methods.
    """
    requests = list(_requests(predictor))
    predictor.predict(requests)
    numbers: dict[Quantity, list[float]] = {}
    labels = predictor.labels
    for unit, condition in requests:
        counts = _counts(predictor.get(unit, condition), labels)
        for what, of_bins in zip(COUNTS, counts, strict=True):
            for one, value in zip(BINS, of_bins, strict=True):
                numbers.setdefault(count(what, *one, condition), []).append(float(value))
    return numbers


def judge_certainty(numbers: Numbers) -> Judgement:
    """On each condition: accuracy above 99 % where 90 % agree, and higher than where fewer do."""
    holds, right, parts = {}, {}, []
    for condition, name in CONDITIONS.items():
        certain, gain, share = _of_condition(numbers, condition)
        if np.isnan(certain.value):
            raise NotTestableError(f"At least 90 % of votes agree on no image ({name}).")
        require_intervals([certain, gain])
        above = certain.above(LEAST_ACCURACY), gain.above()
        holds[condition], right[condition] = all(above), f"{100 * certain.value:.1f} %"
        parts += [
            Part(f"{name}: share of images on which 90 % of votes agree", f"{100 * share:.0f} %"),
            Part(f"{name}: accuracy on them (condition 1)", certain.percent(2), above[0]),
            Part(f"{name}: minus accuracy elsewhere (condition 2)", gain.text("+.3f"), above[1]),
        ]
    told = f"At 45°, agreeing votes are right for {right[LAST]} of images."
    return Judgement(
        Verdict.of(whole=all(holds.values()), part=holds[CLEAN]),
        f"{_scope([condition for condition in CONDITIONS if holds[condition]])} {told}",
        tuple(parts),
    )


def count(what: str, low: float, high: float, condition: str = CLEAN) -> Quantity:
    """A quantity of `measure_certainty`: of a bin its images, or those that are correct."""
    label = f"{what}, {CONDITIONS[condition]}, agreement {low:.1f}–{high:.1f}"
    return Quantity(label, what, condition=condition, lower_edge=low, upper_edge=high)


def _scope(conditions: list[str]) -> str:
    """Where both conditions of the rule hold.

    >>> _scope(["clean"]), _scope(["rotated-015", "rotated-030"])
    ('Both conditions hold on clean images only.', 'Both conditions hold at 15° and 30° only.')
    """
    if not conditions:
        return "Both conditions hold neither on clean nor on rotated images."
    rotated = listed([CONDITIONS[one] for one in conditions if one != CLEAN])
    places = ["on clean images"] * (CLEAN in conditions) + ([f"at {rotated}"] if rotated else [])
    only = "" if len(conditions) == len(CONDITIONS) else " only"
    return f"Both conditions hold {listed(places)}{only}."


def _requests(predictor: RecipePredictor) -> Iterator[tuple[RunUnit, str]]:
    few = min(predictor.plan.configuration.replicates, predictor.networks)
    for condition in CONDITIONS:
        for network in range(predictor.networks if condition == CLEAN else few):
            yield predictor.mc_dropout(network), condition


def _counts(
    prediction: Prediction, labels: Tensor
) -> tuple[Int64[np.ndarray, " bins"], Int64[np.ndarray, " bins"]]:
    """The images of each bin, and how many of them the majority is right about."""
    share, vote = prediction.vote_share.max(dim=1)
    # Shares are whole votes of a hundred: without rounding 0.9 could fall below an edge.
    position = np.digitize(share.numpy().round(9), EDGES[1:-1])
    correct = (vote == labels).numpy()
    images = np.bincount(position, minlength=len(BINS))
    return images, np.bincount(position[correct], minlength=len(BINS))


def _of_condition(numbers: Numbers, condition: str) -> tuple[Interval, Interval, float]:
    """Accuracy where 90 % agree, less that of the others, and the share of images where they do.

    Networks with no image of either kind are left out.
    """
    images, correct = (
        np.array([numbers[count(what, *one, condition)] for one in BINS]) for what in COUNTS
    )
    both = (images[-1] > 0) & (images[:-1].sum(axis=0) > 0)
    if not both.any():
        nothing = Interval(np.nan, np.nan, np.nan)
        return nothing, nothing, float(images[-1].sum() / images.sum())
    certain = correct[-1, both] / images[-1, both]
    others = correct[:-1, both].sum(axis=0) / images[:-1, both].sum(axis=0)
    share = float(images[-1].sum() / images.sum())
    return over_networks(certain), over_networks(certain - others), share


CERTAINTY = Claim(
    id="certain-when-agreeing",
    statement="An overwhelming majority of votes means that the models are certain.",
    place="discussion of image 61's count plot",
    weight="central",
    rule="Take the images on which at least 90 % of the 100 votes agree. Condition 1: their "
    "accuracy is above 99 %. Condition 2: it is above the accuracy on the other images. Each must "
    "hold by a 95 % interval over networks. Reproduced: both hold on clean images and on images "
    "rotated by 15°, 30° and 45°. Partly reproduced: both hold on clean images.",
    measure=measure_certainty,
    judge=judge_certainty,
    figure="claims-certainty",
    against="Votes that agree can agree on a wrong class. The article does not mention rotated "
    "images. There, we test the claim beyond its example.",
    least_networks=2,
)
