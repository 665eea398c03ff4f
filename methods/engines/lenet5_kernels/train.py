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
    """A network in training: what it changes in place, and the constants of the network.

    Attributes:
        parameters, first_moment, second_moment: and what Adam remembers of them.
        gradient: of the last batch.
        constants: of the network; dropout is of the probability that masks are drawn with.
        steps: of Adam so far.
    """

    parameters: Float32[Array, " 61706"]
    first_moment: Float32[Array, " 61706"]
    second_moment: Float32[Array, " 61706"]
    gradient: Float32[Array, " 61706"]
    constants: Constants
    steps: int = 0

    @classmethod
    def start(
        cls,
        parameters: Float32[Array, " 61706"],
        *,
        mean: float,
        std: float,
        dropout: float = 0.0,
        relu: bool = False,
    ) -> Self:
        """Before the first step; the parameters are copied. See `Network.of`."""
        vector = check.parameters(parameters).copy()
        first, second, gradient = (np.zeros_like(vector) for _ in range(3))
        constants = check.constants(mean, std, dropout, relu)
        return cls(vector, first, second, gradient, constants)


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
    images, labels = check.images(images), check.labels(labels, len(images))
    order = check.order(order, len(images))
    keep_mask = check.keep_mask(keep_mask, len(order))
    compile_kernels()
    total = _train_batches(
        state.parameters,
        state.first_moment,
        state.second_moment,
        state.gradient,
        state.steps,
        views(state.parameters),
        views(state.gradient),
        images,
        labels,
        order,
        keep_mask,
        state.constants,
        loss == "softmax",
        batch_size,
        float(learning_rate),
        buffers(TrainingWorkspace, images=TOGETHER, rows=TOGETHER),
    )
    state.steps += -(-len(order) // batch_size)
    return total / len(order)


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
