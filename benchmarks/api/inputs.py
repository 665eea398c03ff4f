"""A user's images and labels: tensors, arrays, data sets or loaders, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.api.arguments import ArgumentError
from benchmarks.io import UserError
from benchmarks.score.arrays import LABELS, Source, require_label_form

BLOCK = 256
"""Images of a tensor that are predicted at once."""

EXPECTED = (
    "expected a DataLoader or a Dataset of (images, labels), or a pair of tensors or arrays "
    "(images, labels)"
)


class Batch(NamedTuple):
    """Some images, [images, ...], and their labels, [images], if they have any."""

    images: Tensor
    labels: Tensor | None


def batches(data: Any, what: str, *, labelled: bool) -> Iterator[Batch]:
    """The images in the order in which the data give them, read once.

    Args:
        data: see `EXPECTED`; without labels also images alone.
        what: what messages call the data.
        labelled: whether there must be labels; if not, those that there are count for nothing.

    Raises:
        TypeError: the data are of another type.
        ArgumentError: images and labels do not fit together, or labels are no classes.
    """
    found = False
    for images, labels in _pairs(data, what, labelled):
        if labels is not None and len(labels) != len(images):
            raise ArgumentError(f"{what}: {len(images)} images have {len(labels)} labels")
        found = found or len(images) > 0
        if len(images):
            yield Batch(images, labels)
    if not found:
        raise ArgumentError(f"{what}: there is no image; expected at least one")


def as_array(values: Any, what: str) -> NDArray[Any]:
    """A tensor, an array or a list of numbers, as an array.

    Raises:
        ArgumentError: it is none.
    """
    try:
        if isinstance(values, Tensor):
            # NumPy knows no bfloat16.
            values = values.float() if values.dtype == torch.bfloat16 else values
            array: NDArray[Any] = values.detach().cpu().numpy()
            return array
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"{what}: this is no array of numbers ({str(error).splitlines()[0]}); give members "
            "with equally many images and classes"
        ) from error


def label_tensor(values: Any, what: str) -> Tensor:
    """Labels, [images], whole numbers from 0.

    Raises:
        ArgumentError: they are something else.
    """
    array = Source(LABELS, as_array(values, what))
    try:
        require_label_form(array)
    except UserError as error:
        raise ArgumentError(f"{what}: {error}") from error
    return torch.from_numpy(array.values.astype(np.int64))


def _pairs(data: Any, what: str, labelled: bool) -> Iterator[Batch]:
    if isinstance(data, DataLoader):
        for batch in _loaded(data, what):
            yield _of_batch(batch, what, labelled)
    elif isinstance(data, Dataset):
        yield from _pairs(DataLoader(data, batch_size=BLOCK), what, labelled)
    elif isinstance(data, (Tensor, np.ndarray)) and not labelled:
        for images in torch.split(_tensor(data, what), BLOCK):
            yield Batch(images, None)
    elif isinstance(data, Sequence) and len(data) == 2:
        images, labels = _tensor(data[0], what), label_tensor(data[1], what) if labelled else None
        if labels is not None and len(labels) != len(images):
            raise ArgumentError(f"{what}: {len(images)} images have {len(labels)} labels")
        for start in range(0, len(images), BLOCK):
            block = slice(start, start + BLOCK)
            yield Batch(images[block], None if labels is None else labels[block])
    else:
        kind = type(data).__name__
        alone = "" if labelled else ", or images alone"
        raise TypeError(f"{what}: this is a {kind}; {EXPECTED}{alone}")


def _loaded(loader: DataLoader[Any], what: str) -> Iterator[Any]:
    try:
        yield from loader
    except TypeError as error:
        if "default_collate" not in str(error):
            raise
        found = str(error).splitlines()[-1].rpartition("found ")[2]
        raise TypeError(
            f"{what}: the data set gives {found or 'objects'}, which make no batch; expected "
            "tensors: give a data set of images the transform torchvision.transforms.ToTensor()"
        ) from error


def _of_batch(batch: Any, what: str, labelled: bool) -> Batch:
    if isinstance(batch, (Tensor, np.ndarray)) and not labelled:
        return Batch(_tensor(batch, what), None)
    if not isinstance(batch, Sequence) or isinstance(batch, str) or len(batch) < 1 + labelled:
        raise TypeError(
            f"{what}: a batch is a {type(batch).__name__}; expected a pair (images, labels)"
        )
    return Batch(_tensor(batch[0], what), label_tensor(batch[1], what) if labelled else None)


def _tensor(images: Any, what: str) -> Tensor:
    if not isinstance(images, (Tensor, np.ndarray)):
        raise TypeError(
            f"{what}: the images are a {type(images).__name__}; expected a tensor or an array "
            "[images, ...]"
        )
    try:
        tensor = images if isinstance(images, Tensor) else torch.from_numpy(_native(images))
    except TypeError as error:
        raise TypeError(
            f"{what}: the images are an array of {images.dtype}; expected numbers"
        ) from error
    if tensor.ndim < 2:
        raise ArgumentError(
            f"{what}: the images have the shape {list(tensor.shape)}; expected [images, ...]"
        )
    return tensor


def _native(images: NDArray[Any]) -> NDArray[Any]:
    """A copy in the processor's byte order: torch knows no other, and no negative strides."""
    return np.array(images, dtype=images.dtype.newbyteorder("="))
