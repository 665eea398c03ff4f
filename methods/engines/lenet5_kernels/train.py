"""Training: batches of images become gradients, gradients become Adam's steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Float32, Int64

from methods.engines.lenet5_kernels import check
from methods.engines.lenet5_kernels.adam import adam_step
from methods.engines.lenet5_kernels.backward import (
    LinearErrors,
    MapErrors,
    first_error_rows,
    first_layer_backward,
    linear_errors_room,
    linears_backward,
    map_errors_room,
    reverse_rows,
    second_layer_backward,
)
from methods.engines.lenet5_kernels.compilation import compile_kernels, inlined, kernel
from methods.engines.lenet5_kernels.dense import scale_rows
from methods.engines.lenet5_kernels.forward import (
    Activations,
    Linears,
    Maps,
    activations_room,
    classify,
    first_layer,
    first_rows,
    linears_room,
    maps_room,
    second_layer,
    set_linears,
)
from methods.engines.lenet5_kernels.layout import (
    CLASSES,
    FEATURES,
    FIRST,
    FIRST_MAP,
    PARAMETERS,
    PIXELS,
    POOLED_MAP,
    SECOND,
    SECOND_MAP,
    Array,
    Parameters,
    Scales,
    f4,
    room,
    views,
)
from methods.engines.lenet5_kernels.loss import cross_entropy, double_softmax_cross_entropy

TOGETHER = 64
"""Images that pass the linear layers together; a larger batch takes several turns."""

Loss = Literal["logits", "softmax"]


@dataclass
class TrainingState:
    """What training changes, in place: the parameters and what Adam remembers of them."""

    parameters: Float32[Array, " 61706"]
    first_moment: Float32[Array, " 61706"]
    second_moment: Float32[Array, " 61706"]
    steps: int = 0

    def __post_init__(self) -> None:
        for vector in (self.parameters, self.first_moment, self.second_moment):
            if check.parameters(vector) is not vector:
                raise ValueError(
                    f"training changes its vectors in place: they are contiguous and of float32, "
                    f"not of {vector.dtype}; TrainingState.start copies parameters to such ones"
                )

    @classmethod
    def start(cls, parameters: Float32[Array, " 61706"]) -> Self:
        """Before the first step; the parameters are copied."""
        vector = check.parameters(parameters).copy()
        return cls(vector, np.zeros_like(vector), np.zeros_like(vector))


def train_epoch(
    state: TrainingState,
    images: Float32[Array, "images 28 28"],
    labels: Int64[Array, " images"],
    order: Int64[Array, " positions"],
    kept: Bool[Array, "positions 22"] | None,
    *,
    loss: Loss,
    mean: float,
    std: float,
    dropout: float,
    batch_size: int,
    learning_rate: float,
) -> float:
    """Train on the images in the given order; changes ``state`` and returns the mean loss.

    Args:
        state: belongs to one thread at a time; images, labels, order and masks may be shared.
        images: in [0, 1]; resized to 32x32 and normalised on the way.
        labels: 0 to 9.
        order: which image comes at each position; the last batch may be smaller.
        kept: the channels that dropout keeps at each position; None keeps all.
        loss: what the cross-entropy is computed on; ``"softmax"`` is the article's double softmax.
        mean, deviation: the normalisation, ``(image - mean) / deviation``.
        dropout: probability p that a channel was dropped; kept ones are scaled by 1 / (1 - p).
        batch_size, learning_rate: of Adam's steps.

    Returns:
        The mean over all positions, that of each batch before its step. That training did
        not diverge, loss and parameters show together: no loss has seen the last step.
    """
    mean_loss, _ = _train(
        state,
        images,
        labels,
        order,
        kept,
        check.scales(mean, std, dropout),
        loss,
        batch_size,
        learning_rate,
    )
    return mean_loss


def loss_gradient(
    parameters: Float32[Array, " 61706"],
    images: Float32[Array, "images 28 28"],
    labels: Int64[Array, " images"],
    kept: Bool[Array, "images 22"] | None,
    *,
    loss: Loss,
    mean: float,
    std: float,
    dropout: float,
) -> tuple[float, Float32[Array, " 61706"]]:
    """The mean loss over the images and its gradient; arguments as those of `train_epoch`.

    It is one batch of training at learning rate 0: a window into the training kernel.
    """
    state, order = TrainingState.start(parameters), np.arange(len(images))
    scales = check.scales(mean, std, dropout)
    return _train(state, images, labels, order, kept, scales, loss, len(images), 0.0)


class Batch(NamedTuple):
    """What backpropagation needs of each image of a batch."""

    rows: Float32[Array, "images 32*32+16"]
    first: Float32[Array, "images 6 28*32"]
    pooled: Float32[Array, "images 6 15*16"]
    second: Float32[Array, "images 16 10*16"]
    features: Float32[Array, "images 16 25"]


class Workspace(NamedTuple):
    """Room for one network in training, about 4 MB."""

    maps: Maps
    batch: Batch
    linears: Linears
    activations: Activations
    linear_errors: LinearErrors
    map_errors: MapErrors
    reversed_weight: Float32[Array, "16 6 25"]
    probabilities: Float32[Array, " 10"]


def _workspace() -> Workspace:
    return Workspace(
        maps_room(),
        Batch(
            room(TOGETHER, PIXELS + 16),
            room(TOGETHER, FIRST, FIRST_MAP),
            room(TOGETHER, FIRST, POOLED_MAP + 16),
            room(TOGETHER, SECOND, SECOND_MAP),
            room(TOGETHER, SECOND, FEATURES),
        ),
        linears_room(),
        activations_room(TOGETHER),
        linear_errors_room(TOGETHER),
        map_errors_room(),
        room(SECOND, FIRST, 25),
        room(CLASSES),
    )


def _train(
    state: TrainingState,
    images: Float32[Array, "images 28 28"],
    labels: Int64[Array, " images"],
    order: Int64[Array, " positions"],
    kept: Bool[Array, "positions 22"] | None,
    scales: Scales,
    loss: Loss,
    batch_size: int,
    learning_rate: float,
) -> tuple[float, Float32[Array, " 61706"]]:
    """The mean loss, and the gradient of the last batch."""
    if loss not in ("logits", "softmax"):
        raise ValueError(f"the loss is computed on 'logits' or 'softmax', not on {loss!r}")
    if batch_size < 1 or len(order) < 1:
        raise ValueError(f"cannot train on {len(order)} images in batches of {batch_size}")
    images, labels = check.images(images), check.labels(labels, len(images))
    order, kept = check.order(order, len(images)), check.kept(kept, len(order))
    compile_kernels()
    gradient = np.zeros(PARAMETERS, f4)
    total = _train_batches(
        state.parameters,
        state.first_moment,
        state.second_moment,
        gradient,
        state.steps,
        views(state.parameters),
        views(gradient),
        images,
        labels,
        order,
        kept,
        scales,
        loss == "softmax",
        batch_size,
        float(learning_rate),
        _workspace(),
    )
    state.steps += -(-len(order) // batch_size)
    return total / len(order), gradient


@kernel
def _train_batches(
    vector: Float32[Array, " 61706"],
    first_moment: Float32[Array, " 61706"],
    second_moment: Float32[Array, " 61706"],
    gradient_vector: Float32[Array, " 61706"],
    steps: int,
    parameters: Parameters,
    gradient: Parameters,
    images: Float32[Array, "images 28*28"],
    labels: Int64[Array, " images"],
    order: Int64[Array, " positions"],
    kept: Bool[Array, "positions 22"],
    scales: Scales,
    double_softmax: bool,
    batch_size: int,
    learning_rate: float,
    workspace: Workspace,
) -> float:
    """A step of Adam for every batch; returns the sum of the losses."""
    total = 0.0
    for start in range(0, order.size, batch_size):
        chosen, masks = order[start : start + batch_size], kept[start : start + batch_size]
        set_linears(workspace.linears, parameters)
        reverse_rows(workspace.reversed_weight, parameters.conv2_weight)
        gradient_vector[:] = f4(0)
        for begin in range(0, chosen.size, TOGETHER):
            total += _add_gradient(
                parameters,
                gradient,
                images,
                labels,
                chosen[begin : begin + TOGETHER],
                masks[begin : begin + TOGETHER],
                scales,
                double_softmax,
                chosen.size,
                workspace,
            )
        steps += 1
        adam_step(vector, first_moment, second_moment, gradient_vector, steps, learning_rate)
    return total


@inlined
def _add_gradient(
    parameters: Parameters,
    gradient: Parameters,
    images: Float32[Array, "images 28*28"],
    labels: Int64[Array, " images"],
    chosen: Int64[Array, " chosen"],
    kept: Bool[Array, "chosen 22"],
    scales: Scales,
    double_softmax: bool,
    batch_size: int,
    workspace: Workspace,
) -> float:
    """gradient += Σ that of the chosen images' losses / batch size; returns the losses' sum."""
    maps, batch, count = workspace.maps, workspace.batch, chosen.size
    activations = first_rows(workspace.activations, count)
    errors = first_error_rows(workspace.linear_errors, count)
    features = batch.features[:count]

    for i in range(count):
        member_slice = _place(batch, maps, i)
        first_layer(parameters, images[chosen[i]], kept[i], scales, member_slice)
        second_layer(parameters, kept[i], scales, member_slice, features[i])
    classify(workspace.linears, features, kept, activations)

    total = 0.0
    for i in range(count):
        error, logits, label = errors.logits[i], activations.logits[i], labels[chosen[i]]
        if double_softmax:
            total += double_softmax_cross_entropy(error, logits, label, workspace.probabilities)
        else:
            total += cross_entropy(error, logits, label)
    scale_rows(errors.logits, f4(1) / f4(batch_size))

    linears_backward(parameters, gradient, features, activations, errors)
    for i in range(count):
        member_slice = _place(batch, maps, i)
        second_layer_backward(
            gradient,
            workspace.reversed_weight,
            kept[i],
            scales,
            member_slice,
            errors.features[i],
            workspace.map_errors,
        )
        first_layer_backward(gradient, kept[i], scales, member_slice, workspace.map_errors)
    return total


@inlined
def _place(batch: Batch, maps: Maps, image: int) -> Maps:
    """Room for one image: what is kept for the way back has its place in the batch."""
    return Maps(
        maps.tall,
        batch.rows[image],
        maps.pixels,
        batch.first[image],
        batch.pooled[image],
        maps.shifted,
        batch.second[image],
    )
