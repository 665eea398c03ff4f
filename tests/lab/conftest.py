"""What tests of the lab share: one page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.made import few_images, make_lab


@pytest.fixture(scope="session")
def small_lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of few networks; their folder ``networks`` is beside it."""
    with few_images():
        return make_lab(tmp_path_factory.mktemp("lab"))
