"""Corrupted images are computed once: the cache, intact or damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.corruptions import CORRUPTIONS, GreyImages, corrupted
from benchmarks.data.files import CACHE_VARIABLE

STRIPE = CORRUPTIONS["stripe"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def images() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(256, size=(5, 28, 28), dtype=np.uint8)


class Counted:
    """A corruption that notes how often it was computed."""

    def __init__(self) -> None:
        self.calls = 0
        self.corruption = replace(STRIPE, function=self.function)

    def function(self, images: GreyImages, generator: np.random.Generator) -> GreyImages:
        self.calls += 1
        return STRIPE.function(images, generator)


def stored_file(cache: Path) -> Path:
    (path,) = (cache / "data" / "corrupted").rglob("*.npz")
    return path


def test_images_are_computed_once(cache: Path, images: NDArray[np.uint8]) -> None:
    counted = Counted()
    first, again = (corrupted(counted.corruption, images) for _ in range(2))
    np.testing.assert_array_equal(first, STRIPE.apply(images))
    np.testing.assert_array_equal(again, first)
    assert counted.calls == 1


@pytest.mark.parametrize("cut", [0, 100, -1])
def test_cut_file_is_computed_anew(cache: Path, images: NDArray[np.uint8], cut: int) -> None:
    first = corrupted(STRIPE, images)
    whole = stored_file(cache).read_bytes()
    stored_file(cache).write_bytes(whole[:cut])
    np.testing.assert_array_equal(corrupted(STRIPE, images), first)
    assert len(stored_file(cache).read_bytes()) == len(whole)


def test_images_of_another_seed_are_computed_anew(cache: Path, images: NDArray[np.uint8]) -> None:
    """As those of another version of a library, of which the key tells likewise."""
    counted = Counted()
    corrupted(counted.corruption, images)
    for _ in range(2):
        corrupted(replace(counted.corruption, seed=99), images)
    assert counted.calls == 2
