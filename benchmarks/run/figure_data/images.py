"""The few hundred images that figures show, as they were evaluated: ``images.npz``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from benchmarks.arrays import write_arrays
from benchmarks.predictions import PredictionStore
from benchmarks.run.figure_data.compared import (
    example_image,
    high_disagreement_images,
    shows_example,
)
from benchmarks.run.figure_data.explorer import explored
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.conditions import Condition, EvaluationSet
from benchmarks.vocabulary import CLEAN, IMAGES_NPZ, NO_LABEL
from methods.threads import one_torch_thread

EXAMPLES = 10
"""How many images of each condition are written: one of each class where there are labels."""


Images = set[tuple[str, int]]
"""Each a condition and the index of an image."""


@one_torch_thread()
def write_images(plan: Plan, workspace: Workspace, unavailable: Collection[str] = ()) -> None:
    """Write examples of each condition, the example image, high-disagreement and explored images.

    An image's index is that among its condition's images.
    """
    store = workspace.predictions
    available = [c for c in plan.whole_conditions if c.name not in unavailable]
    wanted = (
        _examples(plan, workspace, available)
        | _example_image(plan, workspace, available)
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

    The file has ``pixels`` uint8 [images, height, width], or [images, height, width, 3] in colour,
    and of each image its ``condition``, ``index``
    and ``label`` (−1: none).
    """
    labels = [NO_LABEL if one.labels is None else int(one.labels[i]) for _, one, i in chosen]
    arrays = {
        "pixels": np.stack([pixels(one.images[index]) for _, one, index in chosen]),
        "condition": np.array([condition for condition, *_ in chosen]),
        "index": np.array([index for *_, index in chosen]),
        "label": np.array(labels),
    }
    write_arrays(arrays, path)


def pixels(image: Float[Tensor, "channels height width"]) -> UInt8[np.ndarray, "height width *3"]:
    """An image as figures draw it: grey, or in colours of three channels.

    >>> pixels(torch.ones(1, 2, 3)).shape, pixels(torch.ones(3, 2, 3)).shape
    ((2, 3), (2, 3, 3))
    """
    shades = (image * 255).round().byte()
    drawn: UInt8[np.ndarray, ...] = shades.permute(1, 2, 0).numpy()
    return drawn if len(shades) == 3 else shades.float().mean(dim=0).byte().numpy()


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


def _example_image(plan: Plan, workspace: Workspace, conditions: list[Condition]) -> Images:
    clean = workspace.evaluation_set(plan.task.condition(CLEAN), plan)
    index = example_image(plan, clean.labels)
    if index is None:
        return set()
    return {(condition.name, index) for condition in conditions if shows_example(condition)}


def _high_disagreement(plan: Plan, store: PredictionStore) -> Images:
    return {
        (ranked.condition.name, ranked.image)
        for recipe in plan.recipes_compared
        for ranked in high_disagreement_images(plan, store, recipe)
    }
