"""The published files of corrupted images, where they are in the user's data folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8
from numpy.typing import NDArray

from benchmarks.corruptions.corruption import SIDE
from benchmarks.data.files import DATA_VARIABLE, folder_of
from benchmarks.errors import UserError

IMAGES_FILE, LABELS_FILE = "test_images.npy", "test_labels.npy"
"""In a folder for each corruption, as the published archive has them."""


def original(
    name: str, labels: Int64[np.ndarray, " images"], *, archive: str, data_dir: Path | None
) -> UInt8[np.ndarray, "images 28 28"] | None:
    """The published images of a corruption, 0 to 255; ``None`` where they are not at hand.

    There is no checksum of these files: their form is verified, and their labels if they are there.

    Args:
        name: of the corruption.
        labels: of the task's test images, whose order is that of the published ones.
        archive: the folder of the unpacked archive in the data folder, such as ``mnist_c``.
        data_dir: the user's data folder; default is the environment's.

    Raises:
        UserError: a file is damaged or has another form, or its labels are others.
    """
    root = data_dir or folder_of(DATA_VARIABLE)
    if root is None:
        return None
    path = root / archive / name / IMAGES_FILE
    if not (path.exists() or path.is_symlink()):
        return None
    images = _array(path)
    expected = (len(labels), SIDE, SIDE, 1)
    if images.dtype != np.uint8 or images.shape != expected:
        raise UserError(
            f"the data file {path} holds {images.dtype} {list(images.shape)}; expected uint8 "
            f"{list(expected)}, as MNIST-C has it: {_remedy(archive, name)}"
        )
    beside = path.with_name(LABELS_FILE)
    if beside.exists() and not np.array_equal(_array(beside), labels):
        raise UserError(
            f"the labels in {beside} are not those of the test images; expected these, in their "
            f"order: {_remedy(archive, name)}"
        )
    return np.array(images[..., 0])


def _array(path: Path) -> NDArray[np.generic]:
    """The array in the file, mapped: a damaged header may tell of more than there is memory for."""
    try:
        array: NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    except PermissionError as error:
        raise UserError(
            f"the data file {path} cannot be read ({error.strerror}); make it readable, or move it"
        ) from error
    except Exception as error:  # NumPy has many for a file that is no array, or not whole
        why = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"the data file {path} is damaged: expected an array that np.save wrote, found {why}; "
            "replace it by an intact copy or delete it"
        ) from error
    if not isinstance(array, np.ndarray):
        raise UserError(
            f"the data file {path} is damaged: expected an array that np.save wrote, found an "
            "archive of several; replace it by an intact copy or delete it"
        )
    return array


def _remedy(archive: str, name: str) -> str:
    return (
        f"replace it by an intact copy, or delete the folder {archive}/{name}, and the images are "
        "computed"
    )
