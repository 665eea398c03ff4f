"""Claims about the votes of 100 passes: for the article's two images, and where they agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from benchmarks.claims.claim import (
    FEWEST_COUNTED,
    Claim,
    Judgement,
    NotTestableError,
    RulePart,
    Weight,
    asked,
    by_networks,
    by_parts,
)
from benchmarks.claims.numbers import over_networks, rows, values
from benchmarks.claims.predictor import PASSES, SAMPLED, SOFTMAX, TWO_IMAGES, Predictor
from benchmarks.report.editorial import VOTES
from benchmarks.report.texts import listed
from benchmarks.tasks.mnist import PECULIAR, TYPICAL
from benchmarks.vocabulary import CLEAN
from methods.scores.probabilities import confidence

CLASSES = range(10)
IMAGES = {TYPICAL: "image 61", PECULIAR: "image 591"}
"""The article's two images, and what rows call them."""

MOST_FOR_8 = 90
MOST_FOR_3 = 40
FOR_7_OR_9 = range(2, 7)

OVERWHELMING = 0.9
LEAST_CONFIDENCE = 0.9

LOWER_EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, OVERWHELMING)
"""Of the bins of the vote share, [lower, upper); the last one reaches to 1."""

CONDITIONS = {CLEAN: "clean", "rotated-015": "15°", "rotated-030": "30°", "rotated-045": "45°"}

ByNetwork = Float64[np.ndarray, " networks"]
"""A number of each network."""

VotesByClass = Float64[np.ndarray, "classes networks"]
"""Votes of 100 passes on one image."""

Conditions = Mapping[str, Bool[np.ndarray, " networks"]]
"""By a sentence without its full stop, for which networks it holds; see `by_networks`."""


def measure_votes(predictor: Predictor, image: int) -> Iterator[pd.DataFrame]:
    """The votes of 100 passes for each class on one of the two images, for each network."""
    for c, votes in enumerate(_votes(predictor)[list(IMAGES).index(image)].T):
        yield rows(VOTES, votes, method=SAMPLED, condition=IMAGES[image], case=str(c))


def _votes(predictor: Predictor) -> Float64[np.ndarray, "images networks classes"]:
    """Of 100 passes of each network, on the two images."""
    _two_images(predictor)
    units = [predictor.mc_dropout(network) for network in range(predictor.networks)]
    shares = [each.vote_share for each in predictor.predictions(units, TWO_IMAGES)]
    votes: Float64[np.ndarray, "images networks classes"] = (
        (torch.stack(shares, dim=1) * PASSES).round().numpy()
    )
    return votes


def _two_images(predictor: Predictor) -> Tensor:
    images = len(predictor.workspace.images(predictor.plan.task, "test").labels)
    if images <= PECULIAR:
        raise NotTestableError(f"There are {images} test images, none of number {PECULIAR}.")
    return predictor.images(TWO_IMAGES).images


def judge_votes(
    table: pd.DataFrame, image: int, conditions: Callable[[VotesByClass], Conditions]
) -> Judgement:
    """What the conditions say of the votes on an image."""
    keys = {"method": SAMPLED, "condition": IMAGES[image]}
    votes = [values(table, VOTES, case=str(c), **keys) for c in CLASSES]
    return by_networks(conditions(np.stack(votes)))


def typical(votes: VotesByClass) -> Conditions:
    """More than 90 votes for 8, and 2 the runner-up: only one class has as many votes or more."""
    alone = ((votes > votes[2]).sum(axis=0) == 1) & ((votes >= votes[2]).sum(axis=0) == 2)
    return {
        f"8 gets more than {MOST_FOR_8} votes": votes[8] > MOST_FOR_8,
        "2 is the only runner-up": alone & (votes[2] > 0),
    }


def many_for_3(votes: VotesByClass) -> Conditions:
    """More than 40 votes for 3."""
    return {f"3 gets more than {MOST_FOR_3} votes": votes[3] > MOST_FOR_3}


