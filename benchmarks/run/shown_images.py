"""Which single images are worth a look, and each method's votes on them.

Written when all is predicted: the images themselves (``images.npz``), and the votes
(``curves/image_votes.csv``) for the page and a figure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from benchmarks.io import write_whole
from benchmarks.predictions import StoredPrediction
from benchmarks.run.curves import (
    DECIMALS,
    ORIGIN,
    VOTE_COLUMNS,
    CurveRow,
    drawn_units,
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

IMAGES_PER_CONDITION = 4
"""How many images of the highest divergence are shown of each condition."""

COLUMNS = (*ORIGIN, "rank", "divergence", *VOTE_COLUMNS, "number")
"""Of ``image_votes.csv``, without classes that get no vote, but for the predicted one.

``index`` is among the images evaluated, ``number`` in their data set."""


@one_torch_thread()
def write_shown(plan: Plan, workspace: Workspace, unavailable: Collection[str] = ()) -> None:
    """Write the images that figures and page show, and the votes on those chosen.

    Of each condition the first image is written, too.
    """
    available = (c for c in plan.whole_conditions if c.name not in unavailable)
    sets = {condition: workspace.evaluation_set(condition, plan) for condition in available}
    votes = list(_votes(plan, workspace, sets))
    table = pd.DataFrame(votes, columns=list(COLUMNS)).round(DECIMALS)
    write_table(table, workspace.out / CURVES_FOLDER, "image_votes.csv")
    chosen = {(row["condition"], row["index"]) for row in votes}
    images = [
        (condition.name, evaluated, index)
        for condition, evaluated in sets.items()
        for index in sorted({0} | {index for name, index in chosen if name == condition.name})
    ]
    save_images(images, workspace.out / IMAGES_NPZ)


def _votes(
    plan: Plan, workspace: Workspace, sets: Mapping[Condition, EvaluationSet]
) -> Iterator[CurveRow]:
    """The votes of all methods on the images of each condition on which they differ most.

    Votes are those of the first replicate of a method's largest size. Of the clean images the
    article's come first. Conditions are left out whose labels are ill-defined, or of which a
    method has no predictions.
    """
    drawn = drawn_units(plan, lambda u: CLEAN in predicted_conditions(plan, workspace, u)).values()
    largest = {each.unit.method: each.unit for each in drawn if each.first}
    units, ranks = [largest[method] for method in sorted(largest)], count(1)
    for condition, evaluated in sets.items():
        if condition.labels == "ill-defined" or not units:
            continue
        predictions = {u: read_prediction(plan, workspace, u, condition.name) for u in units}
        known = {unit: stored for unit, stored in predictions.items() if stored is not None}
        if len(known) < len(units):
            continue
        numbers, values = evaluated.numbers, divergence(list(known.values()))
        assert numbers is not None
        # Rounded, so that images are ranked alike on every machine.
        ranked = values.round(decimals=9).sort(descending=True, stable=True).indices.tolist()
        if condition.name == CLEAN:
            ranked.sort(key=lambda image: int(numbers[image]) not in plan.task.article_images)
        for image, rank in zip(ranked[:IMAGES_PER_CONDITION], ranks, strict=False):
            about = {"rank": rank, "divergence": float(values[image])}
            about["number"] = int(numbers[image])
            for unit, stored in known.items():
                begin = origin(unit, stored.prediction.members, condition) | about
                predicted = int(stored.prediction.mean[image].argmax())
                for row in votes_on(stored, image):
                    if row["vote_share"] > 0 or row["class"] == predicted:
                        yield begin | row


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


def save_images(chosen: Sequence[tuple[str, EvaluationSet, int]], path: Path) -> None:
    """Write images, each given by the name of its condition, the evaluation set and its index.

    The file has ``pixels`` uint8 [images, height, width], or [images, height, width, 3] in colour,
    and of each image its ``condition`` and ``index``.
    """
    arrays = {
        "pixels": np.stack([pixels(s.images[index]) for _, s, index in chosen]),
        "condition": np.array([condition for condition, *_ in chosen]),
        "index": np.array([index for *_, index in chosen]),
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
