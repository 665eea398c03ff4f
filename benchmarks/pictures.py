"""The few hundred pictures that figures show, as they were judged: ``images.npz``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.conditions import CLEAN, CONDITIONS, Condition, Judged
from benchmarks.curves import most_disputed, recipes_compared, rotated_digit
from benchmarks.explorer import explored
from benchmarks.files import written_whole
from benchmarks.records import IMAGES
from benchmarks.run import Run
from methods.threads import one_torch_thread

EXAMPLES = 10
"""How many pictures of each condition are kept: one of each class where there are labels."""

NO_LABEL = -1

Pictures = set[tuple[str, int]]
"""Each a condition and the index of an image."""


@one_torch_thread()
def write_pictures(run: Run, unavailable: Collection[str] = ()) -> None:
    """Write the examples of each condition, the turned digit, and the images disputed or explored.

    Each picture's index is that among its condition's images.
    """
    available = [c for c in run.conditions if not c.exact and c.name not in unavailable]
    wanted = _examples(run, available) | _turned_digit(run, available) | _disputed(run)
    wanted |= {(one.condition.name, one.image) for one in explored(run)}
    chosen = [
        (condition, index)
        for condition in available
        for index in sorted(index for name, index in wanted if name == condition.name)
    ]
    save_pictures(
        [(condition.name, run.judged(condition), index) for condition, index in chosen],
        run.machine.out / IMAGES,
    )


def save_pictures(chosen: Sequence[tuple[str, Judged, int]], path: Path) -> None:
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


def _examples(run: Run, conditions: list[Condition]) -> Pictures:
    return {
        (condition.name, index)
        for condition in conditions
        for index in _examples_of(run.judged(condition))
    }


def _examples_of(judged: Judged) -> list[int]:
    """The first image of each class, or the first images where there are no labels."""
    if judged.labels is None:
        return list(range(min(EXAMPLES, len(judged.images))))
    return [int((judged.labels == c).nonzero()[0]) for c in torch.unique(judged.labels)]


def _turned_digit(run: Run, conditions: list[Condition]) -> Pictures:
    index = rotated_digit(run.judged(CONDITIONS[CLEAN]).labels)
    if index is None:
        return set()
    return {(condition.name, index) for condition in conditions if condition.labelled}


def _disputed(run: Run) -> Pictures:
    return {
        (dispute.condition.name, dispute.image)
        for recipe in recipes_compared(run)
        for dispute in most_disputed(run, recipe)
    }