def few_for_7_or_9(votes: VotesByClass) -> Conditions:
    """2 to 6 votes for 7 and 9 together."""
    what = f"7 and 9 together get {FOR_7_OR_9[0]} to {FOR_7_OR_9[-1]} votes"
    return {what: np.isin(votes[7] + votes[9], FOR_7_OR_9)}


def measure_switch(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """Whether softmax gives equal bits twice, and how many classes get votes."""
    images, (pool, training) = _two_images(predictor), predictor.pool()
    repeats = [
        float(torch.equal(*(pool.engine.logits(network, images) for _ in range(2))))
        for network in pool.networks(range(predictor.networks), training)
    ]
    yield rows("repeats", repeats, method=SOFTMAX)
    for image, votes in zip(IMAGES.values(), _votes(predictor), strict=True):
        classes = (votes > 0).sum(axis=1).astype(float)
        yield rows("classes_with_votes", classes, method=SAMPLED, condition=image)


def judge_switch(table: pd.DataFrame) -> Judgement:
    """Off: bitwise identical; on: more than one class gets votes on at least one image."""
    classes = [
        values(table, "classes_with_votes", method=SAMPLED, condition=image)
        for image in IMAGES.values()
    ]
    identical = values(table, "repeats", method=SOFTMAX) == 1
    return by_networks(
        {
            "With dropout off, two predictions are identical": identical,
            "With dropout on, passes vote for more than one class": np.max(classes, axis=0) > 1,
        }
    )


def measure_certainty(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """By the majority's share of the votes, for each network: images, correct ones, confidence.

    Of equally many votes the lowest class wins. The confidence is the passes' mean probability of
    their likeliest class, summed over the images.
    """
    for condition in CONDITIONS:
        labels, sums = predictor.labels_of(condition), []
        for prediction in predictor.predictions(predictor.compared[SAMPLED], condition):
            share, vote = prediction.vote_share.max(dim=1)
            # Shares are whole votes of a hundred: without rounding 0.9 could fall below an edge.
            bins = np.digitize(share.numpy().round(9), LOWER_EDGES[1:])
            summed = (None, vote == labels, confidence(prediction.mean))
            sums.append([np.bincount(bins, each, len(LOWER_EDGES)) for each in summed])
        for position, edge in enumerate(LOWER_EDGES):
            for k, metric in enumerate(("images", "correct", "summed_confidence")):
                own = [float(network[k][position]) for network in sums]
                yield rows(metric, own, condition=condition, case=str(edge))


def judge_certainty(table: pd.DataFrame) -> Judgement:
    """On clean images, where 90 % agree: confidence above 90 %, and accuracy above that elsewhere.

    How often votes that agree are right is shown, also on rotated images.
    """

    def agreed_and_elsewhere(metric: str, condition: str) -> tuple[ByNetwork, ByNetwork]:
        own = [values(table, metric, condition=condition, case=str(edge)) for edge in LOWER_EDGES]
        return own[-1], np.sum(own[:-1], axis=0)

    images, correct, confident = (
        agreed_and_elsewhere(metric, CLEAN) for metric in ("images", "correct", "summed_confidence")
    )
    # Networks with no image of either kind are left out.
    both = (images[0] > 0) & (images[1] > 0)
    if not both.any():
        raise NotTestableError("At least 90 % of votes agree on no clean image, or on all of them.")
    certain = over_networks(confident[0][both] / images[0][both])
    right, elsewhere = (correct[kind][both] / images[kind][both] for kind in (0, 1))
    gain = over_networks(right - elsewhere)
    where_agreed = "where 90 % of votes agree"
    what = f"clean: confidence {where_agreed} (condition 1)"
    parts = [asked(what, certain, certain.above(LEAST_CONFIDENCE), certain.percent(1))]
    what = f"clean: accuracy {where_agreed}, minus elsewhere (condition 2)"
    parts.append(asked(what, gain, gain.above()))
    remarks = []
    for condition, name in CONDITIONS.items():
        images, correct = (agreed_and_elsewhere(each, condition) for each in ("images", "correct"))
        if (agreed := images[0] > 0).any():
            accuracy = over_networks(correct[0][agreed] / images[0][agreed])
            share = f"{100 * images[0].sum() / np.sum(images):.0f} %"
            parts.append(RulePart(f"{name}: share of images {where_agreed}", share))
            parts.append(RulePart(f"{name}: accuracy on them", accuracy.percent(1)))
            remarks.append(f"{name} {100 * accuracy.value:.1f} %")
    limit = f"Agreeing votes are right: {listed(remarks)}."
    return by_parts(parts, f"{{held}} of 2 conditions hold on clean images. {limit}")


def _count_plot(
    id: str,
    image: int,
    conditions: Callable[[VotesByClass], Conditions],
    statement: str,
    rule: str,
    against: str,
    weight: Weight = "central",
) -> Claim:
    return Claim(
        id=id,
        statement=f"Of 100 passes over test {IMAGES[image]}, {statement}.",
        place=f"count plot of {IMAGES[image]}",
        weight=weight,
        rule=f"For each network: {rule}.",
        measure=partial(measure_votes, image=image),
        judge=partial(judge_votes, image=image, conditions=conditions),
        figure="claims-count-plots",
        against=against,
        least_networks=FEWEST_COUNTED,
    )


TYPICAL_IMAGE = _count_plot(
    "image-61",
    TYPICAL,
    typical,
    "a typical 8, more than 90 vote for 8 and the few others for 2",
    "8 gets more than 90 votes, and 2 is the only runner-up",
    "The article shows one network. If all votes are for 8, there is no runner-up.",
)

MANY_FOR_3 = _count_plot(
    "image-591-many-for-3",
    PECULIAR,
    many_for_3,
    "a peculiar 8, more than 40 vote for 3",
    "3 gets more than 40 votes",
    "The article shows one network. The votes for 3 differ widely between networks.",
)

FEW_FOR_7_OR_9 = _count_plot(
    "image-591-few-for-7-or-9",
    PECULIAR,
    few_for_7_or_9,
    "about 4 vote for 7 or 9",
    "7 and 9 together get 2 to 6 votes",
    "This is one bar of a plot of one network. So small a count varies between sets of passes.",
    weight="detail",
)

DROPOUT_SWITCH = Claim(
    id="eval-switch",
    statement="With dropout off, a network gives the same prediction every time; with dropout "
    "on, its predictions vary.",
    place="method for predictions, which has an argument that switches dropout",
    weight="check",
    rule="For each network: with dropout off, repeated predictions are bitwise identical. With "
    "dropout on, the 100 passes vote for more than one class on image 61 or image 591.",
    measure=measure_switch,
    judge=judge_switch,
    figure="claims-count-plots",
    against="This does not show that the variation is useful.",
    least_networks=FEWEST_COUNTED,
)

CERTAINTY = Claim(
    id="certain-when-agreeing",
    statement="An overwhelming majority of votes means that the models are certain.",
    place="discussion of image 61's count plot",
    weight="central",
    rule="Take the clean images on which at least 90 % of the 100 votes agree. Condition 1: the "
    "passes' mean probability of the likeliest class is above 90 % on average. Condition 2: the "
    "accuracy is above that on the other images. Each must hold by a 95 % interval over networks. "
    "Reproduced: both hold. Partly reproduced: one does.",
    measure=measure_certainty,
    judge=judge_certainty,
    against="Certain is not right: votes that agree can agree on a wrong class. So the accuracy is "
    "shown, also on images rotated by 15°, 30° and 45°, which the article does not mention. The "
    "verdict ignores it.",
    least_networks=2,
)
