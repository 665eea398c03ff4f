"""The cross-entropy of a row of logits, its gradient, and the article's slip."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from methods.engines.lenet5_kernels.compilation import inlined, kernel
from methods.engines.lenet5_kernels.layout import CLASSES, Array, f4


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
