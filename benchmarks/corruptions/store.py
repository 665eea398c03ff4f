"""Corrupted images are computed once, and kept in the cache beside the data sets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from jaxtyping import UInt8

from benchmarks.corruptions.corruption import Corruption
from benchmarks.data.files import CACHE_VARIABLE, LOCK_SECONDS, Unavailable, cache_folder
from benchmarks.errors import UserError
from benchmarks.files import written_whole

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
    with _locked(path):
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


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """For this run alone: what is to be stored there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.stem}.lock"), timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise Unavailable(
            f"{path.stem}: another run has been computing it for {LOCK_SECONDS:.0f} s"
        ) from error
    except OSError as error:
        raise UserError(
            f"the cache folder {path.parent} is not writable ({error.strerror}); make it writable, "
            f"or name another by {CACHE_VARIABLE}"
        ) from error
