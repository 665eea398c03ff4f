"""The few hundred images that figures show, as they were evaluated: ``images.npz``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.files import written_whole
from benchmarks.predictions import PredictionStore
from benchmarks.run.figure_data.compared import high_disagreement_images
from benchmarks.run.figure_data.curves import rotated_digit
from benchmarks.run.figure_data.explorer import explored
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.conditions import CONDITIONS, Condition, EvaluationSet
from benchmarks.vocabulary import CLEAN, IMAGES_NPZ, NO_LABEL
from methods.threads import one_torch_thread

EXAMPLES = 10
"""How many images of each condition are written: one of each class where there are labels."""


Images = set[tuple[str, int]]
"""Each a condition and the index of an image."""


@one_torch_thread()
def write_images(plan: Plan, workspace: Workspace, unavailable: Collection[str] = ()) -> None:
    """Write examples of each condition, the rotated digit, high-disagreement and explored images.

    An image's index is that among its condition's images.
    """
    store = workspace.predictions
    available = [c for c in plan.whole_conditions if c.name not in unavailable]
    wanted = (
        _examples(plan, workspace, available)
        | _rotated_digit(plan, workspace, available)
        | _high_disagreement(plan, store)
    )
    wanted |= {(one.condition.name, one.image) for one in explored(plan, store)}
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
    """Write images, each given by the name of its condition, the evaluation set and its index.

    The file has ``pixels`` uint8 [images, 28, 28], and of each image its ``condition``, ``index``
    and ``label`` (−1: none).
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


def _examples_of(evaluated: EvaluationSet) -> list[int]:
    """The first image of each class, or the first images where there are no labels."""
    if evaluated.labels is None:
        return list(range(min(EXAMPLES, len(evaluated.images))))
    return [int((evaluated.labels == c).nonzero()[0]) for c in torch.unique(evaluated.labels)]


def _rotated_digit(plan: Plan, workspace: Workspace, conditions: list[Condition]) -> Images:
    index = rotated_digit(workspace.evaluation_set(CONDITIONS[CLEAN], plan).labels)
    if index is None:
        return set()
    return {(condition.name, index) for condition in conditions if condition.labelled}


def _high_disagreement(plan: Plan, store: PredictionStore) -> Images:
    return {
        (ranked.condition.name, ranked.image)
        for recipe in plan.recipes_compared
        for ranked in high_disagreement_images(plan, store, recipe)
    }
