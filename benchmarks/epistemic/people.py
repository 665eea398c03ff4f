"""People's answers: how many gave each class to each test image of a task."""

from __future__ import annotations

from pathlib import Path

from jaxtyping import Float64
from torch import Tensor

from benchmarks.data.files import Unavailable
from benchmarks.io import UserError
from benchmarks.progress import announce
from benchmarks.tasks import Task
from benchmarks.vocabulary import EXPERIMENTS

LEAST_AGREEMENT = 0.7
"""Of people's most frequent answers with the labels; of other orders of the images it is less."""


def people_of(task: Task, data_dir: Path | None) -> Float64[Tensor, "images classes"] | None:
    """The share of people that gave each class to each test image; ``None`` where none are known.

    Raises:
        UserError: the counts are not of the task's test images and classes, or in another order.
    """
    if task.people is None:
        return None
    try:
        counts = task.people(data_dir).double()
    except Unavailable as error:
        announce(EXPERIMENTS, f"without people's answers: {error}")
        return None
    return shares_of(counts, task.load("test", data_dir).labels, len(task.classes))


def shares_of(
    counts: Float64[Tensor, "images classes"], labels: Tensor, classes: int
) -> Float64[Tensor, "images classes"]:
    """The shares of the answers to each image.

    Raises:
        UserError: see `people_of`.
    """
    if (shape := tuple(counts.shape)) != (expected := (len(labels), classes)):
        raise UserError(
            f"the counts of people's answers have the shape {list(shape)}; expected "
            f"{list(expected)}, a row for each test image"
        )
    totals = counts.sum(dim=1, keepdim=True)
    sound = (totals[:, 0] > 0) & (counts.isfinite() & (counts >= 0)).all(dim=1)
    if not bool(sound.all()):
        row = int((~sound).nonzero()[0])
        raise UserError(
            f"the counts of image {row} are {counts[row].tolist()}; expected how many people gave "
            "each class, at least one answer to each test image"
        )
    agree = (counts.argmax(dim=1) == labels).double().mean().item()
    if agree < LEAST_AGREEMENT:
        raise UserError(
            f"people's most frequent answer is the label of {agree:.1%} of the images; expected "
            f"at least {LEAST_AGREEMENT:.0%}: put the counts into the order of images and classes"
        )
    return counts / totals
