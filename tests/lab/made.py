"""A lab of few networks that were hardly trained, for tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import status_of
from tests.runs import small_mnist

IMAGES = 600
MEMBERS, RELU_MEMBERS = 3, 2

TRAINED = ("--epochs", "1")
SIZES = ("--members", str(MEMBERS), "--relu-members", str(RELU_MEMBERS))


@contextmanager
def few_images() -> Iterator[None]:
    with small_mnist(training=IMAGES, test=IMAGES):
        yield


def make_lab(folder: Path) -> Path:
    """Networks by the command of runs, and the lab of them; within `few_images`."""
    networks = folder / "networks"
    for recipe, count in (("standard", MEMBERS), ("relu-dropout", RELU_MEMBERS)):
        chosen = ("--recipe", recipe, "--methods", "deep_ensemble", "--members", count)
        stored = ("--networks", networks, "--out", folder / recipe, "--jobs", 1)
        options = ("--preset", "article", "--only", "train", *TRAINED, *chosen, *stored)
        assert status_of(*options) == 0
    page = folder / "lab.html"
    assert status_of("lab", "--networks", networks, "--out", page, *TRAINED, *SIZES) == 0
    return page
