"""How many digits are printed."""

from __future__ import annotations

import math

import pytest

from benchmarks.report.number_format import rounded


@pytest.mark.parametrize(
    ("value", "half_width", "expected"),
    [
        (0.9576, 0.00354, ("0.9576", "0.0035")),
        (0.9576, 0.00356, ("0.958", "0.004")),
        (0.9576, 0.0096, ("0.958", "0.010")),
        (2.78, 17.3, ("3", "17")),
        (1234.0, 250.0, ("1234", "250")),
        (-0.00004, 0.001, ("0.0000", "0.0010")),
        (-0.25, 0.04, ("−0.25", "0.04")),
        (1.0, 0.0, ("1.000", "0.000")),
        (0.9999994, 0.0000026, ("1.0000", "0.0000")),
        (0.00020541, 0.0000234, ("0.00021", "0.00002")),
        (0.0, math.nan, ("0.000", "")),
        (12.3456, math.nan, ("12.346", "")),
        (0.0000001, math.nan, ("0.000000", "")),
        (-math.inf, math.nan, ("−∞", "")),
    ],
)
def test_digits_follow_the_uncertainty(
    value: float, half_width: float, expected: tuple[str, str]
) -> None:
    assert rounded(value, half_width) == expected
