"""How many digits of a number are printed: as many as its uncertainty leaves meaning to."""

from __future__ import annotations

import math

FEWEST, MOST = 3, 6
"""Decimals of a number whose uncertainty is not known."""

ENOUGH = 4
"""Decimals that 10,000 images can fill; only small values are printed with more."""


def rounded(value: float, half_width: float = math.nan) -> tuple[str, str]:
    """A value and the half-width of its interval, to the same decimals; the latter may be empty.

    The half-width keeps two digits if it begins with 100 to 354, else one, as the Particle Data
    Group rounds. A value without one keeps three decimals, or as many more as show two of its
    digits.

    >>> rounded(0.95874, 0.00423), rounded(0.95874, 0.0223), rounded(12.34, 4.2)
    (('0.959', '0.004'), ('0.959', '0.022'), ('12', '4'))
    >>> rounded(0.95874), rounded(0.00020541), rounded(math.inf)
    (('0.959', ''), ('0.00021', ''), ('∞', ''))
    """
    if math.isinf(value):
        return ("∞" if value > 0 else "−∞"), ""
    if math.isfinite(half_width) and half_width > 0:
        most = max(ENOUGH, _decimals_of_value(value))
        decimals = min(most, _decimals_of_half_width(half_width))
    else:
        decimals = _decimals_of_value(value)
    spread = f"{half_width:.{decimals}f}" if math.isfinite(half_width) else ""
    return _signed(value, decimals), spread


def _decimals_of_half_width(half_width: float) -> int:
    mantissa, exponent = f"{half_width:.2e}".split("e")
    digits = 2 if float(mantissa) < 3.55 else 1
    return max(0, digits - 1 - int(exponent))


def _decimals_of_value(value: float) -> int:
    if value == 0:
        return FEWEST
    return min(MOST, max(FEWEST, 1 - math.floor(math.log10(abs(value)))))


def _signed(value: float, decimals: int) -> str:
    """With a true minus sign, and never a negative zero."""
    text = f"{value:.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")
