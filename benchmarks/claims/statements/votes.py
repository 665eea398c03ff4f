"""Claims about the votes of 100 passes: for the article's two images, and where they agree."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64
from torch import Tensor

from benchmarks.claims.claim import (
    FEWEST_COUNTED,
    Claim,
    Judgement,
    NotTestableError,
    Part,
    Verdict,
    by_networks,
    require_intervals,
    rows,
    values,
)
from benchmarks.claims.intervals import over_networks
from benchmarks.claims.predictor import PASSES, SAMPLED, SOFTMAX, TWO_IMAGES, RecipePredictor
from benchmarks.report.texts import listed
from benchmarks.vocabulary import CLEAN, PECULIAR, TYPICAL, VOTES

CLASSES = range(10)
IMAGES = {TYPICAL: "image 61", PECULIAR: "image 591"}
"""The article's two images, and what rows call them."""

MOST_FOR_8 = 90
MOST_FOR_3 = 40
FOR_7_OR_9 = range(2, 7)

OVERWHELMING = 0.9
LEAST_ACCURACY = 0.99

LOWER_EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, OVERWHELMING)
"""Of the bins of the vote share, [lower, upper); the last one reaches to 1."""

LAST = "rotated-045"
CONDITIONS = {CLEAN: "clean", "rotated-015": "15°", "rotated-030": "30°", LAST: "45°"}


def measure_votes(predictor: RecipePredictor, image: int) -> Iterator[pd.DataFrame]:
    """The votes of 100 passes for each class on one of the two images, for each network."""
    votes = _votes(predictor)[list(IMAGES).index(image)]
    for c in CLASSES:
        yield rows(VOTES, votes[:, c], method=SAMPLED, condition=IMAGES[image], case=str(c))


def judge_typical(table: pd.DataFrame) -> Judgement:
    """More than 90 votes for 8, and 2 the runner-up: only one class has as many votes or more."""
    votes = np.stack([votes_for(c, TYPICAL, table) for c in CLASSES], axis=1)
    of_2 = votes[:, [2]]
    runner_up = ((votes > of_2).sum(axis=1) == 1) & ((votes >= of_2).sum(axis=1) == 2)
    return by_networks(
        {
            f"8 gets more than {MOST_FOR_8} votes": votes[:, 8] > MOST_FOR_8,
            "2 is the only runner-up": runner_up & (votes[:, 2] > 0),
        }
    )


def judge_many_for_3(table: pd.DataFrame) -> Judgement:
    """More than 40 votes for 3."""
    many = votes_for(3, PECULIAR, table) > MOST_FOR_3
    return by_networks({f"3 gets more than {MOST_FOR_3} votes": many})


def judge_few_for_7_or_9(table: pd.DataFrame) -> Judgement:
    """2 to 6 votes for 7 and 9 together."""
    few = np.isin(votes_for(7, PECULIAR, table) + votes_for(9, PECULIAR, table), FOR_7_OR_9)
    least, most = FOR_7_OR_9[0], FOR_7_OR_9[-1]
    return by_networks({f"7 and 9 together get {least} to {most} votes": few})


