"""Where corrupted images come from: the cache, intact or damaged, or published files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.corruptions import CORRUPTIONS, GreyImages, corrupted, original
from benchmarks.data.files import CACHE_VARIABLE, DATA_VARIABLE
from benchmarks.io import UserError

STRIPE = CORRUPTIONS["stripe"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
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
    (path,) = (cache / "data" / "corrupted").rglob("*.safetensors")
    return path


def test_images_are_computed_once(cache: Path, images: NDArray[np.uint8]) -> None:
    counted = Counted()
    first, again = (corrupted(counted.corruption, images) for _ in range(2))
    np.testing.assert_array_equal(first, STRIPE.apply(images))
    np.testing.assert_array_equal(again, first)
    assert counted.calls == 1
    assert stored_file(cache).name == "stripe.safetensors"


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


LABELS = np.arange(4)

IMAGES = np.random.default_rng(0).integers(256, size=(4, 28, 28, 1), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path, cache: Path) -> Path:
    path = tmp_path / "data" / "mnist_c" / "fog"
    path.mkdir(parents=True)
    return path


def published(folder: Path, name: str = "fog") -> NDArray[np.uint8] | None:
    return original(name, LABELS, archive="mnist_c", data_dir=folder.parents[1])


def test_published_images_are_taken(folder: Path) -> None:
    np.save(folder / "test_images.npy", IMAGES)
    images = published(folder)
    assert images is not None
    np.testing.assert_array_equal(images, IMAGES[..., 0])
    images[:] = 0  # a copy, not the file
    np.testing.assert_array_equal(np.load(folder / "test_images.npy"), IMAGES)
    assert published(folder, "stripe") is None


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        (IMAGES[..., 0], r"uint8 \[4, 28, 28\]"),
        (IMAGES / 255, r"float64 \[4, 28, 28, 1\]"),
    ],
)
def test_images_of_another_form_are_refused(
    folder: Path, array: NDArray[np.generic], shown: str
) -> None:
    np.save(folder / "test_images.npy", array)
    with pytest.raises(UserError) as refused:
        published(folder)
    assert refused.match(rf"{shown}; expected uint8 \[4, 28, 28, 1\], as MNIST-C has it: replace")
    assert refused.match("or delete the folder mnist_c/fog, and the images are computed$")


def test_pickled_objects_are_refused(folder: Path) -> None:
    np.save(folder / "test_images.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="is damaged"):
        published(folder)


def test_labels_beside_are_those_of_the_test_images(folder: Path) -> None:
    np.save(folder / "test_images.npy", IMAGES)
    np.save(folder / "test_labels.npy", LABELS)
    assert published(folder) is not None
    np.save(folder / "test_labels.npy", LABELS[::-1])
    with pytest.raises(UserError, match=r"fog/test_labels.npy are not those of the test images"):
        published(folder)
