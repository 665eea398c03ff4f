"""Claims about the votes for the article's two images."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from jaxtyping import Int64

from benchmarks.claims.claim import (
    FEWEST_COUNTED,
    Claim,
    Judgement,
    NotTestableError,
    Numbers,
    by_networks,
)
from benchmarks.claims.predictor import PASSES, SAMPLED, SOFTMAX, TWO_IMAGES, RecipePredictor
from benchmarks.schema import Quantity
from benchmarks.vocabulary import PECULIAR, TYPICAL, VOTES

CLASSES = range(10)
IMAGES = (TYPICAL, PECULIAR)
MOST_FOR_8 = 90
MOST_FOR_3 = 40
FOR_7_OR_9 = range(2, 7)

REPEATS = Quantity(
    "two predictions with dropout off are identical (1: yes)", "repeats", method=SOFTMAX
)


def measure_votes(predictor: RecipePredictor, image: int) -> Numbers:
    """The votes of 100 passes for each class on one of the two images, for each network."""
    _two_images(predictor)
    units = [predictor.mc_dropout(network) for network in range(predictor.networks)]
    predictor.predict((unit, TWO_IMAGES) for unit in units)
    position = IMAGES.index(image)
    shares = [predictor.get(unit, TWO_IMAGES).vote_share[position] for unit in units]
    votes = (torch.stack(shares) * PASSES).round()
    return {votes_for(c, image): votes[:, c].tolist() for c in CLASSES}


def judge_typical(numbers: Numbers) -> Judgement:
    """More than 90 votes for 8, and 2 the runner-up: only one class has as many votes or more."""
    votes = _votes(numbers, TYPICAL)
    of_2 = votes[:, [2]]
    runner_up = ((votes > of_2).sum(axis=1) == 1) & ((votes >= of_2).sum(axis=1) == 2)
    return by_networks(
        {
            f"8 gets more than {MOST_FOR_8} votes": list(votes[:, 8] > MOST_FOR_8),
            "2 is the only runner-up": list(runner_up & (votes[:, 2] > 0)),
        }
    )


def judge_many_for_3(numbers: Numbers) -> Judgement:
    """More than 40 votes for 3."""
    votes = _votes(numbers, PECULIAR)
    return by_networks({f"3 gets more than {MOST_FOR_3} votes": list(votes[:, 3] > MOST_FOR_3)})


def judge_few_for_7_or_9(numbers: Numbers) -> Judgement:
    """2 to 6 votes for 7 and 9 together."""
    votes = _votes(numbers, PECULIAR)
    few = np.isin(votes[:, 7] + votes[:, 9], FOR_7_OR_9)
    part = f"7 and 9 together get {FOR_7_OR_9[0]} to {FOR_7_OR_9[-1]} votes"
    return by_networks({part: list(few)})


def measure_switch(predictor: RecipePredictor) -> Numbers:
    """Whether softmax gives equal bits twice, and how many classes get votes."""
    images = _two_images(predictor)
    pool, training = predictor.pool()
    networks = pool.networks(range(predictor.networks), training)
    numbers = {
        REPEATS: [
            float(torch.equal(pool.engine.logits(one, images), pool.engine.logits(one, images)))
            for one in networks
        ]
    }
    for image in IMAGES:
        voted = np.stack(list(measure_votes(predictor, image).values())) > 0
        numbers[classes_voted_for(image)] = voted.sum(axis=0).astype(float).tolist()
    return numbers


def judge_switch(numbers: Numbers) -> Judgement:
    """Off: bitwise identical; on: more than one class gets votes on at least one image."""
    distinct = np.max([numbers[classes_voted_for(image)] for image in IMAGES], axis=0)
    return by_networks(
        {
            "With dropout off, two predictions are identical": [
                one == 1 for one in numbers[REPEATS]
            ],
            "With dropout on, passes vote for more than one class": list(distinct > 1),
        }
    )


def votes_for(class_number: int, image: int) -> Quantity:
    """A quantity of `measure_votes`."""
    return Quantity(
        f"votes for {class_number}",
        VOTES,
        method=SAMPLED,
        image=image,
        class_number=class_number,
    )


def classes_voted_for(image: int) -> Quantity:
    """A quantity of `measure_switch`."""
    label = f"classes with votes, image {image}"
    return Quantity(label, "classes_with_votes", method=SAMPLED, image=image)


def _two_images(predictor: RecipePredictor) -> torch.Tensor:
    images = len(predictor.workspace.images(predictor.plan.task, "test").labels)
    if images <= PECULIAR:
        raise NotTestableError(f"There are {images} test images, none of number {PECULIAR}.")
    return predictor.images(TWO_IMAGES).images


def _votes(numbers: Numbers, image: int) -> Int64[np.ndarray, "networks classes"]:
    return np.stack([numbers[votes_for(c, image)] for c in CLASSES], axis=1).astype(np.int64)


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
