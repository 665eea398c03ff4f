"""What the methods say of the test images: where a drawn image stands, and which are shown."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from benchmarks.claims.predictor import ENSEMBLE, SAMPLED, SOFTMAX, RecipePredictor
from benchmarks.metrics import METRICS
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.conditions import EvaluationSet
from benchmarks.vocabulary import CLEAN, DISAGREEMENT, PECULIAR, TYPICAL
from methods import Prediction

MEASURES = ("predictive_entropy", "mutual_information", "pairwise_disagreement")

Predictions = Mapping[str, Prediction]
"""By method, of all test images."""


def predictions_of_test_images(
    plan: Plan, workspace: Workspace, recipe: str, *, networks: int, passes: int
) -> tuple[EvaluationSet, Predictions]:
    """The test images, and what is predicted by network 0, its passes, and all networks."""
    with TemporaryDirectory() as folder:
        elsewhere = replace(workspace, out=Path(folder))
        predictor = RecipePredictor(plan, elsewhere, recipe, networks=networks)
        units = {
            SOFTMAX: predictor.softmax(0),
            SAMPLED: predictor.mc_dropout(0, passes),
            ENSEMBLE: predictor.ensemble,
        }
        predictor.predict([(unit, CLEAN) for unit in units.values()])
        predictions = {name: predictor.get(unit) for name, unit in units.items()}
        return predictor.images(CLEAN), predictions


def standings(predictions: Predictions) -> dict[tuple[str, str], Float32[np.ndarray, " images"]]:
    """By method and measure, the values of all test images, ascending.

    A single network has no measure of members that differ.
    """
    return {
        (method, measure): np.sort(METRICS[measure].function(prediction).numpy().astype("<f4"))
        for method, prediction in predictions.items()
        for measure in (MEASURES[:1] if prediction.members == 1 else MEASURES)
    }


SURE, AGREED = 0.9, 0.8
"""The least probability of which one is sure, and the share of votes up to which members are not.

The page's script has the same limits (`static/verdict.js`).
"""

MOST = 12
"""Images of a group."""


@dataclass(frozen=True)
class GalleryImage:
    """A test image: its index, its label, and its 784 bytes in base 64."""

    index: int
    label: int
    pixels: str


@dataclass(frozen=True)
class Group:
    """Test images with what they have in common."""

    title: str
    note: str
    images: tuple[GalleryImage, ...]


def groups(test: EvaluationSet, predictions: Predictions) -> list[Group]:
    """The groups of a recipe's gallery; the article's two images come first."""
    members = predictions[ENSEMBLE].members
    sure = sure_alone(predictions)
    disagreement = METRICS[DISAGREEMENT].function(predictions[ENSEMBLE])
    uncertain = disagreement.argsort(descending=True, stable=True)
    count = int(sure.sum())
    return [
        Group(
            "The article’s",
            f"A clear 8 (image {TYPICAL}) and a peculiar one (image {PECULIAR}).",
            _images(test, (TYPICAL, PECULIAR)),
        ),
        Group(
            "The single network is sure of these, and the ensemble is not",
            f"Network 0 gives a class at least {SURE:.0%}, and at most {AGREED:.0%} of the "
            f"{members} networks vote for one class: {count:,} of {len(sure):,} test images"
            + (f"; the {MOST} with the most disagreement." if count > MOST else "."),
            _images(test, [int(i) for i in uncertain if sure[i]][:MOST]),
        ),
        Group(
            "The networks disagree most about these",
            f"By the share of pairs of the {members} networks that vote differently.",
            _images(test, map(int, uncertain[:MOST])),
        ),
        Group(
            "One of each class, of which all are sure",
            "The first test image of each class for which all networks vote.",
            _images(test, map(int, first_agreed(test, predictions))),
        ),
    ]


def sure_alone(predictions: Predictions) -> Bool[Tensor, " images"]:
    """The images of which the single network is sure, and the ensemble is not."""
    confidence = predictions[SOFTMAX].mean.amax(dim=1)
    return (confidence >= SURE) & (predictions[ENSEMBLE].vote_share.amax(dim=1) <= AGREED)


def first_agreed(test: EvaluationSet, predictions: Predictions) -> Int64[Tensor, " images"]:
    """The first image of each class for which all members vote, and network 0 is sure."""
    assert test.labels is not None
    sure = predictions[SOFTMAX].mean.amax(dim=1) >= SURE
    votes = predictions[ENSEMBLE].vote_share.gather(1, test.labels[:, None])[:, 0]
    agreed = torch.nonzero(sure & (votes == 1))[:, 0]
    labels = test.labels[agreed]
    classes = sorted(set(labels.tolist()))
    return torch.tensor([int(agreed[labels == c][0]) for c in classes], dtype=torch.int64)


def _images(test: EvaluationSet, indices: Iterable[int]) -> tuple[GalleryImage, ...]:
    assert test.labels is not None
    pixels = (255 * test.images[:, 0]).round().to(torch.uint8).flatten(start_dim=1).numpy()
    return tuple(
        GalleryImage(i, int(test.labels[i]), b64encode(pixels[i].tobytes()).decode("ascii"))
        for i in indices
    )
