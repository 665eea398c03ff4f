"""Which single images are worth a look, and each method's votes on them.

Written when all is predicted: the images themselves (``images.npz``), and two tables in
``curves/``, ``image_votes.csv`` for the page and ``high_disagreement.csv`` for a figure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from benchmarks.io import write_whole
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run.curves import (
    DECIMALS,
    ORIGIN,
    VOTE_COLUMNS,
    CurveRow,
    drawn_units,
    example_image,
    origin,
    votes_on,
)
from benchmarks.run.plan import Plan
from benchmarks.run.reading import predicted_conditions, read_prediction
from benchmarks.run.workspace import Workspace
from benchmarks.schema import packed, write_table
from benchmarks.tasks.task import Condition, EvaluationSet
from benchmarks.vocabulary import CLEAN, CURVES_FOLDER, IMAGES_NPZ
from methods.determinism import one_torch_thread

HIGH_DISAGREEMENT = 12
"""How many images of the highest divergence a figure shows."""

EXPLORED = 120
"""How many images the page's explorer shows at most."""

EXAMPLES = 10
"""How many images of each condition are written: one of each class where there are labels."""

HIGH_DISAGREEMENT_COLUMNS = (*ORIGIN, "rank", "divergence", *VOTE_COLUMNS)
"""Of ``high_disagreement.csv``."""

EXPLORER_COLUMNS = (*HIGH_DISAGREEMENT_COLUMNS, "number")
"""Of ``image_votes.csv``, without classes that get no vote, but for the predicted one.

``index`` is among the images evaluated, ``number`` in their data set."""

Divergences = dict[Condition, Float[Tensor, " images"]]


class Ranked(NamedTuple):
    """An image, under the condition in which its divergence is highest."""

    condition: Condition
    image: int
    value: float


@one_torch_thread()
def write_shown(plan: Plan, workspace: Workspace, unavailable: Collection[str] = ()) -> None:
    """Write the images that figures and page show, and the votes on those chosen."""
    folder = workspace.out / CURVES_FOLDER
    units = largest_units(plan, workspace)
    values = divergences(plan, workspace, units)
    defined = {c: each for c, each in values.items() if c.labels == "valid"}
    disagreed = list(_votes(plan, workspace, units, highest(defined, HIGH_DISAGREEMENT)))
    votes = _votes(plan, workspace, units, explored(plan, workspace, values))
    explorer = list(_explorer(plan, workspace, votes))
    for rows, columns, name in (
        (disagreed, HIGH_DISAGREEMENT_COLUMNS, "high_disagreement.csv"),
        (explorer, EXPLORER_COLUMNS, "image_votes.csv"),
    ):
        write_table(pd.DataFrame(rows, columns=list(columns)).round(DECIMALS), folder, name)
    available = [c for c in plan.whole_conditions if c.name not in unavailable]
    sets = {c.name: workspace.evaluation_set(c, plan) for c in available}
    wanted = {(row["condition"], row["index"]) for row in (*disagreed, *explorer)}
    for condition in available:
        examples = _examples_of(sets[condition.name])
        example = example_image(plan, condition, sets[CLEAN].labels)
        wanted |= {(condition.name, index) for index in (*examples, example) if index is not None}
    save_images(
        [
            (condition.name, sets[condition.name], index)
            for condition in available
            for index in sorted(index for name, index in wanted if name == condition.name)
        ],
        workspace.out / IMAGES_NPZ,
    )


def _votes(
    plan: Plan, workspace: Workspace, units: list[RunUnit], images: list[Ranked]
) -> Iterator[CurveRow]:
    """The votes of run units on images, which are ranked in their order."""
    ranks = enumerate(images, start=1)
    for condition, shown in groupby(ranks, lambda ranked: ranked[1].condition):
        predictions = _predictions(plan, workspace, units, condition)
        for rank, (_, image, value) in shown:
            for unit, stored in predictions.items():
                begin = origin(unit, stored.prediction.members, condition)
                begin |= {"rank": rank, "divergence": value}
                for row in votes_on(stored, image):
                    yield begin | row


def _explorer(plan: Plan, workspace: Workspace, votes: Iterable[CurveRow]) -> Iterator[CurveRow]:
    """The rows of ``image_votes.csv``."""
    for _, classes in groupby(votes, itemgetter("rank", "method")):
        rows = list(classes)
        predicted = max(row["mean_probability"] for row in rows)
        for row in rows:
            if row["vote_share"] > 0 or row["mean_probability"] == predicted:
                numbers = _numbers(plan, workspace, plan.task.condition(row["condition"]))
                yield row | {"number": int(numbers[row["index"]])}


def largest_units(plan: Plan, workspace: Workspace) -> list[RunUnit]:
    """The first replicate of the largest size of each method, by name."""
    drawn = drawn_units(plan, lambda u: CLEAN in predicted_conditions(plan, workspace, u)).values()
    largest = {curve.unit.method: curve.unit for curve in drawn if curve.first}
    return [largest[method] for method in sorted(largest)]


