"""Claims about the votes of 100 passes: for the article's two images, and where they agree.

How much of a count plot is Monte-Carlo noise, and how much the network's draw, is told by two
tables in the folder ``claims`` of a run, which need no sampling:

``exact.csv``: every measure by all 2²² sub-networks and by 100 passes, for each network and image;
``spread.csv``: the variance of a class's votes, by networks and by passes.

A measure there is a measure of uncertainty, or the share of the votes for a ``class``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import chain

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from benchmarks.claims.claim import (
    FEWEST_COUNTED,
    Claim,
    Judgement,
    NotTestableError,
    RulePart,
    by_networks,
    by_parts,
    require_intervals,
)
from benchmarks.claims.numbers import over_networks, rows, values
from benchmarks.claims.predictor import PASSES, SAMPLED, SOFTMAX, TWO_IMAGES, Predictor
from benchmarks.metrics import METRICS
from benchmarks.metrics.uncertainties import PredictionMeans
from benchmarks.predictions import RunUnit
from benchmarks.report.editorial import VOTES
from benchmarks.report.texts import listed
from benchmarks.schema import where, write_table
from benchmarks.tasks.mnist import PECULIAR, TYPICAL
from benchmarks.vocabulary import CLAIMS_FOLDER, CLEAN
from methods import Prediction
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

LAST = "rotated-045"
CONDITIONS = {CLEAN: "clean", "rotated-015": "15°", "rotated-030": "30°", LAST: "45°"}

DECIMALS = 6
"""Of the tables in the folder of claims."""


def measure_votes(predictor: Predictor, image: int) -> Iterator[pd.DataFrame]:
    """The votes of 100 passes for each class on one of the two images, for each network."""
    votes = _votes(predictor)[list(IMAGES).index(image)]
    for c in CLASSES:
        yield rows(VOTES, votes[:, c], method=SAMPLED, condition=IMAGES[image], case=str(c))


def _votes(predictor: Predictor) -> Float64[np.ndarray, "images networks classes"]:
    """Of 100 passes of each network, on the two images."""
    _two_images(predictor)
    units = [predictor.mc_dropout(network) for network in range(predictor.networks)]
    predictor.predict(units, [TWO_IMAGES])
    shares = [predictor.get(unit, TWO_IMAGES).vote_share for unit in units]
    votes: Float64[np.ndarray, "images networks classes"] = (
        (torch.stack(shares, dim=1) * PASSES).round().numpy()
    )
    return votes


def _two_images(predictor: Predictor) -> Tensor:
    images = len(predictor.workspace.images(predictor.plan.task, "test").labels)
    if images <= PECULIAR:
        raise NotTestableError(f"There are {images} test images, none of number {PECULIAR}.")
    return predictor.images(TWO_IMAGES).images


def judge_typical(table: pd.DataFrame) -> Judgement:
    """More than 90 votes for 8, and 2 the runner-up: only one class has as many votes or more."""
    votes = np.stack([_votes_for(c, TYPICAL, table) for c in CLASSES], axis=1)
    for_2 = votes[:, [2]]
    runner_up = ((votes > for_2).sum(axis=1) == 1) & ((votes >= for_2).sum(axis=1) == 2)
    return by_networks(
        {
            f"8 gets more than {MOST_FOR_8} votes": votes[:, 8] > MOST_FOR_8,
            "2 is the only runner-up": runner_up & (votes[:, 2] > 0),
        }
    )


def judge_many_for_3(table: pd.DataFrame) -> Judgement:
    """More than 40 votes for 3."""
    many = _votes_for(3, PECULIAR, table) > MOST_FOR_3
    return by_networks({f"3 gets more than {MOST_FOR_3} votes": many})


def judge_few_for_7_or_9(table: pd.DataFrame) -> Judgement:
    """2 to 6 votes for 7 and 9 together."""
    few = np.isin(_votes_for(7, PECULIAR, table) + _votes_for(9, PECULIAR, table), FOR_7_OR_9)
    least, most = FOR_7_OR_9[0], FOR_7_OR_9[-1]
    return by_networks({f"7 and 9 together get {least} to {most} votes": few})


def _votes_for(c: int, image: int, table: pd.DataFrame) -> Float64[np.ndarray, " networks"]:
    return values(table, VOTES, method=SAMPLED, condition=IMAGES[image], case=str(c))


def measure_switch(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """Whether softmax gives equal bits twice, and how many classes get votes."""
    images = _two_images(predictor)
    pool, training = predictor.pool()
    logits = pool.engine.logits
    repeats = [
        float(torch.equal(logits(network, images), logits(network, images)))
        for network in pool.networks(range(predictor.networks), training)
    ]
    yield rows("repeats", repeats, method=SOFTMAX)
    for image, votes in zip(IMAGES.values(), _votes(predictor), strict=True):
        classes = (votes > 0).sum(axis=1).astype(float)
        yield rows("classes_with_votes", classes, method=SAMPLED, condition=image)


def judge_switch(table: pd.DataFrame) -> Judgement:
    """Off: bitwise identical; on: more than one class gets votes on at least one image."""
    identical = values(table, "repeats", method=SOFTMAX) == 1
    classes = [
        values(table, "classes_with_votes", method=SAMPLED, condition=image)
        for image in IMAGES.values()
    ]
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
    units = [predictor.mc_dropout(network) for network in range(predictor.repeated)]
    predictor.predict(units, CONDITIONS)
    for condition in CONDITIONS:
        labels, bins, correct, confident = predictor.labels_of(condition), [], [], []
        for unit in units:
            prediction = predictor.get(unit, condition)
            share, vote = prediction.vote_share.max(dim=1)
            # Shares are whole votes of a hundred: without rounding 0.9 could fall below an edge.
            bins.append(np.digitize(share.numpy().round(9), LOWER_EDGES[1:]))
            correct.append((vote == labels).numpy())
            confident.append(confidence(prediction.mean).numpy())
        for position, edge in enumerate(LOWER_EDGES):
            inside = np.array(bins) == position
            for metric, summed in (
                ("images", 1),
                ("correct", correct),
                ("summed_confidence", confident),
            ):
                sums = (inside * np.array(summed)).sum(axis=1).astype(float)
                yield rows(metric, sums, condition=condition, case=str(edge))


def judge_certainty(table: pd.DataFrame) -> Judgement:
    """On clean images, where 90 % agree: confidence above 90 %, and accuracy above that elsewhere.

    How often votes that agree are right is shown, also on rotated images.
    """

    def by_bin(metric: str, condition: str) -> Float64[np.ndarray, "bins networks"]:
        return np.array(
            [values(table, metric, condition=condition, case=str(edge)) for edge in LOWER_EDGES]
        )

    images, correct, confident = (
        by_bin(metric, CLEAN) for metric in ("images", "correct", "summed_confidence")
    )
    # Networks with no image of either kind are left out.
    both = (images[-1] > 0) & (images[:-1].sum(axis=0) > 0)
    if not both.any():
        raise NotTestableError("At least 90 % of votes agree on no clean image, or on all of them.")
    certain = over_networks(confident[-1, both] / images[-1, both])
    elsewhere = correct[:-1, both].sum(axis=0) / images[:-1, both].sum(axis=0)
    gain = over_networks(correct[-1, both] / images[-1, both] - elsewhere)
    require_intervals([certain, gain])
    where_agreed = "where 90 % of votes agree"
    parts = [
        RulePart(
            f"clean: confidence {where_agreed} (condition 1)",
            certain.percent(1),
            certain.above(LEAST_CONFIDENCE),
        ),
        RulePart(
            f"clean: accuracy {where_agreed}, minus elsewhere (condition 2)",
            gain.text("+.3f"),
            gain.above(),
        ),
    ]
    remarks = []
    for condition, name in CONDITIONS.items():
        images, correct = (by_bin(metric, condition) for metric in ("images", "correct"))
        if (agreed := images[-1] > 0).any():
            right = over_networks(correct[-1, agreed] / images[-1, agreed])
            share = f"{100 * images[-1].sum() / images.sum():.0f} %"
            parts.append(RulePart(f"{name}: share of images {where_agreed}", share))
            parts.append(RulePart(f"{name}: accuracy on them", right.percent(1)))
            remarks.append(f"{name} {100 * right.value:.1f} %")
    holds = sum(bool(part.holds) for part in parts)
    limit = f"Agreeing votes are right: {listed(remarks)}."
    why = f"{holds} of 2 conditions hold on clean images. {limit}"
    return by_parts(parts, why)


def write_exact(predictor: Predictor) -> None:
    """Write ``exact.csv`` and ``spread.csv``."""
    units = [
        (RunUnit("mc_dropout_exact", None, 1.0, n), predictor.mc_dropout(n))
        for n in range(predictor.repeated)
    ]
    predictor.predict(chain(*units), [TWO_IMAGES])
    lines = []
    for network, pair in enumerate(units):
        exact, sampled = (_measures(predictor.get(unit, TWO_IMAGES)) for unit in pair)
        lines += [
            {
                **{"network": network, "image": image, "measure": name, "class": class_number},
                "exact": float(exact[name, class_number][position]),
                "sampled": float(sampled[name, class_number][position]),
            }
            for position, image in enumerate(IMAGES)
            for name, class_number in exact
        ]
    table = pd.DataFrame(lines).astype({"class": "Int64"})
    folder = predictor.workspace.out / CLAIMS_FOLDER
    write_table(table.round(DECIMALS), folder, "exact.csv")
    write_table(spread(table).round(DECIMALS), folder, "spread.csv")


def _measures(prediction: Prediction) -> dict[tuple[str, int | None], Float[Tensor, " images"]]:
    """By name, and class of a share of votes: these, and every measure of uncertainty."""
    return {
        **{(VOTES, c): share for c, share in enumerate(prediction.vote_share.T)},
        **{
            (metric.name, None): metric.function(prediction)
            for metric in METRICS.values()
            if metric.family is PredictionMeans
        },
    }


def spread(exact: pd.DataFrame) -> pd.DataFrame:
    """The parts of the variance of each class's share of votes on the two images.

    With s the exact share of a network, Var(votes / T) = Var(s) + E(s(1 − s)) / T: the draw of the
    network, and that of its T passes (the law of total variance).
    """
    lines = []
    by_class = where(exact, measure=VOTES).groupby(["image", "class"])
    for (image, class_number), votes in by_class:
        share = votes["exact"].to_numpy()
        between = float(share.var(ddof=1)) if len(share) > 1 else math.nan
        within = float((share * (1 - share)).mean()) / PASSES
        lines.append(
            {
                **{"image": image, "class": class_number},
                **{"networks": len(share), "mean_share": share.mean()},
                "std_by_network": np.sqrt(between),
                "std_by_passes": np.sqrt(within),
                "variance_by_network": between / (between + within) if between + within else 0.0,
                "sampled_std": votes["sampled"].std(),
            }
        )
    return pd.DataFrame(lines)


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
    weight="detail",
    rule="For each network: 7 and 9 together get 2 to 6 votes.",
    measure=partial(measure_votes, image=PECULIAR),
    judge=judge_few_for_7_or_9,
    figure="claims-count-plots",
    against="This is one bar of a plot of one network. So small a count varies between sets of "
    "passes.",
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
    rule="Take the clean images on which at least 90 % of the 100 votes agree. Condition 1: the "
    "passes' mean probability of the likeliest class is above 90 % on average. Condition 2: the "
    "accuracy is above that on the other images. Each must hold by a 95 % interval over networks. "
    "Reproduced: both hold. Partly reproduced: one does.",
    measure=measure_certainty,
    judge=judge_certainty,
    figure="claims-certainty",
    against="Certain is not right: votes that agree can agree on a wrong class. So the accuracy is "
    "shown, also on images rotated by 15°, 30° and 45°, which the article does not mention. The "
    "verdict ignores it.",
    least_networks=2,
)
