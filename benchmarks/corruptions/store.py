"""Where corrupted images come from: published files of the user's, or computed once and kept.

Those that are computed lie in the cache beside the data sets.
"""

from __future__ import annotations

import json
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8
from numpy.typing import NDArray

from benchmarks.corruptions.corruption import SIDE, Corruption
from benchmarks.data.files import DATA_VARIABLE, cache_folder, folder_of, locked
from benchmarks.io import UserError, one_line, written_whole

DEFINITIONS = 1
"""What the corruptions are: raise it when any other images follow from the same ones."""

LIBRARIES = ("numpy", "scikit-image", "scipy")
"""On whose versions images may depend: their random numbers, their filters and maps."""

Pixels = UInt8[np.ndarray, "images 28 28"]


def corrupted(corruption: Corruption, images: Pixels) -> Pixels:
    """The corrupted images, 0 to 255: those in the cache, or else computed and stored there.

    The cache has one file for each corruption of the same images: the corrupted ones with their
    SHA-256, and with what computed them. Where that was another version of a library, or the file
    is damaged, they are computed and stored anew. Runs at the same time compute them once.

    Raises:
        UserError: the cache cannot be written.
        Unavailable: another run has been computing them for half an hour.
        ValueError: the images are not of 28x28 pixels.
    """
    of = _fingerprint(images)
    path = cache_folder() / "corrupted" / of[:16] / f"{corruption.name}.safetensors"
    key = _key(corruption, of)
    if (found := _stored(path, key, images.shape)) is not None:
        return found
    with locked(
        path.parent, f".{path.stem}.lock", f"{path.stem}: another run has been computing it"
    ):
        # Another run may have computed them while this one waited for the lock.
        if (found := _stored(path, key, images.shape)) is not None:
            return found
        computed = corruption.apply(images)
        _store(computed, path, key)
    return computed


def _key(corruption: Corruption, of: str) -> str:
    """What the images follow from, as JSON."""
    return json.dumps(
        {
            "corruption": corruption.name,
            "seed": corruption.seed,
            "of": of,
            "definitions": DEFINITIONS,
            **{library: version(library) for library in LIBRARIES},
        }
    )


def _stored(path: Path, key: str, shape: tuple[int, ...]) -> Pixels | None:
    """The images in a file of the cache; ``None`` where there are no intact ones of this key."""
    # Here and below, not above: what corrupts nothing needs no such library.
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            images: Pixels = file.get_tensor("images")
    except (OSError, SafetensorError):
        return None
    intact = images.shape == shape and _fingerprint(images) == metadata.get("sha256")
    return images if intact and metadata.get("key") == key else None


def _store(images: Pixels, path: Path, key: str) -> None:
    from safetensors.numpy import save

    content = save({"images": images}, {"key": key, "sha256": _fingerprint(images)})
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


def _fingerprint(images: Pixels) -> str:
    return sha256(np.ascontiguousarray(images).data).hexdigest()


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
        return np.lib.format.open_memmap(path, mode="r")  # which reads no pickled objects
    except Exception as error:  # NumPy has many for a file that is no array, or not whole
        raise UserError(
            f"the data file {path} is damaged: expected an array that np.save wrote, found "
            f"{one_line(error)}; replace it by an intact copy or delete it"
        ) from error


def _remedy(archive: str, name: str) -> str:
    return (
        f"replace it by an intact copy, or delete the folder {archive}/{name}, and the images are "
        "computed"
    )
