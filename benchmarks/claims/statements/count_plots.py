"""Claims about the votes for the article's two images."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int64

from benchmarks.claims.claim import Claim, Judgement, NotTestableError, Numbers, by_networks
from benchmarks.claims.images import TWO_IMAGES
from benchmarks.claims.predictor import PASSES, RecipePredictor
from benchmarks.vocabulary import PECULIAR, TYPICAL

CLASSES = range(10)
MOST_FOR_8 = 90
MOST_FOR_3 = 40
FOR_7_OR_9 = range(2, 7)


def measure_typical(predictor: RecipePredictor) -> Numbers:
    """The votes of 100 passes for each class on image 61, for each network."""
    return _measure(predictor, position=0)


def measure_peculiar(predictor: RecipePredictor) -> Numbers:
    """The votes of 100 passes for each class on image 591, for each network."""
    return _measure(predictor, position=1)


def judge_typical(numbers: Numbers) -> Judgement:
    """More than 90 votes for 8, and 2 the runner-up: only one class has as many votes or more."""
    votes = _votes(numbers)
    of_2 = votes[:, [2]]
    runner_up = ((votes > of_2).sum(axis=1) == 1) & ((votes >= of_2).sum(axis=1) == 2)
    return by_networks(
        {
            f"more than {MOST_FOR_8} votes for 8": list(votes[:, 8] > MOST_FOR_8),
            "runner-up 2": list(runner_up & (votes[:, 2] > 0)),
        }
    )


def judge_peculiar(numbers: Numbers) -> Judgement:
    """More than 40 votes for 3, and 2 to 6 for 7 and 9 together."""
    votes = _votes(numbers)
    return by_networks(
        {
            f"more than {MOST_FOR_3} votes for 3": list(votes[:, 3] > MOST_FOR_3),
            f"{FOR_7_OR_9[0]} to {FOR_7_OR_9[-1]} votes for 7 and 9": list(
                np.isin(votes[:, 7] + votes[:, 9], FOR_7_OR_9)
            ),
        }
    )


def measure_switch(predictor: RecipePredictor) -> Numbers:
    """Whether softmax gives equal bits twice, and how many classes get votes."""
    images = _two_images(predictor)
    pool, training = predictor.pool()
    networks = pool.networks(range(predictor.networks), training)
    numbers = {
        "softmax repeats itself": [
            float(torch.equal(pool.engine.logits(one, images), pool.engine.logits(one, images)))
            for one in networks
        ]
    }
    for position, index in enumerate((TYPICAL, PECULIAR)):
        voted = np.stack(list(_measure(predictor, position).values())) > 0
        numbers[f"classes with votes, image {index}"] = voted.sum(axis=0).astype(float).tolist()
    return numbers


def judge_switch(numbers: Numbers) -> Judgement:
    """Off: equal to the last bit; on: more than one class gets votes on at least one image."""
    distinct = np.max(
        [numbers[f"classes with votes, image {index}"] for index in (TYPICAL, PECULIAR)], axis=0
    )
    return by_networks(
        {
            "dropout off, the same prediction twice": [
                one == 1 for one in numbers["softmax repeats itself"]
            ],
            "dropout on, votes for more than one class": list(distinct > 1),
        }
    )


def _measure(predictor: RecipePredictor, position: int) -> dict[str, list[float]]:
    _two_images(predictor)
    units = [predictor.mc_dropout(network) for network in range(predictor.networks)]
    predictor.predict((unit, TWO_IMAGES) for unit in units)
    shares = [predictor.get(unit, TWO_IMAGES).vote_share[position] for unit in units]
    votes = (torch.stack(shares) * PASSES).round()
    return {f"votes for {c}": votes[:, c].tolist() for c in CLASSES}


def _two_images(predictor: RecipePredictor) -> torch.Tensor:
    images = len(predictor.workspace.images(predictor.plan.task, "test").labels)
    if images <= PECULIAR:
        raise NotTestableError(f"there are {images} test images, none of number {PECULIAR}")
    return predictor.images(TWO_IMAGES).images


def _votes(numbers: Numbers) -> Int64[np.ndarray, "networks classes"]:
    return np.stack([numbers[f"votes for {c}"] for c in CLASSES], axis=1).astype(np.int64)


CLAIMS = (
    Claim(
        id="image-61",
        statement="Of 100 passes over test image 61, a typical 8, more than 90 vote for 8 and the "
        "few others for 2.",
        place="the count plot of image 61",
        rule="For each network: 8 gets more than 90 votes, and 2 alone gets the second most votes.",
        measure=measure_typical,
        judge=judge_typical,
        figure="claims-count-plots",
        remark="If all votes are for 8, there is no runner-up.",
    ),
    Claim(
        id="image-591",
        statement="Of 100 passes over test image 591, a peculiar 8, more than 40 vote for 3 and "
        "about 4 for 7 or 9.",
        place="the count plot of image 591",
        rule="More than 40 votes for 3, and 2 to 6 votes for 7 and 9 together, per network.",
        measure=measure_peculiar,
        judge=judge_peculiar,
        figure="claims-count-plots",
    ),
    Claim(
        id="eval-switch",
        statement="With dropout off, a network gives the same prediction every time; with dropout "
        "on, its predictions vary.",
        place="the network's method for predictions, with an argument that switches dropout",
        rule="For each network: with dropout off, repeated predictions are equal to the last bit; "
        "with dropout on, the 100 passes vote for more than one class on at least one of the two "
        "images.",
        measure=measure_switch,
        judge=judge_switch,
        figure="claims-count-plots",
    ),
)
