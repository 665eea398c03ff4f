"""What tests of the lab share: one page of few networks that were hardly trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import status_of
from tests.runs import built_once, small_mnist

IMAGES = 600
MEMBERS = 3
OPTIONS = ("--epochs", "1", "--members", str(MEMBERS))


@contextmanager
def few_images() -> Iterator[None]:
    with small_mnist(training=IMAGES, test=IMAGES):
        yield


def made_lab(networks: Path, page: Path) -> int:
    """The exit status of the command that makes the lab of these networks."""
    with few_images():
        return status_of("lab", "--networks", networks, "--out", page, *OPTIONS)


def finish_lab(folder: Path) -> None:
    """The page, and beside it its networks."""
    assert made_lab(folder / "networks", folder / "lab.html") == 0


@pytest.fixture(scope="session")
def small_lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page."""
    return built_once("lab", finish_lab, tmp_path_factory) / "lab.html"