def measure_switch(predictor: RecipePredictor) -> Iterator[pd.DataFrame]:
    """Whether softmax gives equal bits twice, and how many classes get votes."""
    images = _two_images(predictor)
    pool, training = predictor.pool()
    networks = pool.networks(range(predictor.networks), training)
    repeats = [
        float(torch.equal(pool.engine.logits(one, images), pool.engine.logits(one, images)))
        for one in networks
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
    return by_networks(
        {
            "With dropout off, two predictions are identical": values(
                table, "repeats", method=SOFTMAX
            )
            == 1,
            "With dropout on, passes vote for more than one class": np.max(classes, axis=0) > 1,
        }
    )


def votes_for(c: int, image: int, table: pd.DataFrame) -> Float64[np.ndarray, " networks"]:
    """What `measure_votes` measured."""
    return values(table, VOTES, method=SAMPLED, condition=IMAGES[image], case=str(c))


def _votes(predictor: RecipePredictor) -> Float64[np.ndarray, "images networks classes"]:
    """Of 100 passes of each network, on the two images."""
    _two_images(predictor)
    units = [predictor.mc_dropout(network) for network in range(predictor.networks)]
    predictor.predict(units, [TWO_IMAGES])
    shares = [predictor.get(unit, TWO_IMAGES).vote_share for unit in units]
    votes: Float64[np.ndarray, "images networks classes"] = (
        (torch.stack(shares, dim=1) * PASSES).round().numpy()
    )
    return votes


def _two_images(predictor: RecipePredictor) -> Tensor:
    images = len(predictor.workspace.images(predictor.plan.task, "test").labels)
    if images <= PECULIAR:
        raise NotTestableError(f"There are {images} test images, none of number {PECULIAR}.")
    return predictor.images(TWO_IMAGES).images


def measure_certainty(predictor: RecipePredictor) -> Iterator[pd.DataFrame]:
    """Images and correct majority votes by the majority's share of the votes, for each network.

    Of equally many votes the lowest class wins. Rotated images are predicted by those networks by
    which the run repeats its methods.
    """
    few = min(predictor.plan.configuration.replicates, predictor.networks)
    units = [predictor.mc_dropout(network) for network in range(predictor.networks)]
    predictor.predict(units[:few], CONDITIONS)
    predictor.predict(units[few:])
    for condition in CONDITIONS:
        shares, correct = [], []
        for unit in units if condition == CLEAN else units[:few]:
            share, vote = predictor.get(unit, condition).vote_share.max(dim=1)
            # Shares are whole votes of a hundred: without rounding 0.9 could fall below an edge.
            shares.append(np.digitize(share.numpy().round(9), LOWER_EDGES[1:]))
            correct.append((vote == predictor.labels).numpy())
        for position, edge in enumerate(LOWER_EDGES):
            inside = np.array(shares) == position
            for metric, counted in (("images", inside), ("correct", inside & np.array(correct))):
                counts = counted.sum(axis=1).astype(float)
                yield rows(metric, counts, condition=condition, case=str(edge))


def judge_certainty(table: pd.DataFrame) -> Judgement:
    """On each condition: accuracy above 99 % where 90 % agree, and higher than where fewer do."""
    holds, right, parts = {}, {}, []
    for condition, name in CONDITIONS.items():
        images, correct = (_by_bin(table, metric, condition) for metric in ("images", "correct"))
        # Networks with no image of either kind are left out.
        both = (images[-1] > 0) & (images[:-1].sum(axis=0) > 0)
        if not both.any():
            raise NotTestableError(f"At least 90 % of votes agree on no image ({name}).")
        accuracies = correct[-1, both] / images[-1, both]
        elsewhere = correct[:-1, both].sum(axis=0) / images[:-1, both].sum(axis=0)
        certain, gain = over_networks(accuracies), over_networks(accuracies - elsewhere)
        require_intervals([certain, gain])
        above = certain.above(LEAST_ACCURACY), gain.above()
        holds[condition], right[condition] = all(above), f"{100 * certain.value:.1f} %"
        share = f"{100 * images[-1].sum() / images.sum():.0f} %"
        parts += [
            Part(f"{name}: share of images on which 90 % of votes agree", share),
            Part(f"{name}: accuracy on them (condition 1)", certain.percent(2), above[0]),
            Part(f"{name}: minus accuracy elsewhere (condition 2)", gain.text("+.3f"), above[1]),
        ]
    where = [name for condition, name in CONDITIONS.items() if holds[condition]]
    return Judgement(
        Verdict.of(whole=all(holds.values()), part=holds[CLEAN]),
        f"Both conditions hold on {listed(where) or 'no'} images. At 45°, agreeing votes are right "
        f"for {right[LAST]} of images.",
        tuple(parts),
    )


def _by_bin(
    table: pd.DataFrame, metric: str, condition: str
) -> Float64[np.ndarray, "bins networks"]:
    return np.array(
        [values(table, metric, condition=condition, case=str(edge)) for edge in LOWER_EDGES]
    )


TYPICAL_IMAGE = Claim(
    id="image-61",
    statement="Of 100 passes over test image 61, a typical 8, more than 90 vote for 8 and the "
    "few others for 2.",
    place="count plot of image 61",
    weight="central",
    rule="For each network: 8 gets more than 90 votes, and 2 is the only runner-up.",
    measure=partial(measure_votes, image=TYPICAL),
    judge=judge_typical,
    figure="claims-count-plots",
    against="The article shows one network. If all votes are for 8, there is no runner-up.",
    least_networks=FEWEST_COUNTED,
)

MANY_FOR_3 = Claim(
    id="image-591-many-for-3",
    statement="Of 100 passes over test image 591, a peculiar 8, more than 40 vote for 3.",
    place="count plot of image 591",
    weight="central",
    rule="For each network: 3 gets more than 40 votes.",
    measure=partial(measure_votes, image=PECULIAR),
    judge=judge_many_for_3,
    figure="claims-count-plots",
    against="The article shows one network. The votes for 3 differ widely between networks.",
    least_networks=FEWEST_COUNTED,
)

FEW_FOR_7_OR_9 = Claim(
    id="image-591-few-for-7-or-9",
    statement="Of 100 passes over test image 591, about 4 vote for 7 or 9.",
    place="count plot of image 591",
    weight="central",
    rule="For each network: 7 and 9 together get 2 to 6 votes.",
    measure=partial(measure_votes, image=PECULIAR),
    judge=judge_few_for_7_or_9,
    figure="claims-count-plots",
    against="The article shows one network. So small a count varies between sets of passes.",
    least_networks=FEWEST_COUNTED,
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
