"""What the page holds: networks of two trainings in one byte a weight, and test images."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int8
from torch import Tensor

from benchmarks.claims.edge_cases import trained_by
from benchmarks.claims.predictor import Predictor
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.mnist import PECULIAR, TYPICAL
from methods import Prediction
from methods.networks.architectures import LeNet5
from methods.networks.network import Network
from methods.networks.recipes import WELL_TRAINED, LabelledImages, Recipe

LARGEST = 127
"""The largest whole number of 8 bits that has a negative."""

BLOCK = 1000
"""How many images networks predict at once, for the sake of memory."""

MOST = 12
"""Images of a group."""

WELL_TRAINED_NETWORKS = 10
"""Networks that are trained well: twice the five that the results advise, at little weight."""


class RoundedNetwork(NamedTuple):
    """A network whose weights have 8 bits.

    Attributes:
        network: with the rounded weights, in float32.
        content: layer after layer the scales of its outputs, their weights and their biases.
    """

    network: LeNet5
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
    images: tuple[GalleryImage, ...]


class TrainedAlike(NamedTuple):
    """Networks of one training.

    Attributes:
        recipe: how they are trained.
        members: those of the ensemble; the first is the single network.
        dropped: what MC-dropout runs, trained with dropout, where the single network is not.
    """

    recipe: Recipe
    members: tuple[RoundedNetwork, ...]
    dropped: RoundedNetwork | None = None


@dataclass(frozen=True, eq=False)
class LabContents:
    """Networks, and what the page tells of them.

    Attributes:
        trainings: the article's networks come first.
        masks: the channels that each pass of MC-dropout keeps.
        groups: the gallery; the article's two images come first.
        test_images: how many there are.
        same_class: the share of them that keep their class when weights are rounded: the least
            of all networks.
    """

    trainings: tuple[TrainedAlike, ...]
    masks: Bool[Tensor, "passes channels"]
    groups: Sequence[GalleryGroup]
    test_images: int
    same_class: float


def lab_contents(plan: Plan, workspace: Workspace, *, networks: int, passes: int) -> LabContents:
    """Of this many networks of the article, fewer that are trained well, and passes of each.

    Networks that are not stored yet are trained.
    """
    predictor = Predictor(plan, workspace, networks=networks)
    well = replace(plan.task.recipe(WELL_TRAINED.name), epochs=plan.recipe.epochs)
    test = workspace.images(plan.task, "test")
    blocks = torch.split(test.images, BLOCK)

    def trained(recipe: Recipe, count: int) -> list[LeNet5]:
        own = predictor.otherwise(recipe.name, count, partial(trained_by, recipe))
        own.train([own.ensemble])
        pool, training = own.pool()
        return cast(list[LeNet5], pool.networks(range(count), training))

    def logits(chosen: Sequence[Network]) -> Float[Tensor, "networks images classes"]:
        prepared = plan.engine.prepare(chosen)
        return torch.cat([prepared.logits(block) for block in blocks], dim=1)

    article = trained(plan.recipe, networks)
    others = trained(well, min(networks, WELL_TRAINED_NETWORKS))
    (dropped,) = trained(replace(well, dropout=plan.recipe.dropout), 1)
    exact = logits(article)
    classes = [exact, logits(others), logits([dropped])]
    small = [tuple(map(rounded, each)) for each in (article, others, [dropped])]
    same = [
        (before.argmax(dim=2) == logits([each.network for each in after]).argmax(dim=2))
        for before, after in zip(classes, small, strict=True)
    ]
    return LabContents(
        trainings=(
            TrainedAlike(plan.recipe, small[0]),
            TrainedAlike(well, small[1], dropped=small[2][0]),
        ),
        masks=article[0].passes(plan.configuration.seed, 0, passes),
        groups=gallery(test, Prediction.of_logits(exact)),
        test_images=len(test.images),
        same_class=float(torch.cat(same).double().mean(dim=1).min()),
    )


def rounded(network: LeNet5) -> RoundedNetwork:
    """The network with weights of 8 bits.

    Each output has a scale of its own in float32, so that its largest weight becomes 127 or -127.
    Biases stay as they are.
    """
    copy, content = deepcopy(network), b""
    for layer in copy.children():
        weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
        scales, whole = scaled(weight.flatten(start_dim=1))
        weight.data = torch.from_numpy(scales * whole).reshape(weight.shape)
        content += scales.astype("<f4").tobytes() + whole.tobytes()
        content += bias.detach().numpy().astype("<f4").tobytes()
    return RoundedNetwork(copy, content)


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


def gallery(test: LabelledImages, ensemble: Prediction) -> list[GalleryGroup]:
    """The article's two images, those that many networks get wrong alike, and divided votes."""
    answers = ensemble.mean.argmax(dim=1)
    votes = ensemble.vote_share.gather(1, answers[:, None])[:, 0]
    agreed = votes.argsort(descending=True, stable=True)
    wrong = agreed[answers[agreed] != test.labels[agreed]].tolist()
    return [
        GalleryGroup("The article’s two", _images(test, (TYPICAL, PECULIAR))),
        GalleryGroup(
            f"Most of the article’s networks agree on these, of {len(wrong)} errors of their mean",
            _images(test, wrong[:MOST]),
        ),
        GalleryGroup("Their votes are divided most", _images(test, agreed.flip(0)[:MOST].tolist())),
    ]


def _images(test: LabelledImages, indices: Iterable[int]) -> tuple[GalleryImage, ...]:
    pixels = (255 * test.images[:, 0]).round().to(torch.uint8).flatten(start_dim=1).numpy()
    return tuple(
        GalleryImage(i, int(test.labels[i]), b64encode(pixels[i].tobytes()).decode("ascii"))
        for i in indices
    )
