"""Training: the gradient of a batch's loss, backwards to every parameter, and Adam's steps."""

from __future__ import annotations

from typing import Literal, NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Float32, Int64

from methods.engines.lenet5_kernels.compilation import compile_kernels, inlined, kernel
from methods.engines.lenet5_kernels.forward import (
    ForwardBuffers,
    classify,
    first_layer,
    second_layer,
    set_linears,
)
from methods.engines.lenet5_kernels.layers import (
    add_backward_convolution,
    add_first_weight_gradient,
    add_product,
    add_rows,
    add_second_weight_gradient,
    shift_left,
    shift_right,
    through_activation,
    unpool_first,
    unpool_second,
)
from methods.engines.lenet5_kernels.layout import (
    CLASSES,
    FEATURES,
    FIRST,
    PIXELS,
    POOLED_MAP,
    SECOND,
    Array,
    KernelNetwork,
    Parameters,
    buffers,
    checked_images,
    checked_indices,
    checked_mask,
    f4,
    views,
)

Loss = Literal["logits", "softmax"]


class TrainingState(NamedTuple):
    """A network in training, which is changed in place.

    Attributes:
        parameters, first_moment, second_moment: and what Adam remembers of them.
        gradient: of the last batch.
        steps: of Adam so far, the only number.
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
        """Before the first step; the network is copied. Its dropout is that of the masks drawn."""
        vector = np.concatenate([tensor.ravel() for tensor in network.parameters])
        first, second, gradient = (np.zeros_like(vector) for _ in range(3))
        own = network._replace(parameters=views(vector))
        return cls(vector, first, second, gradient, np.zeros(1, np.int64), own, views(gradient))


class Examples(NamedTuple):
    """What is trained on: which image comes at each position, and what dropout keeps there."""

    images: Float32[Array, "images 28*28"]
    labels: Int64[Array, " images"]
    order: Int64[Array, " positions"]
    keep_mask: Bool[Array, "positions 22"]


def train_epoch(
    state: TrainingState,
    images: Float32[Array, "images 28 28"],
    labels: Int64[Array, " images"],
    order: Int64[Array, " positions"],
    keep_mask: Bool[Array, "positions 22"] | None,
    *,
    loss: Loss,
    batch_size: int,
    learning_rate: float,
) -> float:
    """Train on the images in the given order; changes ``state`` and returns the mean loss.

    Args:
        state: belongs to one thread at a time; images, labels, order and masks may be shared.
        images: in [0, 1]; resized to 32x32 and normalised on the way.
        labels: 0 to 9.
        order: which image comes at each position; the last batch may be smaller.
        keep_mask: the channels that dropout keeps at each position; None keeps all.
        loss: what the cross-entropy is computed on; ``"softmax"`` is the article's double softmax.
        batch_size, learning_rate: of Adam's steps.

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
    examples = Examples(
        checked_images(images),
        checked_indices(labels, CLASSES, "labels"),
        checked_indices(order, len(images), "the order"),
        checked_mask(keep_mask, len(order)),
    )
    compile_kernels()
    workspace = buffers(TrainingBuffers, images=TOGETHER, rows=TOGETHER)
    double_softmax = loss == "softmax"
    total = _train(state, examples, double_softmax, batch_size, float(learning_rate), workspace)
    return total / len(order)


TOGETHER = 64
"""Images that pass the linear layers together; a larger batch takes several rounds."""


class TrainingBuffers(NamedTuple):
    """Buffers for one network in training, about 4 MB for `TOGETHER` images.

    After the way forwards come errors, the loss's derivatives: of what the linear layers read and
    write, for all images; then of one image's maps, whose margins and padding stay zero.
    """

    forward: ForwardBuffers
    features: Float32[Array, "images 400"]
    hidden1: Float32[Array, "images 120"]
    hidden2: Float32[Array, "images 84"]
    logits: Float32[Array, "images 10"]
    second: Float32[Array, " 10*16"]
    shifted: Float32[Array, " 5*18*16"]
    pooled: Float32[Array, "6 14*16"]
    first: Float32[Array, " 28*32"]
    reversed_weight: Float32[Array, "16 6 25"]
    probabilities: Float32[Array, " 10"]


@kernel
def _train(
    state: TrainingState,
    examples: Examples,
    double_softmax: bool,
    batch_size: int,
    learning_rate: float,
    workspace: TrainingBuffers,
) -> float:
    """A step of Adam for every batch; returns the sum of the losses."""
    total, parameters = 0.0, state.network.parameters
    for start in range(0, examples.order.size, batch_size):
        end = min(start + batch_size, examples.order.size)
        set_linears(workspace.forward.linears, parameters)
        reverse_rows(workspace.reversed_weight, parameters.conv2_weight)
        state.gradient[:] = f4(0)
        for begin in range(start, end, TOGETHER):
            part = slice(begin, min(begin + TOGETHER, end))
            total += add_gradient(state, examples, part, double_softmax, end - start, workspace)
        adam_step(state, learning_rate)
    return total


