"""The gradient of a batch's loss: forwards, the loss, and backwards."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Bool, Float32, Int64

from methods.engines.lenet5_kernels.backward import (
    LinearErrors,
    MapErrors,
    first_error_rows,
    first_layer_backward,
    linears_backward,
    second_layer_backward,
)
from methods.engines.lenet5_kernels.compilation import inlined
from methods.engines.lenet5_kernels.forward import (
    Activations,
    Linears,
    classify,
    first_layer,
    first_rows,
    second_layer,
)
from methods.engines.lenet5_kernels.layers.dense import scale_rows
from methods.engines.lenet5_kernels.layers.loss import cross_entropy, double_softmax_cross_entropy
from methods.engines.lenet5_kernels.layout import (
    Array,
    Constants,
    Maps,
    Parameters,
    f4,
)

TOGETHER = 64
"""Images that pass the linear layers together; a larger batch takes several rounds."""


class Batch(NamedTuple):
    """What backpropagation needs of each image of a batch."""

    rows: Float32[Array, "images 32*32+16"]
    first: Float32[Array, "images 6 28*32"]
    pooled: Float32[Array, "images 6 15*16"]
    second: Float32[Array, "images 16 10*16"]
    features: Float32[Array, "images 16 25"]


class TrainingWorkspace(NamedTuple):
    """Buffers for one network in training, about 4 MB for `TOGETHER` images."""

    maps: Maps
    batch: Batch
    linears: Linears
    activations: Activations
    linear_errors: LinearErrors
    map_errors: MapErrors
    reversed_weight: Float32[Array, "16 6 25"]
    probabilities: Float32[Array, " 10"]


@inlined
def add_gradient(
    parameters: Parameters,
    gradient: Parameters,
    images: Float32[Array, "images 28*28"],
    labels: Int64[Array, " images"],
    chosen: Int64[Array, " chosen"],
    keep_mask: Bool[Array, "chosen 22"],
    constants: Constants,
    double_softmax: bool,
    batch_size: int,
    workspace: TrainingWorkspace,
) -> float:
    """gradient += Σ that of the chosen images' losses / batch size; returns the losses' sum."""
    maps, batch, count = workspace.maps, workspace.batch, chosen.size
    activations = first_rows(workspace.activations, count)
    errors = first_error_rows(workspace.linear_errors, count)
    features = batch.features[:count]

    for i in range(count):
        image_maps = _maps_of(batch, maps, i)
        first_layer(parameters, images[chosen[i]], keep_mask[i], constants, image_maps)
        second_layer(parameters, keep_mask[i], constants, image_maps, features[i])
    classify(workspace.linears, features, keep_mask, activations, constants.relu)

    total = 0.0
    for i in range(count):
        error, logits, label = errors.logits[i], activations.logits[i], labels[chosen[i]]
        if double_softmax:
            total += double_softmax_cross_entropy(error, logits, label, workspace.probabilities)
        else:
            total += cross_entropy(error, logits, label)
    scale_rows(errors.logits, f4(1) / f4(batch_size))

    linears_backward(parameters, gradient, features, activations, errors, constants.relu)
    for i in range(count):
        image_maps = _maps_of(batch, maps, i)
        second_layer_backward(
            gradient,
            workspace.reversed_weight,
            keep_mask[i],
            constants,
            image_maps,
            errors.features[i],
            workspace.map_errors,
        )
        first_layer_backward(gradient, keep_mask[i], constants, image_maps, workspace.map_errors)
    return total


@inlined
def _maps_of(batch: Batch, maps: Maps, image: int) -> Maps:
    """Buffers for one image: what the way back needs lies in the batch."""
    return Maps(
        maps.tall,
        batch.rows[image],
        maps.pixels,
        batch.first[image],
        batch.pooled[image],
        maps.shifted,
        batch.second[image],
    )
