"""Load the sets that are classified and the out-of-distribution ones, as tensors in [0, 1]."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Literal
from zipfile import ZipFile

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from benchmarks.data.files import DataSet, read
from benchmarks.data.sets import EMNIST_LETTERS, FASHION_MNIST, KMNIST, MNIST, NOTMNIST
from benchmarks.io import UserError
from methods.networks.recipes import LabelledImages

DIGITS_SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
"""Of the pixels of scikit-learn's digits, then their classes, a byte each."""

IMAGES = 10_000
"""How many images an out-of-distribution set has: as many as MNIST's test set."""


def load_mnist(split: Literal["train", "test"], *, data_dir: Path | None = None) -> LabelledImages:
    """MNIST (LeCun et al. 1998): 60,000 handwritten digits to train with, or 10,000 to test.

    Raises:
        UserError: a file on this machine is damaged, or there is no such data folder.
        Unavailable: the set cannot be had; the message lists what was tried.
    """
    return _labelled_images(MNIST, split, data_dir)


def load_fashion_mnist(
    split: Literal["train", "test"], *, data_dir: Path | None = None
) -> LabelledImages:
    """Fashion-MNIST (Xiao et al. 2017): as many images, of clothes; raises as `load_mnist`."""
    return _labelled_images(FASHION_MNIST, split, data_dir)


def load_digits() -> LabelledImages:
    """scikit-learn's digits: 1,797 handwritten digits of 8x8, which come with the package.

    They are the test part of *Optical Recognition of Handwritten Digits* (Alpaydin & Kaynak 1998):
    each pixel is how many of 4x4 are ink, from 0 to 16.

    Raises:
        UserError: they are not those that the suite knows.
    """
    # Here, not above: its packages take a second to import.
    from sklearn import datasets

    digits = datasets.load_digits()
    pixels, classes = digits.images.astype(np.uint8), digits.target.astype(np.uint8)
    if sha256(pixels.tobytes() + classes.tobytes()).hexdigest() != DIGITS_SHA256:
        raise UserError(
            "scikit-learn's digits are damaged: their checksum is wrong; install scikit-learn anew"
        )
    return LabelledImages(
        images=torch.from_numpy(np.divide(pixels, 16, dtype=np.float32)).unsqueeze(1),
        labels=torch.from_numpy(classes.astype(np.int64)),
    )


def load_out_of_distribution(
    name: str, *, seed: int, data_dir: Path | None = None
) -> Float[Tensor, "images 1 28 28"]:
    """10,000 images that belong to none of a task's classes, in [0, 1].

    Args:
        name: one of ``OUT_OF_DISTRIBUTION``; ``mnist`` and ``fashion_mnist`` are their test images.
        seed: of the noise, and of the choice among EMNIST's letters; the other sets need none.
        data_dir: the folder of the user's data sets.

    Raises:
        KeyError: no set has the name.
        UserError: a file on this machine is damaged, or there is no such data folder.
        Unavailable: the set cannot be had; the message lists what was tried.
    """
    return OUT_OF_DISTRIBUTION[name](seed, data_dir)


def read_idx(content: bytes) -> UInt8[np.ndarray, ...]:
    """The array in an IDX file of unsigned bytes (read-only).

    The file is 0, 0, 8 (for unsigned bytes), the number of axes, each axis' length as four bytes,
    the highest first, and then the values.

    >>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9])).tolist()
    [7, 8, 9]
    """
    start = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:start], dtype=">u4").tolist()
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _labelled_images(
    data_set: DataSet, split: Literal["train", "test"], data_dir: Path | None
) -> LabelledImages:
    files = data_set.starting("train" if split == "train" else "t10k")
    images, labels = read(data_set, files, data_dir=data_dir)
    return LabelledImages(
        images=_scaled(read_idx(images)),
        labels=torch.from_numpy(read_idx(labels).astype(np.int64)),
    )


def _test_images(data_set: DataSet, seed: int, data_dir: Path | None) -> Tensor:
    (content,) = read(data_set, data_set.starting("t10k-images"), data_dir=data_dir)
    return _scaled(read_idx(content))


def _letters(seed: int, data_dir: Path | None) -> Tensor:
    """EMNIST's letters (Cohen et al. 2017): a choice among the 20,800 of its test split."""
    (archive,) = read(EMNIST_LETTERS, EMNIST_LETTERS.files, data_dir=data_dir)
    with ZipFile(io.BytesIO(archive)) as members:
        packed = members.read("gzip/emnist-letters-test-images-idx3-ubyte.gz")
    # EMNIST stores an image by columns, MNIST by rows.
    letters = read_idx(gzip.decompress(packed)).swapaxes(1, 2)
    chosen = letters[generator_of("emnist_letters", seed).permutation(len(letters))[:IMAGES]]
    return _scaled(chosen)


def _noise(noise: Noise, seed: int, data_dir: Path | None) -> Tensor:
    return noise(seed, (IMAGES, 1, 28, 28))


def _scaled(pixels: UInt8[np.ndarray, "images 28 28"]) -> Float[Tensor, "images 1 28 28"]:
    return torch.from_numpy(np.divide(pixels, 255, dtype=np.float32)).unsqueeze(1)


Noise = Callable[[int, tuple[int, ...]], Float[Tensor, "images ..."]]
"""From a seed and the shape of the images to them."""


def uniform_noise(seed: int, shape: tuple[int, ...]) -> Float[Tensor, "images ..."]:
    """Each pixel uniform in [0, 1)."""
    return torch.from_numpy(generator_of("uniform_noise", seed).random(shape, dtype=np.float32))


def gaussian_noise(seed: int, shape: tuple[int, ...]) -> Float[Tensor, "images ..."]:
    """Mean 0.5, standard deviation 0.25, clipped to [0, 1]."""
    normal = generator_of("gaussian_noise", seed).standard_normal(shape, dtype=np.float32)
    return torch.from_numpy((0.5 + 0.25 * normal).clip(0, 1))


NOISES: Mapping[str, Noise] = {"uniform_noise": uniform_noise, "gaussian_noise": gaussian_noise}
"""By name."""


def generator_of(name: str, seed: int) -> np.random.Generator:
    """The name takes part, so that sets of one seed do not share their random numbers."""
    return np.random.default_rng([seed, *name.encode()])


OUT_OF_DISTRIBUTION: Mapping[str, Callable[[int, Path | None], Tensor]] = {
    **{
        data_set.name: partial(_test_images, data_set)
        for data_set in (MNIST, FASHION_MNIST, NOTMNIST, KMNIST)
    },
    "emnist_letters": _letters,
    **{name: partial(_noise, noise) for name, noise in NOISES.items()},
}
"""What loads each out-of-distribution set, by its name."""
