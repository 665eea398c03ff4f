"""Corruptions of 10,000 images: computed, and read from the cache with their SHA-256."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.corruptions import CORRUPTIONS
from benchmarks.corruptions.store import corrupted
from benchmarks.data.files import CACHE_VARIABLE

IMAGES = np.random.default_rng(0).integers(256, size=(10_000, 28, 28), dtype=np.uint8)

Measure = Callable[..., None]


@pytest.mark.benchmark(group="fifteen corruptions of 10,000 images")
class TestCorruption:
    def test_computed(self, measure: Measure) -> None:
        measure(
            lambda: [corruption.apply(IMAGES) for corruption in CORRUPTIONS.values()],
            rounds=1,
            images=len(IMAGES),
        )

    def test_from_the_cache(
        self, measure: Measure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
        measure(
            lambda: [corrupted(corruption, IMAGES) for corruption in CORRUPTIONS.values()],
            images=len(IMAGES),
        )
