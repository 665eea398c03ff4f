"""Training: the gradient of a batch's loss, backwards to every parameter, and the steps."""

from __future__ import annotations

from typing import Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float32, Float64, Int64

from methods.engines.lenet5_kernels import layers
from methods.engines.lenet5_kernels.compilation import compile_kernels, inlined, kernel
from methods.engines.lenet5_kernels.forward import (
    ForwardBuffers,
    classify,
    first_layer,
    second_layer,
    set_linears,
)
from methods.engines.lenet5_kernels.layout import (
    CLASSES,
    FEATURES,
    FIRST,
    HIDDEN_1,
    HIDDEN_2,
    LANES,
    SECOND,
    Array,
    KernelNetwork,
    Parameters,
    ThreadBuffers,
    buffers,
    checked_images,
    checked_indices,
    checked_masks,
    f4,
    first_subsets,
    views,
)

Loss = Literal["logits", "softmax"]


class TrainingState(NamedTuple):
    """A network in training, which is changed in place.

    Attributes:
        parameters, first_moment, second_moment: and what Adam remembers of them; SGD keeps its
            momentum in the first one.
        gradient: of the last batch.
        steps: so far, the only number.
        network, gradients: with views of the parameters, and of the gradient.
    """

    parameters: Float32[Array, " 61706"]
    first_moment: Float32[Array, " 61706"]
    second_moment: Float32[Array, " 61706"]
    gradient: Float32[Array, " 61706"]
    steps: Int64[Array, " 1"]
    network: KernelNetwork
    gradients: Parameters

    @classmethod
    def start(cls, network: KernelNetwork) -> Self:
        """State before the first step; the network is copied. Its dropout is that of the masks."""
        vector = np.concatenate([tensor.ravel() for tensor in network.parameters])
        first, second, gradient = (np.zeros_like(vector) for _ in range(3))
        own = network._replace(parameters=views(vector))
        return cls(vector, first, second, gradient, np.zeros(1, np.int64), own, views(gradient))


class Examples(NamedTuple):
    """Examples of an epoch: which image comes at each position, and what dropout keeps there."""

    images: Float32[Array, "images 28*28"]
    labels: Int64[Array, " images"]
    order: Int64[Array, " positions"]
    keep_mask: Bool[Array, "positions 22"]
    units: Bool[Array, "unit_rows 204"]


class Descent(NamedTuple):
    """Rules by which the steps of an epoch follow from the gradients; see `Recipe`."""

    rates: Float64[Array, " batches"]
    by_adam: bool
    momentum: float
    weight_decay: float
    l2_penalty: float


