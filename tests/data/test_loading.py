"""The sets as tensors: facts about the real ones, and small ones made up."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from benchmarks.data import files as data_files
from benchmarks.data import loading
from benchmarks.data.files import DataFile, Unavailable
from benchmarks.data.loading import (
    EMNIST_LETTERS,
    OUT_OF_DISTRIBUTION,
    load_mnist,
    load_mnist_writers,
)

T = TypeVar("T")


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


def or_skip(load: Callable[[], T]) -> T:
    try:
        return load()
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize(
    ("split", "first", "counts"),
    [
        ("train", 5, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        ("test", 7, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ],
)
def test_mnist_is_mnist(split: str, first: int, counts: list[int]) -> None:
    mnist = or_skip(lambda: load_mnist(split))
    assert mnist.images.shape == (sum(counts), 1, 28, 28)
    assert mnist.images.dtype == torch.float32
    assert (mnist.images.min(), mnist.images.max()) == (0.0, 1.0)
    assert mnist.labels.dtype == torch.int64
    assert mnist.labels[0] == first
    assert mnist.labels.bincount().tolist() == counts


def test_test_images_are_by_297_writers() -> None:
    writers = load_mnist_writers().numpy()
    numbers, first, counts = np.unique(writers, return_index=True, return_counts=True)
    assert writers.shape == (10_000,)
    assert numbers.tolist() == list(range(297))
    assert (np.diff(first) > 0).all()
    assert (counts.min(), counts.max()) == (8, 130)


@pytest.mark.parametrize("name", [name for name in OUT_OF_DISTRIBUTION if "emnist" not in name])
def test_an_out_of_distribution_set_is_as_large_as_mnist_s_test_set(name: str) -> None:
    drawn = or_skip(lambda: OUT_OF_DISTRIBUTION[name](3, None))
    assert drawn.shape == (10_000, 1, 28, 28)
    assert drawn.dtype == torch.float32
    assert drawn.min() >= 0
    assert drawn.max() <= 1


def test_noise_has_the_moments_of_its_distribution() -> None:
    uniform = OUT_OF_DISTRIBUTION["uniform_noise"](0, None).double()
    assert uniform.mean().item() == pytest.approx(1 / 2, abs=5e-4)
    assert uniform.var().item() == pytest.approx(1 / 12, abs=5e-4)
    gaussian = OUT_OF_DISTRIBUTION["gaussian_noise"](0, None).double()
    assert gaussian.mean().item() == pytest.approx(1 / 2, abs=5e-4)
    # Both ends are two standard deviations away: Φ(-2) = 2.275 % of the pixels are clipped to
    # either, and the quantiles within are those of the normal distribution.
    for end in (0.0, 1.0):
        assert (gaussian == end).double().mean().item() == pytest.approx(0.02275, abs=5e-4)
    assert (gaussian < 0.25).double().mean().item() == pytest.approx(0.158655, abs=5e-4)


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(data_files.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(data_files.DATA_VARIABLE, raising=False)
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def test_emnist_s_letters_are_upright_and_a_choice(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upright = np.random.default_rng(0).integers(0, 256, size=(40, 28, 28), dtype=np.uint8)
    file = io.BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr(
            "gzip/emnist-letters-test-images-idx3-ubyte.gz",
            gzip.compress(idx(upright.transpose(0, 2, 1))),
        )
    (data_dir / "EMNIST" / "raw").mkdir(parents=True)
    (data_dir / "EMNIST" / "raw" / "gzip.zip").write_bytes(file.getvalue())
    known = DataFile("gzip.zip", hashlib.md5(file.getvalue()).hexdigest(), "md5")
    emnist = replace(EMNIST_LETTERS, files=(known,))
    monkeypatch.setattr(loading, "EMNIST_LETTERS", emnist)
    monkeypatch.setattr(loading, "IMAGES", 30)

    letters, again, others = (
        OUT_OF_DISTRIBUTION["emnist_letters"](seed, data_dir) for seed in (0, 0, 1)
    )
    pixels = [image.tobytes() for image in (letters * 255).round().byte().numpy()[:, 0]]
    assert len(set(pixels)) == 30
    assert set(pixels) <= {image.tobytes() for image in upright}
    assert torch.equal(letters, again)
    assert not torch.equal(letters, others)
