"""Adam (Kingma and Ba 2015), as torch.optim.Adam computes it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from methods.engines.lenet5_kernels.compilation import kernel
from methods.engines.lenet5_kernels.layout import Array, f4


@kernel
def adam_step(
    parameters: Float32[Array, " size"],
    first: Float32[Array, " size"],
    second: Float32[Array, " size"],
    gradient: Float32[Array, " size"],
    step: int,
    learning_rate: float,
) -> None:
    """One update, the step-th counted from 1, with β₁ = 0.9, β₂ = 0.999, ε = 1e-8.

    m = β₁ m + (1 − β₁) g,  v = β₂ v + (1 − β₂) g²,
    θ −= lr / (1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + ε)
    """
    rate = f4(learning_rate / (1 - 0.9**step))
    unbias = f4(1 / np.sqrt(1 - 0.999**step))
    for i in range(parameters.size):
        g = gradient[i]
        first[i] += f4(0.1) * (g - first[i])
        second[i] += f4(0.001) * (g * g - second[i])
        parameters[i] -= rate * first[i] / (np.sqrt(second[i]) * unbias + f4(1e-8))
