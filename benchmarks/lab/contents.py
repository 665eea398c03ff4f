"""What the page holds of a recipe: its networks in few bytes, and what they say of test images.

The page's script reads the bytes (`static/networks.js`), and shows which test images are offered,
and where a drawn image stands among all of them.
"""

from __future__ import annotations

import shlex
from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int8
from torch import Tensor

from benchmarks.claims.predictor import ENSEMBLE, SAMPLED, SOFTMAX, RecipePredictor
from benchmarks.io import UserError
from benchmarks.metrics import METRICS
from benchmarks.run.configuration import command_of
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.shifts import rotated
from benchmarks.tasks.task import EvaluationSet
from benchmarks.vocabulary import CLEAN, DISAGREEMENT, PECULIAR, TYPICAL
from methods import Prediction
from methods.deep_ensemble import DeepEnsemble
from methods.engines.base import Engine
from methods.networks.architectures import LeNet5
from methods.networks.network import Network

COMPARED, ANGLE = 200, 45.0
"""Test images on which rounded networks are compared, upright and rotated by so many degrees."""

LARGE = ("linear1", "linear2")
"""The layers that 8 bits do: nine tenths of all weights, and many a sum."""

LARGEST = 127
"""The largest whole number of 8 bits that has a negative."""

MEASURES = ("predictive_entropy", "mutual_information", "pairwise_disagreement")

LabPredictions = Mapping[str, Prediction]
"""By method, of all test images."""

SURE, AGREED = 0.9, 0.8
"""The least probability of which one is sure, and the share of votes up to which members are not.

The page's script has the same limits (`static/answers.js`).
"""

MOST = 12
"""Images of a group."""


class RoundedNetwork(NamedTuple):
    """A network whose numbers have 16 bits, or fewer.

    Attributes:
        network: with the rounded weights, in float32.
        eight_bits: the layers whose weights have 8 bits, and a scale an output.
        content: all numbers, layer after layer, weights before biases; scales before weights.
    """

    network: LeNet5
    eight_bits: tuple[str, ...]
    content: bytes


@dataclass(frozen=True)
class GalleryImage:
    """A test image: its index, its label, and its 784 bytes in base 64."""

    index: int
    label: int
    pixels: str


class GalleryGroup(NamedTuple):
    """Test images with what they have in common."""

    title: str
    note: str
    images: tuple[GalleryImage, ...]


@dataclass(frozen=True, eq=False)
class RecipeContents:
    """A recipe's networks, and what the page tells of them.

    Attributes:
        name, label: of the recipe, and what the page calls it.
        networks: from number 0, whose numbers all have 16 bits.
        masks: the channels that each pass of MC-dropout keeps of network 0.
        standings: by method and measure, the values of all test images, ascending.
        groups: the gallery.
        change: by how much rounding changes a mean probability at most, on images compared.
        votes_changed: by how many votes at most.
    """

    name: str
    label: str
    networks: tuple[RoundedNetwork, ...]
    masks: Bool[Tensor, "passes channels"]
    standings: Mapping[tuple[str, str], Float32[np.ndarray, " images"]]
    groups: Sequence[GalleryGroup]
    change: float
    votes_changed: int


def require_stored(plan: Plan, workspace: Workspace, counts: Mapping[str, int]) -> None:
    """Stop where networks are missing, and say what trains them.

    Args:
        counts: how many networks of each recipe are needed, from number 0.

    Raises:
        UserError: one of them is not stored.
    """
    for recipe, count in counts.items():
        pool = plan.pool(recipe, workspace.store)
        missing = pool.missing(range(count), workspace.training_images(plan, recipe))
        if not missing:
            continue
        training = replace(
            plan.configuration, recipes=(recipe,), methods=(DeepEnsemble.name,), members=(count,)
        )
        words = ["--only", "train", "--networks", str(workspace.networks)]
        if workspace.data_dir is not None:
            words += ["--data-dir", str(workspace.data_dir)]
        words += ["--out", f"results/lab-{recipe}"]
        raise UserError(
            f"--networks {workspace.networks}: {len(missing)} of {count} networks of the "
            f"recipe {recipe!r} are not there (the first: number {missing[0]}); train them by "
            f"{command_of(training)} {shlex.join(words)}"
        )


def recipe_contents(
    plan: Plan, workspace: Workspace, recipe: str, label: str, *, networks: int, passes: int
) -> RecipeContents:
    """Of this many stored networks of a recipe, and passes of the first."""
    pool = plan.pool(recipe, workspace.store)
    training = workspace.training_images(plan, recipe)
    trained = cast(list[LeNet5], pool.networks(range(networks), training))
    small = tuple(
        rounded(network, LARGE if number else ()) for number, network in enumerate(trained)
    )
    with TemporaryDirectory() as folder:
        elsewhere = replace(workspace, out=Path(folder))
        predictor = RecipePredictor(plan, elsewhere, recipe, networks=networks)
        units = {
            SOFTMAX: predictor.softmax(0),
            SAMPLED: predictor.mc_dropout(0, passes),
            ENSEMBLE: predictor.ensemble,
        }
        predictor.predict(units.values())
        predictions = {name: predictor.get(unit) for name, unit in units.items()}
        test = predictor.images(CLEAN)
    change, votes = rounding_error(
        plan.engine, trained, [each.network for each in small], test.images[:COMPARED]
    )
    return RecipeContents(
        name=recipe,
        label=label,
        networks=small,
        masks=trained[0].passes(plan.configuration.seed, 0, passes),
        standings={
            (method, measure): np.sort(METRICS[measure].function(prediction).numpy().astype("<f4"))
            for method, prediction in predictions.items()
            # A single network has no measure of members that differ.
            for measure in (MEASURES[:1] if prediction.members == 1 else MEASURES)
        },
        groups=gallery(test, predictions),
        change=change,
        votes_changed=votes,
    )


