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
    if bool((totals == 0).any()):
        row = int((totals[:, 0] == 0).nonzero()[0])
        raise UserError(f"nobody has answered image {row}; expected an answer to each test image")
    agree = (counts.argmax(dim=1) == labels).double().mean().item()
    if agree < 2 / classes:
        raise UserError(
            f"most people agree with the label of {agree:.1%} of the images, as by chance; put the "
            "counts into the order of the test images"
        )
    return counts / totals
