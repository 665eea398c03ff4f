"""What a user's own methods predict of own images: tensors, arrays, data sets or loaders."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.intake.checks import AnyArray, as_array, beginning_with, check_labels
from benchmarks.intake.reading import (
    LABELLED,
    GivenPredictions,
    mean_prediction,
    out_of_distribution,
    with_scores,
)
from benchmarks.io import UserError, one_line
from benchmarks.predictions import StoredPrediction
from benchmarks.run.image_values import ImageValues, fits_to
from methods import PooledMethod, Prediction, UncertaintyMethod
from methods.contract import ContractError, check_prediction

BATCH = 256
"""Images of a tensor or data set that are predicted at once."""

EXPECTED = (
    "expected a DataLoader or a Dataset of (images, labels), or a pair of tensors or arrays of "
    "numbers (images, labels); without labels also images alone"
)

BlocksByMethod = dict[str, list[StoredPrediction]]
"""Predictions of one batch of images after the other, by method."""


def predictions_of(
    methods: Mapping[str, UncertaintyMethod],
    data: Any,
    ood: Mapping[str, Any],
    calibration: Any,
) -> Iterator[GivenPredictions]:
    """What each method predicts; all predict the same batches, and the data are read once.

    Raises:
        TypeError: the data are of another type.
        UserError: images and labels do not fit together, or a method cannot predict them.
    """
    held_out = None if calibration is None else _predicted(methods, calibration, "calibration")
    labelled = _predicted(methods, data, "data")
    sets = {
        condition: _predicted(methods, images, f"ood {name!r}", labelled=False)
        for condition, (name, images) in zip(out_of_distribution(ood), ood.items(), strict=True)
    }
    for name in methods:
        fits = fits_to(mean_prediction(held_out[name]) if held_out else None)
        values = {LABELLED: ImageValues(labelled[name], fits)}
        values |= {condition: ImageValues(blocks[name]) for condition, blocks in sets.items()}
        labels = [block.labels for block in labelled[name] if block.labels is not None]
        yield GivenPredictions(name, values, torch.cat(labels))


def _predicted(
    methods: Mapping[str, UncertaintyMethod], data: Any, what: str, *, labelled: bool = True
) -> BlocksByMethod:
    """Predictions of all batches."""
    blocks: BlocksByMethod = {name: [] for name in methods}
    seen = 0
    for images, given in batches(data, what, labelled=labelled):
        for name, method in methods.items():
            prediction, labels = _prediction(name, method, images, what), None
            if given is not None:
                with beginning_with(what):
                    check_labels(given, prediction.mean.shape[1], first_image=seen)
                labels = torch.from_numpy(given.astype(np.int64))
            blocks[name].append(with_scores(prediction, labels))
        seen += len(images)
    if not seen:
        raise UserError(f"{what}: there is no image; expected at least one")
    for name, predictions in blocks.items():
        for remark in {stored.prediction.remark for stored in predictions} - {""}:
            warnings.warn(f"{name}: {remark}", stacklevel=2)
    return blocks


def _prediction(name: str, method: UncertaintyMethod, images: Tensor, what: str) -> Prediction:
    """Prediction of a batch, checked; images get the precision of the method's networks."""
    networks = method.fitted if isinstance(method, PooledMethod) else ()
    types = (parameter.dtype for network in networks for parameter in network.parameters())
    precision = next((kind for kind in types if kind.is_floating_point), torch.float32)
    try:
        prediction = method.predict(images.to(precision) if images.is_floating_point() else images)
        check_prediction(prediction, len(images))
    except (RuntimeError, IndexError, ValueError, ContractError) as error:
        raise UserError(
            f"{name!r} cannot predict {what}, a batch {list(images.shape)} of {images.dtype}: "
            f"{one_line(error)}; give images as the network was trained on, or correct the method"
        ) from error
    return prediction


def batches(data: Any, what: str, *, labelled: bool) -> Iterator[tuple[Tensor, AnyArray | None]]:
    """Images, and their labels as they are given, in the order of the data, read once.

    Args:
        data: see `EXPECTED`; without labels also images alone.
        what: what messages call the data.
        labelled: whether there must be labels; if not, those that there are count for nothing.

    Raises:
        TypeError: the data are of another type.
        UserError: images and labels do not fit together.
    """
    if isinstance(data, Dataset):
        data = DataLoader(data, batch_size=BATCH)
    if not isinstance(data, DataLoader):
        images, labels = _batch(data, what, labelled, parts=2)
        for start in range(0, len(images), BATCH):
            batch = slice(start, start + BATCH)
            yield images[batch], None if labels is None else labels[batch]
        return
    try:
        yield from (_batch(given, what, labelled) for given in data)
    except TypeError as error:
        if "default_collate" not in str(error):
            raise
        raise TypeError(
            f"{what}: the data set gives objects that make no batch ({one_line(error)}); expected "
            "tensors: give a data set of images the transform torchvision.transforms.ToTensor()"
        ) from error


def _batch(
    given: Any, what: str, labelled: bool, parts: int | None = None
) -> tuple[Tensor, AnyArray | None]:
    """The images as a tensor, and the labels; what lies in memory has no more ``parts``."""
    pair = given if isinstance(given, (tuple, list)) else [given]
    images = pair[0] if len(pair) > labelled else None
    if isinstance(images, np.ndarray) and images.dtype.kind in "biuf":
        # In the processor's byte order: torch knows no other, and no negative strides.
        images = torch.from_numpy(np.array(images, dtype=images.dtype.newbyteorder("=")))
    if not isinstance(images, Tensor) or (pair is given and len(pair) != (parts or len(pair))):
        kinds = " and ".join(type(part).__name__ for part in pair)
        raise TypeError(f"{what}: there is {kinds or 'nothing'}; {EXPECTED}")
    if images.ndim < 2:
        raise UserError(
            f"{what}: the images have the shape {list(images.shape)}; expected [images, ...]"
        )
    if not labelled:
        return images, None
    labels = as_array(pair[1], f"labels of {what}")
    if labels.shape[:1] != images.shape[:1]:
        raise UserError(
            f"{what}: there are {len(images)} images and labels {list(labels.shape)}; expected a "
            "label for each image"
        )
    return images, labels
