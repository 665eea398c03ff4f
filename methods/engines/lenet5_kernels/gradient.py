"""The gradient of a batch's loss: forwards, the loss, and backwards to every parameter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64

from methods.engines.lenet5_kernels.compilation import inlined, kernel
from methods.engines.lenet5_kernels.convolution import (
    add_backward_convolution,
    add_first_weight_gradient,
    add_second_weight_gradient,
    shift_left,
    shift_right,
)
from methods.engines.lenet5_kernels.dense import (
    add_product,
    add_rows,
    scale_rows,
    through_activation,
)
from methods.engines.lenet5_kernels.forward import (
    Activations,
    Linears,
    classify,
    first_layer,
    first_rows,
    second_layer,
)
from methods.engines.lenet5_kernels.layout import (
    CLASSES,
    FEATURES,
    FIRST,
    PIXELS,
    POOLED_MAP,
    SECOND,
    Array,
    Constants,
    Maps,
    Parameters,
    f4,
)
from methods.engines.lenet5_kernels.pooling import (
    max_unpool_first,
    max_unpool_second,
    unpool_first,
    unpool_second,
)


@kernel
def softmax(probabilities: Float32[Array, " 10"], logits: Float32[Array, "10+"]) -> float:
    """probabilities_k = exp(z_k) / Σ exp(z); returns log Σ exp(z), both in double precision."""
    largest = np.float64(logits[0])
    for k in range(1, CLASSES):
        if logits[k] > largest:
            largest = np.float64(logits[k])
    total = 0.0
    for k in range(CLASSES):
        total += np.exp(np.float64(logits[k]) - largest)
    for k in range(CLASSES):
        probabilities[k] = f4(np.exp(np.float64(logits[k]) - largest) / total)
    log_total: float = largest + np.log(total)
    return log_total


@inlined
def cross_entropy(
    errors: Float32[Array, " 10"], logits: Float32[Array, "10+"], label: int
) -> float:
    """−log softmax(z)_label; errors = softmax(z) − onehot(label), its gradient."""
    loss: float = softmax(errors, logits) - logits[label]
    errors[label] -= f4(1)
    return loss


@inlined
def double_softmax_cross_entropy(
    errors: Float32[Array, " 10"],
    logits: Float32[Array, "10+"],
    label: int,
    probabilities: Float32[Array, " 10"],
) -> float:
    """−log softmax(p)_label with p = softmax(z): the cross-entropy of what is a softmax already.

    With e = softmax(p) − onehot(label), the gradient is p ⊙ (e − Σ_k p_k e_k).
    """
    softmax(probabilities, logits)
    loss = cross_entropy(errors, probabilities, label)
    mean_error = f4(0)
    for k in range(CLASSES):
        mean_error += probabilities[k] * errors[k]
    for k in range(CLASSES):
        errors[k] = probabilities[k] * (errors[k] - mean_error)
    return loss


class LinearErrors(NamedTuple):
    """Buffers for the loss's derivatives with respect to what the linear layers read and write."""

    features: Float32[Array, "images 400"]
    hidden1: Float32[Array, "images 120"]
    hidden2: Float32[Array, "images 84"]
    logits: Float32[Array, "images 10"]


class MapErrors(NamedTuple):
    """Buffers for one image's errors on their way back through the convolutions.

    Margins and padding are zero and stay so.
    """

    second: Float32[Array, " 10*16"]
    shifted: Float32[Array, " 5*18*16"]
    pooled: Float32[Array, "6 14*16"]
    first: Float32[Array, " 28*32"]


