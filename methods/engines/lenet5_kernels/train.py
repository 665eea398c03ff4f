"""Training: batches of images become gradients, gradients become Adam's steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from jaxtyping import Bool, Float32, Int64

from methods.engines.lenet5_kernels import check
from methods.engines.lenet5_kernels.compilation import compile_kernels, kernel
from methods.engines.lenet5_kernels.forward import set_linears
from methods.engines.lenet5_kernels.gradient import (
    TOGETHER,
    TrainingWorkspace,
    add_gradient,
    reverse_rows,
)
from methods.engines.lenet5_kernels.layout import (
    PARAMETERS,
    Array,
    Constants,
    Parameters,
    buffers,
    f4,
    views,
)

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
    keep_mask: Bool[Array, "positions 22"] | None,
    *,
    loss: Loss,
    mean: float,
    std: float,
    dropout: float,
    batch_size: int,
    learning_rate: float,
    relu: bool = False,
) -> float:
    """Train on the images in the given order; changes ``state`` and returns the mean loss.

    Args:
        state: belongs to one thread at a time; images, labels, order and masks may be shared.
        images: in [0, 1]; resized to 32x32 and normalised on the way.
        labels: 0 to 9.
        order: which image comes at each position; the last batch may be smaller.
        keep_mask: the channels that dropout keeps at each position; None keeps all.
        loss: what the cross-entropy is computed on; ``"softmax"`` is the article's double softmax.
        mean, std: the normalisation, ``(image - mean) / std``.
        dropout: probability p that a channel was dropped; kept ones are scaled by 1 / (1 - p).
        batch_size, learning_rate: of Adam's steps.
        relu: whether the network has ReLU and max pooling instead of tanh and average pooling.

    Returns:
        The mean over all positions, that of each batch before its step. That training did
        not diverge, loss and parameters show together: no loss has seen the last step.
    """
    mean_loss, _ = _train(
        state,
        images,
        labels,
        order,
        keep_mask,
        check.constants(mean, std, dropout, relu),
        loss,
        batch_size,
        learning_rate,
    )
    return mean_loss


def loss_gradient(
    parameters: Float32[Array, " 61706"],
    images: Float32[Array, "images 28 28"],
    labels: Int64[Array, " images"],
    keep_mask: Bool[Array, "images 22"] | None,
    *,
    loss: Loss,
    mean: float,
    std: float,
    dropout: float,
    relu: bool = False,
) -> tuple[float, Float32[Array, " 61706"]]:
    """The mean loss over the images and its gradient; arguments as those of `train_epoch`.

    It is one batch of training at learning rate 0: a window into the training kernel.
    """
    state, order = TrainingState.start(parameters), np.arange(len(images))
    constants = check.constants(mean, std, dropout, relu)
    return _train(state, images, labels, order, keep_mask, constants, loss, len(images), 0.0)


def _train(
    state: TrainingState,
    images: Float32[Array, "images 28 28"],
    labels: Int64[Array, " images"],
    order: Int64[Array, " positions"],
    keep_mask: Bool[Array, "positions 22"] | None,
    constants: Constants,
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
    order = check.order(order, len(images))
    keep_mask = check.keep_mask(keep_mask, len(order))
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
        keep_mask,
        constants,
        loss == "softmax",
        batch_size,
        float(learning_rate),
        buffers(TrainingWorkspace, images=TOGETHER, rows=TOGETHER),
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
    keep_mask: Bool[Array, "positions 22"],
    constants: Constants,
    double_softmax: bool,
    batch_size: int,
    learning_rate: float,
    workspace: TrainingWorkspace,
) -> float:
    """A step of Adam for every batch; returns the sum of the losses."""
    total = 0.0
    for start in range(0, order.size, batch_size):
        chosen, masks = order[start : start + batch_size], keep_mask[start : start + batch_size]
        set_linears(workspace.linears, parameters)
        reverse_rows(workspace.reversed_weight, parameters.conv2_weight)
        gradient_vector[:] = f4(0)
        for begin in range(0, chosen.size, TOGETHER):
            total += add_gradient(
                parameters,
                gradient,
                images,
                labels,
                chosen[begin : begin + TOGETHER],
                masks[begin : begin + TOGETHER],
                constants,
                double_softmax,
                chosen.size,
                workspace,
            )
        steps += 1
        adam_step(vector, first_moment, second_moment, gradient_vector, steps, learning_rate)
    return total


@kernel
def adam_step(
    parameters: Float32[Array, " size"],
    first: Float32[Array, " size"],
    second: Float32[Array, " size"],
    gradient: Float32[Array, " size"],
    step: int,
    learning_rate: float,
) -> None:
    """One update of Adam (Kingma and Ba 2015), the step-th from 1, as torch.optim.Adam does it.

    m = β₁ m + (1 − β₁) g,  v = β₂ v + (1 − β₂) g²,
    θ −= lr / (1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + ε)  with β₁ = 0.9, β₂ = 0.999, ε = 1e-8
    """
    rate = f4(learning_rate / (1 - 0.9**step))
    unbias = f4(1 / np.sqrt(1 - 0.999**step))
    for i in range(parameters.size):
        g = gradient[i]
        first[i] += f4(0.1) * (g - first[i])
        second[i] += f4(0.001) * (g * g - second[i])
        parameters[i] -= rate * first[i] / (np.sqrt(second[i]) * unbias + f4(1e-8))
