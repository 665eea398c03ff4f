"""Published files in the data folder: taken where they are, and refused where they are others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.corruptions.store import original
from benchmarks.data.files import DATA_VARIABLE
from benchmarks.errors import UserError

LABELS = np.arange(4)

IMAGES = np.random.default_rng(0).integers(256, size=(4, 28, 28, 1), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path, cache: Path) -> Path:
    path = tmp_path / "data" / "mnist_c" / "fog"
    path.mkdir(parents=True)
    return path


def found(folder: Path, name: str = "fog") -> NDArray[np.uint8] | None:
    return original(name, LABELS, archive="mnist_c", data_dir=folder.parents[1])


def test_published_images_are_taken(folder: Path) -> None:
    np.save(folder / "test_images.npy", IMAGES)
    images = found(folder)
    assert images is not None
    np.testing.assert_array_equal(images, IMAGES[..., 0])
    images[:] = 0  # a copy, not the file
    np.testing.assert_array_equal(np.load(folder / "test_images.npy"), IMAGES)
    assert found(folder, "stripe") is None


def test_data_folder_of_the_environment_is_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(folder / "test_images.npy", IMAGES)
    assert original("fog", LABELS, archive="mnist_c", data_dir=None) is None
    monkeypatch.setenv(DATA_VARIABLE, str(folder.parents[1]))
    assert original("fog", LABELS, archive="mnist_c", data_dir=None) is not None


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        (IMAGES[..., 0], r"uint8 \[4, 28, 28\]"),
        (IMAGES[:3], r"uint8 \[3, 28, 28, 1\]"),
        (IMAGES / 255, r"float64 \[4, 28, 28, 1\]"),
        (np.array(7), r"int64 \[\]"),
    ],
)
def test_images_of_another_form_are_refused(
    folder: Path, array: NDArray[np.generic], shown: str
) -> None:
    np.save(folder / "test_images.npy", array)
    with pytest.raises(UserError) as refused:
        found(folder)
    assert refused.match(rf"{shown}; expected uint8 \[4, 28, 28, 1\], as MNIST-C has it: replace")
    assert refused.match("or delete the folder mnist_c/fog, and the images are computed$")


def test_pickled_objects_are_refused(folder: Path) -> None:
    np.save(folder / "test_images.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="is damaged"):
        found(folder)


def test_labels_beside_are_those_of_the_test_images(folder: Path) -> None:
    np.save(folder / "test_images.npy", IMAGES)
    np.save(folder / "test_labels.npy", LABELS)
    assert found(folder) is not None
    np.save(folder / "test_labels.npy", LABELS[::-1])
    with pytest.raises(UserError, match=r"fog/test_labels.npy are not those of the test images"):
        found(folder)
