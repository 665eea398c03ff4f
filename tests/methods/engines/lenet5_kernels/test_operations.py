"""Activations against NumPy."""

from __future__ import annotations

import numpy as np

from methods.engines.lenet5_kernels.enumeration import apply_double_exp
from methods.engines.lenet5_kernels.layers import activate
from methods.engines.lenet5_kernels.layout import exp


def test_tanh_is_exact_to_a_millionth() -> None:
    points = np.concatenate([np.linspace(-12, 12, 100_001), [-1e30, 1e30, -np.inf, np.inf, 0]])
    values = points.astype(np.float32)[None]
    expected = np.tanh(values.astype(np.float64))
    activate(values, False)
    assert np.abs(values - expected).max() < 1e-6


def test_exp_is_exact_to_seven_digits() -> None:
    values = np.linspace(-43.4, 43.4, 100_001).astype(np.float32)[None]
    expected = np.exp(2 * values.astype(np.float64))
    apply_double_exp(values)
    assert np.abs(values / expected - 1).max() < 2e-7


def test_exp_beyond_its_range_is_clamped() -> None:
    low, high = exp(np.float32(-1e9)), exp(np.float32(1e9))
    assert 0 < low < 1e-37
    assert 1e37 < high < np.inf


def test_nan_passes_through_tanh() -> None:
    values = np.full((1, 40), np.nan, np.float32)
    activate(values, False)
    assert np.isnan(values).all()
