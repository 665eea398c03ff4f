"""A cache and a data folder of a test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.data.files import CACHE_VARIABLE, DATA_VARIABLE
from methods.networks.recipes import LabelledImages


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, test_images: LabelledImages) -> Path:
    """Of a test, which has loaded MNIST's images from the user's cache before."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    return tmp_path / "cache"
