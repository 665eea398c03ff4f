"""What the page holds of a recipe: its networks in few bytes, and what they say of test images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from benchmarks.lab.gallery import Group, groups
from benchmarks.lab.networks import stored_networks
from benchmarks.lab.rounding import LARGE, Rounded, rounded
from benchmarks.lab.standing import predictions_of_test_images, standings
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.shifts import rotated
from methods import Prediction
from methods.engines.base import Engine
from methods.networks.network import Network

COMPARED, ANGLE = 200, 45.0
"""Test images on which rounded networks are compared, upright and rotated by so many degrees."""


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
    networks: tuple[Rounded, ...]
    masks: Bool[Tensor, "passes channels"]
    standings: Mapping[tuple[str, str], Float32[np.ndarray, " images"]]
    groups: Sequence[Group]
    change: float
    votes_changed: int


def recipe_contents(
    plan: Plan, workspace: Workspace, recipe: str, label: str, *, networks: int, passes: int
) -> RecipeContents:
    """Of this many stored networks of a recipe, and passes of the first."""
    trained = stored_networks(plan, workspace, recipe, networks)
    small = tuple(rounded(one, LARGE if number else ()) for number, one in enumerate(trained))
    test, predictions = predictions_of_test_images(
        plan, workspace, recipe, networks=networks, passes=passes
    )
    change, votes = rounding_error(
        plan.engine, trained, [one.network for one in small], test.images[:COMPARED]
    )
    return RecipeContents(
        name=recipe,
        label=label,
        networks=small,
        masks=trained[0].passes(plan.configuration.seed, 0, passes),
        standings=standings(predictions),
        groups=groups(test, predictions),
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