def divergences(plan: Plan, workspace: Workspace, units: list[RunUnit]) -> Divergences:
    """The `divergence` of run units under each condition of which all have predictions.

    Under none whose labels are ill-defined.
    """
    common = [predicted_conditions(plan, workspace, unit) for unit in units]
    return {
        condition: divergence(list(_predictions(plan, workspace, units, condition).values()))
        for condition in plan.whole_conditions
        if condition.labels != "ill-defined"
        and units
        and all(condition.name in names for names in common)
    }


def _predictions(
    plan: Plan, workspace: Workspace, units: list[RunUnit], condition: Condition
) -> dict[RunUnit, StoredPrediction]:
    """Of those of the units that have one."""
    predictions = {unit: read_prediction(plan, workspace, unit, condition.name) for unit in units}
    return {unit: stored for unit, stored in predictions.items() if stored is not None}


def highest(values: dict[Condition, Float[Tensor, " images"]], count: int) -> list[Ranked]:
    """The images of the highest values, each under one condition only, and none of value 0."""
    paired: dict[str, list[Condition]] = {}
    for condition in values:
        paired.setdefault(condition.paired_with, []).append(condition)
    ranked: list[Ranked] = []
    for conditions in paired.values():
        # Of a severity there may be the first images only.
        each = pad_sequence([values[c] for c in conditions], batch_first=True)
        # Rounded, so that images are ranked alike on every machine.
        highest, where = each.round(decimals=9).max(dim=0)
        ranked += [
            Ranked(conditions[int(where[image])], int(image), float(highest[image]))
            for image in highest.sort(descending=True, stable=True).indices[:count]
            if highest[image] > 0
        ]
    return sorted(ranked, key=lambda ranked_image: -ranked_image.value)[:count]


def divergence(predictions: list[StoredPrediction]) -> Float[Tensor, " images"]:
    """How much the votes of predictions differ on each image, in nats.

    The Jensen–Shannon divergence (Lin 1991, equation 5.1), H(mean_k s_k) − mean_k H(s_k) with s_k
    the vote shares of prediction k: 0 where these are equal, however much the members of each
    disagree.
    """
    shares = torch.stack([stored.prediction.vote_share for stored in predictions])
    entropy_of_mean = torch.special.entr(shares.mean(dim=0)).sum(dim=-1)
    difference: Tensor = entropy_of_mean - torch.special.entr(shares).sum(dim=-1).mean(dim=0)
    return difference


def explored(plan: Plan, workspace: Workspace, values: Divergences) -> list[Ranked]:
    """The images of the explorer: of each condition as many, those of the highest divergence.

    Of the clean images the article's come first.
    """
    share = max(1, EXPLORED // max(1, len(values)))
    chosen = []
    for condition, each in values.items():
        # Rounded, so that images are ranked alike on every machine.
        ranked = each.round(decimals=9).sort(descending=True, stable=True).indices.tolist()
        if condition.name == CLEAN:
            numbers = _numbers(plan, workspace, condition).tolist()
            ranked.sort(key=lambda image: numbers[image] not in plan.task.article_images)
        chosen += [Ranked(condition, i, float(each[i])) for i in ranked[:share]]
    return chosen[:EXPLORED]


def _numbers(plan: Plan, workspace: Workspace, condition: Condition) -> Int64[Tensor, " images"]:
    """Of the images evaluated, their numbers in the data set."""
    numbers = workspace.evaluation_set(condition, plan).numbers
    assert numbers is not None
    return numbers


def save_images(chosen: Sequence[tuple[str, EvaluationSet, int]], path: Path) -> None:
    """Write images, each given by the name of its condition, the evaluation set and its index.

    The file has ``pixels`` uint8 [images, height, width], or [images, height, width, 3] in colour,
    and of each image its ``condition``, ``index``
    and ``label`` (−1: none).
    """
    labels = [-1 if s.labels is None else int(s.labels[i]) for _, s, i in chosen]
    arrays = {
        "pixels": np.stack([pixels(s.images[index]) for _, s, index in chosen]),
        "condition": np.array([condition for condition, *_ in chosen]),
        "index": np.array([index for *_, index in chosen]),
        "label": np.array(labels),
    }
    write_whole(path, packed(arrays))


def pixels(image: Float[Tensor, "channels height width"]) -> UInt8[np.ndarray, "height width *3"]:
    """An image as figures draw it: grey, or in colours of three channels.

    >>> pixels(torch.ones(1, 2, 3)).shape, pixels(torch.ones(3, 2, 3)).shape
    ((2, 3), (2, 3, 3))
    """
    shades = (image * 255).round().byte()
    drawn: UInt8[np.ndarray, ...] = shades.permute(1, 2, 0).numpy()
    return drawn if len(shades) == 3 else shades.float().mean(dim=0).byte().numpy()


def _examples_of(evaluated: EvaluationSet) -> list[int]:
    """The first image of each class, or the first images where there are no labels."""
    if evaluated.labels is None:
        return list(range(min(EXAMPLES, len(evaluated.images))))
    return [int((evaluated.labels == c).nonzero()[0]) for c in torch.unique(evaluated.labels)]
