"""What a user's own methods predict of own images: tensors, arrays, data sets or loaders."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.intake.formats import LABELS, as_array, check_classes, check_label_form
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
    "expected a DataLoader or a Dataset of (images, labels), or a pair of tensors or arrays "
    "(images, labels)"
)

BlocksByMethod = dict[str, list[StoredPrediction]]
"""By method, its predictions of one batch of images after the other."""


def predictions_of(
    methods: Mapping[str, UncertaintyMethod],
    data: Any,
    ood: Mapping[str, Any],
    calibration: Any,
) -> list[GivenPredictions]:
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
    given = []
    for name in methods:
        fits = fits_to(mean_prediction(held_out[name]) if held_out else None)
        values = {LABELLED: ImageValues(labelled[name], fits)}
        values |= {condition: ImageValues(blocks[name]) for condition, blocks in sets.items()}
        labels = [block.labels for block in labelled[name] if block.labels is not None]
        given.append(GivenPredictions(name, values, torch.cat(labels)))
    return given


def _predicted(
    methods: Mapping[str, UncertaintyMethod], data: Any, what: str, *, labelled: bool = True
) -> BlocksByMethod:
    """Of all batches; of members only what is measured is kept."""
    blocks: BlocksByMethod = {name: [] for name in methods}
    seen = 0
    for images, labels in batches(data, what, labelled=labelled):
        for name, method in methods.items():
            prediction = _prediction(name, method, images, what)
            if labels is not None:
                with beginning_with(what):
                    check_classes(
                        labels.numpy(), classes=prediction.mean.shape[1], first_image=seen
                    )
            kept = with_scores(prediction, labels)
            without = replace(kept.prediction, member_probabilities=None, member_logits=None)
            blocks[name].append(replace(kept, prediction=without))
        seen += len(images)
    for name, predictions in blocks.items():
        for remark in {stored.prediction.remark for stored in predictions} - {""}:
            warnings.warn(f"{name}: {remark}", stacklevel=2)
    return blocks


def _prediction(name: str, method: UncertaintyMethod, images: Tensor, what: str) -> Prediction:
    """Of a batch, checked; images are cast to the precision of the method's networks."""
    networks = method.fitted if isinstance(method, PooledMethod) else ()
    types = (parameter.dtype for network in networks for parameter in network.parameters())
    precision = next((kind for kind in types if kind.is_floating_point), torch.float32)
    cast = images.to(precision) if images.is_floating_point() else images
    shown = f"{name!r} cannot predict {what}, a batch {list(images.shape)} of {images.dtype}"
    try:
        prediction = method.predict(cast)
        check_prediction(prediction, len(images))
    except (RuntimeError, IndexError) as error:
        raise UserError(
            f"{shown}: {one_line(error)}; expected images as the network was trained on"
        ) from error
    except ValueError as error:
        raise UserError(f"{shown}: {one_line(error)}") from error
    except ContractError as error:
        raise UserError(f"{name!r} predicts what is no prediction: {error}") from error
    return prediction


@contextmanager
def beginning_with(what: str) -> Iterator[None]:
    """A `UserError` begins with what was given."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{what}: {error}") from error


class Batch(NamedTuple):
    """Some images and their labels, if they have any."""

    images: Float[Tensor, "images ..."]
    labels: Int64[Tensor, " images"] | None


def batches(data: Any, what: str, *, labelled: bool) -> Iterator[Batch]:
    """The images in the order in which the data give them, read once.

    Args:
        data: see `EXPECTED`; without labels also images alone.
        what: what messages call the data.
        labelled: whether there must be labels; if not, those that there are count for nothing.

    Raises:
        TypeError: the data are of another type.
        UserError: images and labels do not fit together, or labels are no classes.
    """
    if isinstance(data, Dataset):
        data = DataLoader(data, batch_size=BATCH)
    empty = True
    form = _loaded if isinstance(data, DataLoader) else _split
    for batch in form(data, what, labelled):
        if len(batch.images):
            empty = False
            yield batch
    if empty:
        raise UserError(f"{what}: there is no image; expected at least one")


def _split(data: Any, what: str, labelled: bool) -> Iterator[Batch]:
    """Images that are in memory."""
    if isinstance(data, Sequence) and len(data) != 2:
        raise _wrong_type(data, f"{what}: this", labelled)
    images, labels = _batch(data, f"{what}: this", what, labelled)
    for start in range(0, len(images), BATCH):
        batch = slice(start, start + BATCH)
        yield Batch(images[batch], None if labels is None else labels[batch])


def _loaded(loader: DataLoader[Any], what: str, labelled: bool) -> Iterator[Batch]:
    try:
        for given in loader:
            yield _batch(given, f"{what}: a batch", what, labelled)
    except TypeError as error:
        if "default_collate" not in str(error):
            raise
        kind = str(error).splitlines()[-1].rpartition("found ")[2]
        raise TypeError(
            f"{what}: the data set gives {kind or 'objects'}, which make no batch; expected "
            "tensors: give a data set of images the transform torchvision.transforms.ToTensor()"
        ) from error


def _batch(given: Any, subject: str, what: str, labelled: bool) -> Batch:
    """A pair of images and labels, or images alone, as tensors."""
    alone = isinstance(given, (Tensor, np.ndarray)) and not labelled
    pair = (given,) if alone else given
    if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) < 1 + labelled:
        raise _wrong_type(given, subject, labelled)
    images = _tensor(pair[0], what)
    if not labelled:
        return Batch(images, None)
    labels = as_array(pair[1], what)
    with beginning_with(what):
        check_label_form(LABELS, labels)
    if len(labels) != len(images):
        raise UserError(f"{what}: {len(images)} images have {len(labels)} labels")
    return Batch(images, torch.from_numpy(labels.astype(np.int64)))


def _wrong_type(given: Any, subject: str, labelled: bool) -> TypeError:
    alone = "" if labelled else ", or images alone"
    return TypeError(f"{subject} is a {type(given).__name__}; {EXPECTED}{alone}")


def _tensor(images: Any, what: str) -> Tensor:
    if not isinstance(images, (Tensor, np.ndarray)):
        raise TypeError(
            f"{what}: the images are a {type(images).__name__}; expected a tensor or an array "
            "[images, ...]"
        )
    try:
        # An array in the processor's byte order: torch knows no other, and no negative strides.
        tensor = (
            images
            if isinstance(images, Tensor)
            else torch.from_numpy(np.array(images, dtype=images.dtype.newbyteorder("=")))
        )
    except TypeError as error:
        raise TypeError(
            f"{what}: the images are an array of {images.dtype}; expected numbers"
        ) from error
    if tensor.ndim < 2:
        raise UserError(
            f"{what}: the images have the shape {list(tensor.shape)}; expected [images, ...]"
        )
    return tensor
