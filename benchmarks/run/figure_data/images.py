"""The few hundred pictures that figures show, as they were judged: ``images.npz``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.files import written_whole
from benchmarks.run.figure_data.curves import (
    high_disagreement_images,
    recipes_compared,
    rotated_digit,
)
from benchmarks.run.figure_data.explorer import explored
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.conditions import CONDITIONS, Condition, EvaluationSet
from benchmarks.vocabulary import CLEAN, IMAGES_NPZ, NO_LABEL
from methods.threads import one_torch_thread

EXAMPLES = 10
"""How many pictures of each condition are kept: one of each class where there are labels."""


Images = set[tuple[str, int]]
"""Each a condition and the index of an image."""


@one_torch_thread()
def write_images(plan: Plan, workspace: Workspace, unavailable: Collection[str] = ()) -> None:
    """Write the examples of each condition, the turned digit, and the images disputed or explored.

    Each picture's index is that among its condition's images.
    """
    available = [c for c in plan.conditions if not c.subset and c.name not in unavailable]
    wanted = (
        _examples(plan, workspace, available)
        | _rotated_digit(plan, workspace, available)
        | _high_disagreement(plan, workspace)
    )
    wanted |= {(one.condition.name, one.image) for one in explored(plan, workspace)}
    chosen = [
        (condition, index)
        for condition in available
        for index in sorted(index for name, index in wanted if name == condition.name)
    ]
    save_images(
        [
            (condition.name, workspace.evaluation_set(condition, plan), index)
            for condition, index in chosen
        ],
        workspace.out / IMAGES_NPZ,
    )


def save_images(chosen: Sequence[tuple[str, EvaluationSet, int]], path: Path) -> None:
    """Write pictures: what their condition is called, the images and which of them it is.

    The file holds ``pixels`` uint8 [pictures, 28, 28], and of each picture its ``condition``, its
    ``index`` and its ``label`` (−1: none).
    """
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            pixels=np.stack(
                [(one.images[index, 0] * 255).round().byte().numpy() for _, one, index in chosen]
            ),
            condition=np.array([condition for condition, *_ in chosen]),
            index=np.array([index for *_, index in chosen]),
            label=np.array(
                [NO_LABEL if one.labels is None else int(one.labels[i]) for _, one, i in chosen]
            ),
        )


def _examples(plan: Plan, workspace: Workspace, conditions: list[Condition]) -> Images:
    return {
        (condition.name, index)
        for condition in conditions
        for index in _examples_of(workspace.evaluation_set(condition, plan))
    }


def _examples_of(judged: EvaluationSet) -> list[int]:
    """The first image of each class, or the first images where there are no labels."""
    if judged.labels is None:
        return list(range(min(EXAMPLES, len(judged.images))))
    return [int((judged.labels == c).nonzero()[0]) for c in torch.unique(judged.labels)]


def _rotated_digit(plan: Plan, workspace: Workspace, conditions: list[Condition]) -> Images:
    index = rotated_digit(workspace.evaluation_set(CONDITIONS[CLEAN], plan).labels)
    if index is None:
        return set()
    return {(condition.name, index) for condition in conditions if condition.labelled}


def _high_disagreement(plan: Plan, workspace: Workspace) -> Images:
    return {
        (ranked.condition.name, ranked.image)
        for recipe in recipes_compared(plan)
        for ranked in high_disagreement_images(plan, workspace, recipe)
    }
