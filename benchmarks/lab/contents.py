"""What the page holds of a recipe: its networks in few bytes, and what they say of test images."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from benchmarks.errors import UserError
from benchmarks.lab.gallery import Group, groups, predictions_of_test_images, standings
from benchmarks.lab.rounding import LARGE, Rounded, rounded
from benchmarks.run.configuration import command_of
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.shifts import rotated
from methods import Prediction
from methods.deep_ensemble import DeepEnsemble
from methods.engines.base import Engine
from methods.networks.lenet5 import LeNet5
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
        if missing:
            raise UserError(
                f"--networks {workspace.networks}: {len(missing)} of {count} networks of the "
                f"recipe {recipe!r} are not there (the first: number {missing[0]}); train them by "
                f"{_training_command(plan, workspace, recipe, count)}"
            )


def stored_networks(plan: Plan, workspace: Workspace, recipe: str, count: int) -> list[LeNet5]:
    """So many networks of a recipe, from number 0; all are stored."""
    pool = plan.pool(recipe, workspace.store)
    networks = pool.networks(range(count), workspace.training_images(plan, recipe))
    return cast(list[LeNet5], networks)


def _training_command(plan: Plan, workspace: Workspace, recipe: str, count: int) -> str:
    configuration = replace(
        plan.configuration, recipes=(recipe,), methods=(DeepEnsemble.name,), members=(count,)
    )
    words = ["--only", "train", "--networks", str(workspace.networks)]
    if workspace.data_dir is not None:
        words += ["--data-dir", str(workspace.data_dir)]
    words += ["--out", f"results/lab-{recipe}"]
    return f"{command_of(configuration)} {shlex.join(words)}"