def train_epoch(
    state: TrainingState,
    images: Float32[Array, "images 28 28"],
    labels: Int64[Array, " images"],
    order: Int64[Array, " positions"],
    keep_mask: Bool[Array, "positions kept"] | None,
    *,
    loss: Loss,
    batch_size: int,
    learning_rate: float | Float64[npt.NDArray[np.float64], " batches"],
    optimiser: Literal["adam", "sgd"] = "adam",
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    l2_penalty: float = 0.0,
) -> float:
    """Train on the images in the given order; changes ``state`` and returns the mean loss.

    Args:
        state: belongs to one thread at a time; images, labels, order and masks may be shared.
        images: in [0, 1]; resized to 32x32 and normalised on the way.
        labels: 0 to 9.
        order: which image comes at each position; the last batch may be smaller.
        keep_mask: the channels, or units, that dropout keeps at each position; None keeps all.
        loss: what the cross-entropy is computed on; ``"softmax"`` is the article's double softmax.
        batch_size: the images of a step.
        learning_rate: of each step, or of all.
        optimiser, momentum, weight_decay, l2_penalty: of the steps, as in `Recipe`.

    Returns:
        The mean over all positions, that of each batch before its step. That training did
        not diverge, loss and parameters show together: no loss has seen the last step.
    """
    if loss not in ("logits", "softmax"):
        raise ValueError(f"the loss is computed on 'logits' or 'softmax', not on {loss!r}")
    if batch_size < 1 or len(order) < 1:
        raise ValueError(f"cannot train on {len(order)} images in batches of {batch_size}")
    if len(labels) != len(images):
        raise ValueError(f"{len(labels)} labels for {len(images)} images")
    order = checked_indices(order, len(images), "the order")
    channels, units = checked_masks(state.network, keep_mask, len(order))
    alike = _with_like_masks_together(channels, batch_size)
    examples = Examples(
        checked_images(images),
        checked_indices(labels, CLASSES, "labels"),
        order[alike],
        channels[alike],
        units[alike] if len(units) else units,
    )
    compile_kernels()
    workspace = buffers(TrainingBuffers, rows=LANES)
    rates = np.ones(-(-len(order) // batch_size)) * learning_rate
    numbers = float(momentum), float(weight_decay), float(l2_penalty)
    descent = Descent(rates, optimiser == "adam", *numbers)
    total = _train(state, examples, loss == "softmax", batch_size, descent, workspace)
    return total / len(order)


def _with_like_masks_together(
    keep_mask: Bool[Array, "positions 22"], batch_size: int
) -> Int64[Array, " positions"]:
    """The positions, those of a batch sorted by the first channels that dropout keeps.

    So sixteen images that are computed side by side often drop the same channel, which then costs
    nothing. A batch's gradient is a sum, whose order is free.
    """
    positions = np.arange(len(keep_mask))
    return np.lexsort((first_subsets(keep_mask), positions // batch_size))


class TrainingBuffers(NamedTuple):
    """Buffers for one network in training, about 2 MB.

    After the way forwards come errors, the loss's derivatives, of sixteen images: as rows of what
    the linear layers read and write, then side by side in maps. The convolutions' gradients are
    summed lane by lane.
    """

    forward: ForwardBuffers
    rows: Float32[Array, "16 400"]
    hidden1: Float32[Array, "16 120"]
    hidden2: Float32[Array, "16 84"]
    logits: Float32[Array, "16 10"]
    features: Float32[Array, "16 5 5*16"]
    second: Float32[Array, "10 10*16"]
    pooled: Float32[Array, "6 14 14*16"]
    first: Float32[Array, "28 28*16"]
    second_gradient: Float32[Array, "16 6 5 5*16"]
    first_gradient: Float32[Array, "6 5 5*16"]
    probabilities: Float32[Array, " 10"]


@kernel
def _train(
    state: TrainingState,
    examples: Examples,
    double_softmax: bool,
    batch_size: int,
    descent: Descent,
    workspace: TrainingBuffers,
) -> float:
    """A step for every batch; returns the sum of the losses."""
    total, parameters = 0.0, state.network.parameters
    for start in range(0, examples.order.size, batch_size):
        end = min(start + batch_size, examples.order.size)
        set_linears(workspace.forward.linears, parameters)
        state.gradient[:] = f4(0)
        workspace.second_gradient[:] = f4(0)
        workspace.first_gradient[:] = f4(0)
        for begin in range(start, end, LANES):
            part = slice(begin, min(begin + LANES, end))
            total += add_gradient(state, examples, part, double_softmax, end - start, workspace)
        add_all_lanes(state, workspace)
        descend(state, descent, start // batch_size)
    return total


@inlined
def add_all_lanes(state: TrainingState, workspace: TrainingBuffers) -> None:
    """Add what the lanes have of the convolutions' gradients."""
    for c in range(FIRST):
        layers.add_lanes(state.gradients.conv1_weight[c], workspace.first_gradient[c])
        for o in range(SECOND):
            layers.add_lanes(state.gradients.conv2_weight[o, c], workspace.second_gradient[o, c])


@inlined
def add_gradient(
    state: TrainingState,
    examples: Examples,
    part: slice,
    double_softmax: bool,
    batch_size: int,
    workspace: TrainingBuffers,
) -> float:
    """gradient += Σ that of the losses at these positions / batch size; returns the losses' sum.

    Of at most sixteen positions. Lanes left over have no error.
    """
    network, forward = state.network, workspace.forward
    chosen, units = examples.order[part], examples.units[part]
    first_layer(network, examples.images, chosen, examples.keep_mask[part], forward.maps)
    second_layer(network, forward.maps, forward.features)
    classify(network, forward, forward.maps.keep, units)

    total, share = 0.0, f4(1) / f4(batch_size)
    workspace.logits[:] = f4(0)
    for i in range(chosen.size):
        error, logits, label = workspace.logits[i], forward.logits[i], examples.labels[chosen[i]]
        if double_softmax:
            total += double_softmax_cross_entropy(error, logits, label, workspace.probabilities)
        else:
            total += cross_entropy(error, logits, label)
        for k in range(CLASSES):
            error[k] *= share

    linears_backward(network, state.gradients, units, workspace)
    second_layer_backward(state, workspace)
    first_layer_backward(state, workspace)
    return total


_WORKSPACE = ThreadBuffers(TrainingBuffers, rows=LANES)


def features_gradient(
    network: KernelNetwork,
    images: Float32[Array, "images 28 28"],
    errors: Float32[Array, "images 84"],
) -> Float32[Array, " 61706"]:
    """The gradient of Σ errors · features by the parameters, dropout off; 0 by the last layer's.

    So a network can be trained by any loss of what its last layer reads. The features are computed
    again, which takes less time than to keep the maps of all images.

    Args:
        network: may be used by several threads.
        images: in [0, 1]; resized to 32x32 and normalised on the way.
    """
    if errors.shape != (len(images), HIDDEN_2):
        raise ValueError(f"errors of {errors.shape}; expected ({len(images)}, {HIDDEN_2})")
    images, errors = checked_images(images), np.ascontiguousarray(errors, f4)
    state = TrainingState.start(network._replace(kept_scale=f4(1)))
    masks = checked_masks(network, None, len(images))
    compile_kernels()
    every, workspace = np.arange(len(images)), _WORKSPACE.own
    _add_features_gradient(state, images, every, *masks, errors, workspace)
    return state.gradient


@kernel
def _add_features_gradient(
    state: TrainingState,
    images: Float32[Array, "images 28*28"],
    every: Int64[Array, " images"],
    keep_mask: Bool[Array, "images 22"],
    units: Bool[Array, "unit_rows 204"],
    errors: Float32[Array, "images 84"],
    workspace: TrainingBuffers,
) -> None:
    """gradient += that of all images, sixteen at a time; lanes left over have no error."""
    network, forward = state.network, workspace.forward
    set_linears(forward.linears, network.parameters)
    workspace.second_gradient[:] = f4(0)
    workspace.first_gradient[:] = f4(0)
    for start in range(0, images.shape[0], LANES):
        chosen, masks = every[start : start + LANES], keep_mask[start : start + LANES]
        first_layer(network, images, chosen, masks, forward.maps)
        second_layer(network, forward.maps, forward.features)
        classify(network, forward, forward.maps.keep, units[start : start + LANES])
        workspace.hidden2[:] = f4(0)
        for i in range(chosen.size):
            for k in range(HIDDEN_2):
                workspace.hidden2[i, k] = errors[start + i, k]
        hidden_backward(network, state.gradients, units[start : start + LANES], workspace)
        second_layer_backward(state, workspace)
        first_layer_backward(state, workspace)
    add_all_lanes(state, workspace)


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


add_to_weight1, add_to_weight2 = layers.outer_products(400, 400), layers.outer_products(120, 128)
add_to_weight3 = layers.outer_products(84, 96)
add_to_features, add_to_hidden1, add_to_hidden2 = (
    layers.product(400),
    layers.product(120),
    layers.product(84),
)


@inlined
def linears_backward(
    network: KernelNetwork,
    gradient: Parameters,
    units: Bool[Array, "unit_rows 204"],
    errors: TrainingBuffers,
) -> None:
    """For every layer y = W·x + b with x = f(z): W' += y'ᵀ·x, b' += Σ y', z' = (y'·W) ⊙ f'(z).

    Where dropout drops units, x = d ⊙ f(z) and z' = (y'·W) ⊙ d ⊙ f'(z): f'(z) of ReLU, of units
    that are kept, shows in x too. With tanh it does not.

    The features come from a pool: their errors go through it and its activation in
    `second_layer_backward`.
    """
    parameters, forward = network.parameters, errors.forward
    add_to_weight3(gradient.linear3_weight, errors.logits, forward.hidden2)
    layers.add_rows(gradient.linear3_bias, errors.logits)
    errors.hidden2[:] = f4(0)
    add_to_hidden2(errors.hidden2, errors.logits, parameters.linear3_weight)
    layers.drop_units(errors.hidden2, units[:, HIDDEN_1:], network.unit_scale)
    hidden_backward(network, gradient, units, errors)


@inlined
def hidden_backward(
    network: KernelNetwork,
    gradient: Parameters,
    units: Bool[Array, "unit_rows 204"],
    errors: TrainingBuffers,
) -> None:
    """The same of all linear layers but the last, from the errors of what this one reads."""
    parameters, forward = network.parameters, errors.forward
    layers.through_activation(errors.hidden2, forward.hidden2, network.relu)

    add_to_weight2(gradient.linear2_weight, errors.hidden2, forward.hidden1)
    layers.add_rows(gradient.linear2_bias, errors.hidden2)
    errors.hidden1[:] = f4(0)
    add_to_hidden1(errors.hidden1, errors.hidden2, parameters.linear2_weight)
    layers.drop_units(errors.hidden1, units[:, :HIDDEN_1], network.unit_scale)
    layers.through_activation(errors.hidden1, forward.hidden1, network.relu)

    features = forward.features.reshape(LANES, SECOND * FEATURES)
    add_to_weight1(gradient.linear1_weight, errors.hidden1, features)
    layers.add_rows(gradient.linear1_bias, errors.hidden1)
    errors.rows[:] = f4(0)
    add_to_features(errors.rows, errors.hidden1, parameters.linear1_weight)
    layers.to_lanes(errors.features, errors.rows)


@inlined
def second_layer_backward(state: TrainingState, errors: TrainingBuffers) -> None:
    """The second convolution's gradient, and the errors of the pooled maps that it reads."""
    network, gradient, maps = state.network, state.gradients, errors.forward.maps
    errors.pooled[:] = f4(0)
    for o in range(SECOND):
        scale, error = maps.scales[FIRST + o], errors.second
        gradient.conv2_bias[o] += layers.unpool_second(
            error, errors.features[o], maps.second[o], scale, network.relu
        )
        for c in range(FIRST):
            if maps.used[c]:
                layers.add_second_weight_gradient(
                    errors.second_gradient[o, c], error, maps.pooled[c]
                )
                weight = network.parameters.conv2_weight[o, c]
                layers.add_backward_convolution(errors.pooled[c], error, weight)


@inlined
def first_layer_backward(state: TrainingState, errors: TrainingBuffers) -> None:
    """The first convolution's gradient."""
    network, gradient, maps = state.network, state.gradients, errors.forward.maps
    for c in range(FIRST):
        if maps.used[c]:
            gradient.conv1_bias[c] += layers.unpool_first(
                errors.first, errors.pooled[c], maps.first[c], maps.scales[c], network.relu
            )
            layers.add_first_weight_gradient(errors.first_gradient[c], errors.first, maps.pixels)


@kernel
def descend(state: TrainingState, descent: Descent, batch: int) -> None:
    """A step against the gradient of a batch, by its number.

    The L2 penalty is a part of the gradient; weight decay acts on the parameters before the step.
    """
    rate, parameters, gradient = descent.rates[batch], state.parameters, state.gradient
    if descent.weight_decay > 0:
        for i in range(parameters.size):
            parameters[i] *= f4(1 - rate * descent.weight_decay)
    if descent.l2_penalty > 0:
        for i in range(parameters.size):
            gradient[i] += f4(descent.l2_penalty) * parameters[i]
    state.steps[0] += 1
    if descent.by_adam:
        adam_step(state, rate)
    else:
        sgd_step(state, rate, descent.momentum)


@kernel
def sgd_step(state: TrainingState, learning_rate: float, momentum: float) -> None:
    """One update of SGD with momentum μ, as torch.optim.SGD does it.

    m = μ m + g,  θ −= lr · m
    """
    parameters, moment = state.parameters, state.first_moment
    rate, kept = f4(learning_rate), f4(momentum)
    for i in range(parameters.size):
        moment[i] = kept * moment[i] + state.gradient[i]
        parameters[i] -= rate * moment[i]


@kernel
def adam_step(state: TrainingState, learning_rate: float) -> None:
    """One update of Adam (Kingma and Ba 2015), the step-th from 1, as torch.optim.Adam does it.

    m = β₁ m + (1 − β₁) g,  v = β₂ v + (1 − β₂) g²,
    θ −= lr / (1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + ε)  with β₁ = 0.9, β₂ = 0.999, ε = 1e-8
    """
    step, parameters, gradient = state.steps[0], state.parameters, state.gradient
    first, second = state.first_moment, state.second_moment
    rate = f4(learning_rate / (1 - 0.9**step))
    unbias = f4(1 / np.sqrt(1 - 0.999**step))
    for i in range(parameters.size):
        g = gradient[i]
        first[i] += f4(0.1) * (g - first[i])
        second[i] += f4(0.001) * (g * g - second[i])
        parameters[i] -= rate * first[i] / (np.sqrt(second[i]) * unbias + f4(1e-8))
