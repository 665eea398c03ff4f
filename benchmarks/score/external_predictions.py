"""Anyone's predictions, read from a file; refused where a number would silently be wrong.

The file is an ``.npz``, ``np.savez(file, probabilities=…, labels=…, ood_<name>=…)``, with

- ``probabilities``: [members, images, classes], or [images, classes] of one member;
- ``labels``: [images], whole numbers from 0;
- ``ood_<name>``, any number of them: probabilities of out-of-distribution images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.errors import UserError
from benchmarks.predictions import StoredPrediction
from benchmarks.score.arrays import (
    EXAMPLE,
    LABELS,
    OOD,
    PROBABILITIES,
    Array,
    checked_labels,
    checked_members,
    checked_ood_members,
    require_classes,
    require_names,
)
from benchmarks.tasks.conditions import Condition
from benchmarks.vocabulary import CLEAN
from methods import Prediction

LABELLED = Condition(CLEAN, "Clean", "clean", data="labelled")
"""The images with labels, from which out-of-distribution ones are to be distinguished."""


@dataclass(frozen=True, eq=False)
class ExternalPredictions:
    """One external method's predictions for labelled and for out-of-distribution images.

    Attributes:
        method: its name: the file's name without its ending.
        sha256: of the file.
        predictions: by condition, ``clean`` for the labelled images first.
    """

    method: str
    sha256: str
    predictions: Mapping[Condition, StoredPrediction]


def read_predictions(path: Path) -> ExternalPredictions:
    """Read and check a file.

    Raises:
        UserError: it cannot be read, or an array in it is missing, unknown or malformed; names the
            array, what is wrong with it and what to do.
    """
    try:
        predictions = _predictions(_read(path))
        return ExternalPredictions(path.stem, sha256(path.read_bytes()).hexdigest(), predictions)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def require_same_images(external: list[ExternalPredictions]) -> None:
    """Methods are compared image by image: all must predict the same ones.

    Raises:
        UserError: two have one name, other labels or other sets of out-of-distribution images.
    """
    first, *others = external
    names = [one.method for one in external]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two files are called {name!r}; rename one: it names the method")
    for other in others:
        both = f"{first.method!r} and {other.method!r}"
        if _sizes(first) != _sizes(other):
            raise UserError(
                f"{both} hold different images ({_sizes_text(first)} and {_sizes_text(other)}); "
                "give the same sets in both files, or score them one by one"
            )
        labels = [one.predictions[LABELLED].labels for one in (first, other)]
        if labels[0] is None or labels[1] is None or not torch.equal(labels[0], labels[1]):
            raise UserError(
                f"{both} have different labels; put the images into the same order, or score the "
                "files one by one"
            )


def _sizes(external: ExternalPredictions) -> dict[str, int]:
    return {c.name: len(stored.prediction.mean) for c, stored in external.predictions.items()}


def _sizes_text(external: ExternalPredictions) -> str:
    return ", ".join(f"{images:,} {condition}" for condition, images in _sizes(external).items())


def _read(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise UserError(
                    f"this is one array (.npy) without labels; save both with {EXAMPLE}"
                )
            with archive:
                return {name: _array(archive, name) for name in archive.files}
    except UserError:
        raise
    except OSError as error:
        raise UserError(
            f"the file cannot be read ({error.strerror or 'it is damaged'}); write it with "
            f"{EXAMPLE}"
        ) from error
    # What other bytes raise is up to zipfile, zlib and NumPy, and is nearly anything.
    except Exception as error:
        raise UserError(
            f"this is not an .npz file, or it is damaged; write it with {EXAMPLE}"
        ) from error


def _array(archive: Any, name: str) -> Array:
    try:
        array = archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise UserError(
            f"the array {name!r} holds Python objects, not numbers; save np.stack(…) of them"
        ) from error
    if not isinstance(array, np.ndarray):
        raise UserError(f"{name!r} is not an array; write the file with {EXAMPLE}")
    return array


def _predictions(arrays: Mapping[str, Array]) -> dict[Condition, StoredPrediction]:
    require_names(arrays)
    labels = checked_labels(arrays[LABELS])
    members = checked_members(arrays[PROBABILITIES], images=len(labels))
    require_classes(labels, classes=members.shape[2])
    predictions = {LABELLED: _stored(members, labels)}
    for name in sorted(arrays.keys() - {PROBABILITIES, LABELS}):
        dataset = name.removeprefix(OOD)
        ood_members = checked_ood_members(name, arrays[name], members)
        predictions[_out_of_distribution(dataset)] = _stored(ood_members, None)
    return predictions


def _out_of_distribution(name: str) -> Condition:
    return Condition(
        name=f"ood-{name}",
        label=name,
        group="out-of-distribution",
        data=name,
        labels="none",
        reason="out-of-distribution images have no label",
        paired_with=f"ood-{name}",
    )


def _stored(members: Array, labels: Array | None) -> StoredPrediction:
    # Native byte order and a type that torch knows; single precision stays as small as it is.
    native = members.astype(np.float32 if members.dtype.itemsize <= 4 else np.float64)
    return StoredPrediction(
        Prediction.of(torch.from_numpy(native)),
        None if labels is None else torch.from_numpy(labels.astype(np.int64)),
    )