@inlined
def linears_backward(
    parameters: Parameters,
    gradient: Parameters,
    features: Float32[Array, "images 16 25"],
    activations: Activations,
    errors: LinearErrors,
    relu: bool,
) -> None:
    """For every layer y = W·x + b with x = f(z): W' += y'ᵀ·x, b' += Σ y', z' = (y'·W) ⊙ f'(z).

    The features come from a pool: their errors go through it and its activation in
    `second_layer_backward`.
    """
    hidden1, hidden2, _ = activations
    add_product(gradient.linear3_weight, errors.logits.T, hidden2)
    add_rows(gradient.linear3_bias, errors.logits)
    errors.hidden2[:] = f4(0)
    add_product(errors.hidden2, errors.logits, parameters.linear3_weight)
    through_activation(errors.hidden2, hidden2, relu)

    add_product(gradient.linear2_weight, errors.hidden2.T, hidden1)
    add_rows(gradient.linear2_bias, errors.hidden2)
    errors.hidden1[:] = f4(0)
    add_product(errors.hidden1, errors.hidden2, parameters.linear2_weight)
    through_activation(errors.hidden1, hidden1, relu)

    add_product(gradient.linear1_weight, errors.hidden1.T, features.reshape(-1, SECOND * FEATURES))
    add_rows(gradient.linear1_bias, errors.hidden1)
    errors.features[:] = f4(0)
    add_product(errors.features, errors.hidden1, parameters.linear1_weight)


@inlined
def first_error_rows(errors: LinearErrors, rows: int) -> LinearErrors:
    """The part of the buffers that a smaller number of images needs."""
    return LinearErrors(
        errors.features[:rows], errors.hidden1[:rows], errors.hidden2[:rows], errors.logits[:rows]
    )


@kernel
def reverse_rows(reversed_weight: Array, weight: Float32[Array, "16 6 25"]) -> None:
    """The second convolution's kernels with their rows in reverse, for the way back."""
    for o in range(SECOND):
        for c in range(FIRST):
            for r in range(5):
                for k in range(5):
                    reversed_weight[o, c, 5 * (4 - r) + k] = weight[o, c, 5 * r + k]


@inlined
def second_layer_backward(
    gradient: Parameters,
    reversed_weight: Float32[Array, "16 6 25"],
    keep_mask: Bool[Array, " 22"],
    constants: Constants,
    maps: Maps,
    feature_errors: Float32[Array, " 16*25"],
    errors: MapErrors,
) -> None:
    """The second convolution's gradient, and the errors of the pooled maps that it reads."""
    for c in range(FIRST):
        if keep_mask[c]:
            shift_left(maps.shifted[c], maps.pooled[c], POOLED_MAP)
            errors.pooled[c, :] = f4(0)
    for o in range(SECOND):
        if keep_mask[FIRST + o]:
            source = feature_errors[FEATURES * o : FEATURES * (o + 1)]
            if constants.relu:
                gradient.conv2_bias[o] += max_unpool_second(
                    errors.second, source, maps.second[o], constants.kept_scale
                )
            else:
                gradient.conv2_bias[o] += unpool_second(
                    errors.second, source, maps.second[o], constants.kept_scale
                )
            shift_right(errors.shifted, errors.second)
            for c in range(FIRST):
                if keep_mask[c]:
                    add_second_weight_gradient(
                        gradient.conv2_weight[o, c], errors.second, maps.shifted[c]
                    )
                    add_backward_convolution(
                        errors.pooled[c], errors.shifted, reversed_weight[o, c]
                    )


@inlined
def first_layer_backward(
    gradient: Parameters,
    keep_mask: Bool[Array, " 22"],
    constants: Constants,
    maps: Maps,
    errors: MapErrors,
) -> None:
    """The first convolution's gradient."""
    shift_left(maps.pixels, maps.row, PIXELS)
    for c in range(FIRST):
        if keep_mask[c]:
            if constants.relu:
                gradient.conv1_bias[c] += max_unpool_first(
                    errors.first, errors.pooled[c], maps.first[c], constants.kept_scale
                )
            else:
                gradient.conv1_bias[c] += unpool_first(
                    errors.first, errors.pooled[c], maps.first[c], constants.kept_scale
                )
            add_first_weight_gradient(gradient.conv1_weight[c], errors.first, maps.pixels)


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
