"""The networks of the lab: a run's, found in its folder of networks."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from benchmarks.errors import UserError
from benchmarks.run.configuration.presets import command_of
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from methods.deep_ensemble import DeepEnsemble
from methods.networks.lenet5 import LeNet5


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
