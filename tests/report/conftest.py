"""Runs whose predictions are made up, where the shared one will not do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.made_up import make_up

MakeRun = Callable[..., Path]


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """See `make_up`."""
    return lambda **changes: make_up(tmp_path_factory.mktemp("run"), **changes)
