"""A file that `torch.save` wrote: a tensor, a list of batches as Lightning's, or named tensors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.errors import UserError
from benchmarks.score.arrays import LABELS, PROBABILITIES
from benchmarks.score.formats.reading import read_as
from benchmarks.score.sources import Array

REMEDY = "write it with torch.save(probabilities, file)"

EXPECTED = (
    "expected a tensor, a list of batches (tensors, or pairs of predictions and labels), or a "
    "dictionary of these by the names probabilities, labels and ood_<name>"
)


def read_torch_file(path: Path) -> dict[str, Array]:
    """The arrays in a file, by their names; only tensors are unpacked, no other objects.

    Batches of [images, classes] or [members, images, classes] are joined along the images.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    with read_as("a file of tensors", REMEDY), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of files that earlier versions wrote
        content = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(content, Mapping):
        return {str(name): _joined(name, values) for name, values in content.items()}
    if pairs := _pairs(content):
        predictions, labels = zip(*pairs, strict=True)
        return {PROBABILITIES: _joined(PROBABILITIES, predictions), LABELS: _joined(LABELS, labels)}
    return {PROBABILITIES: _joined(PROBABILITIES, content)}


def _pairs(content: Any) -> list[tuple[Any, Any]]:
    """The batches, where each is a pair; else none."""
    if not isinstance(content, Sequence):
        return []
    pairs = [tuple(one) for one in content if isinstance(one, Sequence) and len(one) == 2]
    return pairs if len(pairs) == len(content) else []


def _joined(name: object, values: Any) -> Array:
    batches = [values] if isinstance(values, Tensor) else values
    if not isinstance(batches, Sequence) or not batches:
        raise UserError(f"{name!r} is a {type(values).__name__}; {EXPECTED}")
    for batch in batches:
        if not isinstance(batch, Tensor):
            raise UserError(f"a batch of {name!r} is a {type(batch).__name__}; {EXPECTED}")
    shapes = [list(batch.shape) for batch in batches]
    axis = max(0, batches[0].ndim - 2)  # the images, before the classes
    try:
        joined = torch.cat(tuple(batches), dim=axis) if len(batches) > 1 else batches[0]
    except RuntimeError as error:
        raise UserError(
            f"the batches of {name!r} have the shapes {shapes[0]} and others, such as "
            f"{next((one for one in shapes if one != shapes[0]), shapes[-1])}; expected batches "
            "that differ in their number of images alone"
        ) from error
    # NumPy knows no bfloat16.
    joined = joined.float() if joined.dtype == torch.bfloat16 else joined
    try:
        array: Array = joined.detach().numpy()
    except (TypeError, RuntimeError) as error:
        raise UserError(
            f"{name!r} is a tensor of {joined.dtype} and {joined.layout} on {joined.device}; "
            f"expected numbers in a dense one: save {name}.to_dense().float()"
        ) from error
    return array
