"""Activations against NumPy."""

from __future__ import annotations

import numpy as np

from methods.engines.lenet5_kernels.layers import activate


def test_tanh_is_exact_to_a_millionth() -> None:
    points = np.concatenate([np.linspace(-12, 12, 100_001), [-1e30, 1e30, -np.inf, np.inf, 0]])
    values = points.astype(np.float32)[None]
    expected = np.tanh(values.astype(np.float64))
    activate(values, False)
    assert np.abs(values - expected).max() < 1e-6