@inlined
def add_gradient(
    state: TrainingState,
    examples: Examples,
    part: slice,
    double_softmax: bool,
    batch_size: int,
    workspace: TrainingBuffers,
) -> float:
    """gradient += Σ that of the losses at these positions / batch size; returns the losses' sum."""
    network, forward = state.network, workspace.forward
    chosen, keep_mask = examples.order[part], examples.keep_mask[part]
    for i in range(chosen.size):
        first_layer(network, examples.images[chosen[i]], keep_mask[i], forward.maps, i)
        second_layer(network, keep_mask[i], forward.maps, i, forward.features[i])
    classify(forward, keep_mask, network.relu)

    total, share = 0.0, f4(1) / f4(batch_size)
    for i in range(chosen.size):
        error, logits, label = workspace.logits[i], forward.logits[i], examples.labels[chosen[i]]
        if double_softmax:
            total += double_softmax_cross_entropy(error, logits, label, workspace.probabilities)
        else:
            total += cross_entropy(error, logits, label)
        for k in range(CLASSES):
            error[k] *= share

    linears_backward(network, state.gradients, workspace, chosen.size)
    for i in range(chosen.size):
        second_layer_backward(state, keep_mask[i], i, workspace)
        first_layer_backward(state, keep_mask[i], i, workspace)
    return total


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


@inlined
def linears_backward(
    network: KernelNetwork, gradient: Parameters, errors: TrainingBuffers, rows: int
) -> None:
    """For every layer y = W·x + b with x = f(z): W' += y'ᵀ·x, b' += Σ y', z' = (y'·W) ⊙ f'(z).

    The features come from a pool: their errors go through it and its activation in
    `second_layer_backward`.
    """
    parameters, forward, logits_error = network.parameters, errors.forward, errors.logits[:rows]
    hidden1, hidden1_error = forward.hidden1[:rows], errors.hidden1[:rows]
    hidden2, hidden2_error = forward.hidden2[:rows], errors.hidden2[:rows]
    features, features_error = forward.features[:rows], errors.features[:rows]
    add_product(gradient.linear3_weight, logits_error.T, hidden2)
    add_rows(gradient.linear3_bias, logits_error)
    hidden2_error[:] = f4(0)
    add_product(hidden2_error, logits_error, parameters.linear3_weight)
    through_activation(hidden2_error, hidden2, network.relu)

    add_product(gradient.linear2_weight, hidden2_error.T, hidden1)
    add_rows(gradient.linear2_bias, hidden2_error)
    hidden1_error[:] = f4(0)
    add_product(hidden1_error, hidden2_error, parameters.linear2_weight)
    through_activation(hidden1_error, hidden1, network.relu)

    add_product(gradient.linear1_weight, hidden1_error.T, features.reshape(-1, SECOND * FEATURES))
    add_rows(gradient.linear1_bias, hidden1_error)
    features_error[:] = f4(0)
    add_product(features_error, hidden1_error, parameters.linear1_weight)


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
    state: TrainingState, keep_mask: Bool[Array, " 22"], i: int, errors: TrainingBuffers
) -> None:
    """The second convolution's gradient, and the errors of the pooled maps that it reads."""
    network, gradient, maps = state.network, state.gradients, errors.forward.maps
    for c in range(FIRST):
        if keep_mask[c]:
            shift_left(maps.shifted[c], maps.pooled[i, c], POOLED_MAP)
            errors.pooled[c, :] = f4(0)
    for o in range(SECOND):
        if keep_mask[FIRST + o]:
            source, values = (
                errors.features[i, FEATURES * o : FEATURES * (o + 1)],
                maps.second[i, o],
            )
            gradient.conv2_bias[o] += unpool_second(
                errors.second, source, values, network.kept_scale, network.relu
            )
            shift_right(errors.shifted, errors.second)
            for c in range(FIRST):
                if keep_mask[c]:
                    weight, reverse = gradient.conv2_weight[o, c], errors.reversed_weight[o, c]
                    add_second_weight_gradient(weight, errors.second, maps.shifted[c])
                    add_backward_convolution(errors.pooled[c], errors.shifted, reverse)


@inlined
def first_layer_backward(
    state: TrainingState, keep_mask: Bool[Array, " 22"], i: int, errors: TrainingBuffers
) -> None:
    """The first convolution's gradient."""
    network, gradient, maps = state.network, state.gradients, errors.forward.maps
    shift_left(maps.pixels, maps.row[i], PIXELS)
    for c in range(FIRST):
        if keep_mask[c]:
            gradient.conv1_bias[c] += unpool_first(
                errors.first, errors.pooled[c], maps.first[i, c], network.kept_scale, network.relu
            )
            add_first_weight_gradient(gradient.conv1_weight[c], errors.first, maps.pixels)


@kernel
def adam_step(state: TrainingState, learning_rate: float) -> None:
    """One update of Adam (Kingma and Ba 2015), the step-th from 1, as torch.optim.Adam does it.

    m = β₁ m + (1 − β₁) g,  v = β₂ v + (1 − β₂) g²,
    θ −= lr / (1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + ε)  with β₁ = 0.9, β₂ = 0.999, ε = 1e-8
    """
    state.steps[0] += 1
    step, parameters, gradient = state.steps[0], state.parameters, state.gradient
    first, second = state.first_moment, state.second_moment
    rate = f4(learning_rate / (1 - 0.9**step))
    unbias = f4(1 / np.sqrt(1 - 0.999**step))
    for i in range(parameters.size):
        g = gradient[i]
        first[i] += f4(0.1) * (g - first[i])
        second[i] += f4(0.001) * (g * g - second[i])
        parameters[i] -= rate * first[i] / (np.sqrt(second[i]) * unbias + f4(1e-8))