def rounding_error(
    engine: Engine,
    trained: Sequence[Network],
    small: Sequence[Network],
    images: Float[Tensor, "images 1 28 28"],
) -> tuple[float, int]:
    """The largest change of an ensemble's mean probability, and of its votes for a class.

    Over the images as they are, and rotated.
    """
    changes, votes = [], []
    for shown in (images, rotated(images, ANGLE)):
        before, after = (
            Prediction.of_logits(engine.prepare(networks).logits(shown))
            for networks in (trained, small)
        )
        changes.append((before.mean - after.mean).abs().max())
        votes.append((before.vote_share - after.vote_share).abs().max() * len(trained))
    return float(max(changes)), round(float(max(votes)))


def rounded(network: LeNet5, eight_bits: Collection[str] = LARGE) -> RoundedNetwork:
    """The network with weights of 8 bits in some layers, and all other numbers in 16.

    Each output of a layer of 8 bits has a scale of its own in float32, so that its largest weight
    becomes 127 or -127.
    """
    copy, content = deepcopy(network), b""
    for name, parameter in copy.named_parameters():
        layer, _, kind = name.partition(".")
        if kind == "weight" and layer in eight_bits:
            scales, whole = scaled(parameter)
            parameter.data = torch.from_numpy(scales * whole)
            content += scales.astype("<f4").tobytes() + whole.tobytes()
        else:
            halves = parameter.detach().numpy().astype("<f2")
            parameter.data = torch.from_numpy(halves.astype(np.float32))
            content += halves.tobytes()
    return RoundedNetwork(copy, tuple(layer for layer in LARGE if layer in eight_bits), content)


def scaled(
    weights: Float[Tensor, "outputs inputs"],
) -> tuple[Float32[np.ndarray, "outputs 1"], Int8[np.ndarray, "outputs inputs"]]:
    """A scale an output, and whole numbers that are the weights once multiplied by it.

    >>> scales, whole = scaled(torch.tensor([[0.5, -1.27], [0.0, 0.0]]))
    >>> whole.tolist(), scales.round(4).tolist()
    ([[50, -127], [0, 0]], [[0.009999999776482582], [1.0]])
    """
    numbers = weights.detach().numpy().astype(np.float32)
    scales = np.abs(numbers).max(axis=1, keepdims=True) / np.float32(LARGEST)
    scales[scales == 0] = 1
    return scales, np.rint(numbers / scales).astype(np.int8)


def gallery(test: EvaluationSet, predictions: LabPredictions) -> list[GalleryGroup]:
    """The groups of a recipe's gallery; the article's two images come first."""
    members = predictions[ENSEMBLE].members
    sure = sure_alone(predictions)
    disagreement = METRICS[DISAGREEMENT].function(predictions[ENSEMBLE])
    uncertain = disagreement.argsort(descending=True, stable=True).tolist()
    count = int(sure.sum())
    return [
        GalleryGroup(
            "The article’s",
            f"A clear 8 (image {TYPICAL}) and a peculiar one (image {PECULIAR}).",
            _images(test, (TYPICAL, PECULIAR)),
        ),
        GalleryGroup(
            "The single network is sure of these, and the ensemble is not",
            f"Network 0 gives a class at least {SURE:.0%}, and at most {AGREED:.0%} of the "
            f"{members} networks vote for one class: {count:,} of {len(sure):,} test images"
            + (f"; the {MOST} with the most disagreement." if count > MOST else "."),
            _images(test, [index for index in uncertain if sure[index]][:MOST]),
        ),
        GalleryGroup(
            "The networks disagree most about these",
            f"By the share of pairs of the {members} networks that vote differently.",
            _images(test, uncertain[:MOST]),
        ),
        GalleryGroup(
            "One of each class, of which all are sure",
            "The first test image of each class for which all networks vote.",
            _images(test, first_agreed(test, predictions)),
        ),
    ]


def sure_alone(predictions: LabPredictions) -> Bool[Tensor, " images"]:
    """The images of which the single network is sure, and the ensemble is not."""
    confidence = predictions[SOFTMAX].mean.amax(dim=1)
    return (confidence >= SURE) & (predictions[ENSEMBLE].vote_share.amax(dim=1) <= AGREED)


def first_agreed(test: EvaluationSet, predictions: LabPredictions) -> list[int]:
    """The first image of each class for which all members vote, and network 0 is sure."""
    assert test.labels is not None
    sure = predictions[SOFTMAX].mean.amax(dim=1) >= SURE
    votes = predictions[ENSEMBLE].vote_share.gather(1, test.labels[:, None])[:, 0]
    first: dict[int, int] = {}
    for index in torch.nonzero(sure & (votes == 1))[:, 0].tolist():
        first.setdefault(int(test.labels[index]), index)
    return [first[label] for label in sorted(first)]


def _images(test: EvaluationSet, indices: Iterable[int]) -> tuple[GalleryImage, ...]:
    assert test.labels is not None
    pixels = (255 * test.images[:, 0]).round().to(torch.uint8).flatten(start_dim=1).numpy()
    return tuple(
        GalleryImage(i, int(test.labels[i]), b64encode(pixels[i].tobytes()).decode("ascii"))
        for i in indices
    )
