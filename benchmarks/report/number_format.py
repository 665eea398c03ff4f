"""Numbers in print, with as many digits as their uncertainty justifies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

UNDEFINED = "—"

LEAST_DECIMALS, MOST_DECIMALS = 3, 6
"""Decimals of a number whose uncertainty is not known."""

DECIMALS_OF_IMAGES = 4
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
    first_digits = 1 - math.floor(math.log10(abs(value))) if value else 0
    decimals = min(MOST_DECIMALS, max(LEAST_DECIMALS, first_digits))
    if math.isfinite(half_width) and half_width > 0:
        mantissa, exponent = f"{half_width:.2e}".split("e")
        own = (1 if float(mantissa) < 3.55 else 0) - int(exponent)
        decimals = min(max(DECIMALS_OF_IMAGES, decimals), max(0, own))
    spread = f"{half_width:.{decimals}f}" if math.isfinite(half_width) else ""
    return _signed(value, decimals), spread


def alike(values: Sequence[float], half_width: float) -> list[str]:
    """Several values to the same decimals, as many as `rounded` gives the first of them.

    >>> alike([0.0061, 0.00204, 0.0102], 0.0041)
    ['0.006', '0.002', '0.010']
    """
    decimals = len(rounded(values[0], half_width)[0].partition(".")[2])
    return [_signed(value, decimals) for value in values]


def plain(value: float) -> str:
    """Counts as counts, other numbers as `rounded` writes them.

    >>> plain(50.0), plain(0.95874), plain(math.inf)
    ('50', '0.959', '∞')
    """
    is_count = math.isfinite(value) and value == round(value)
    return f"{value:g}" if is_count else rounded(value)[0]


def three_decimals(value: float) -> str:
    """A measure of a single image.

    >>> three_decimals(0.1), three_decimals(math.nan)
    ('0.100', '—')
    """
    return UNDEFINED if math.isnan(value) else f"{value:.3f}"


def two_digits(value: float) -> str:
    """As few digits as a reader needs.

    >>> two_digits(0.2862), two_digits(10.52), two_digits(1456.9)
    ('0.29', '11', '1,500')
    """
    return f"{float(f'{value:.2g}'):,g}"


def between(lower: str, upper: str) -> str:
    """The range of two worths, in brackets of a table.

    >>> between("1.1", "2.4"), between("1.4", ">20")
    ('1.1–2.4', '1.4 to >20')
    """
    return f"{lower} to {upper}" if f"{lower}{upper}".strip("0123456789.") else f"{lower}–{upper}"


def networks(text: str) -> float:
    """A worth, or a bound of it, as `answer.csv` has it; beyond the sizes it is open.

    >>> networks("2.5"), networks("<1"), networks(">50")
    (2.5, 0.0, inf)
    """
    if text.startswith("<"):
        return 0.0
    return math.inf if text.startswith(">") else float(text)


def spread(values: Sequence[float]) -> str:
    """The mean and the range; of values above 1 that are no counts, one decimal.

    >>> spread([0.5, 0.25]), spread([1.0, 2.5]), spread([7.0])
    ('0.375 [0.250 to 0.500, n = 2]', '1.8 [1 to 2.5, n = 2]', '7')
    """
    mean, lowest, highest = (
        f"{value:.1f}" if max(values) > 1 and value != round(value) else plain(value)
        for value in (fmean(values), min(values), max(values))
    )
    return mean if len(values) == 1 else f"{mean} [{lowest} to {highest}, n = {len(values)}]"


def _signed(value: float, decimals: int) -> str:
    """With a true minus sign, and never a negative zero."""
    text = f"{value:.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")
