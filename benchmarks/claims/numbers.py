"""The numbers of claims: rows of them, and intervals over networks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from jaxtyping import Float64
from scipy import stats

from benchmarks.inference.intervals import Estimate, Part
from benchmarks.schema import where
from benchmarks.vocabulary import CONFIDENCE


class ValueRange(NamedTuple):
    """An estimate with the bounds of its 95 % interval, NaN where there can be none."""

    value: float
    lower: float = math.nan
    upper: float = math.nan

    @classmethod
    def around(cls, value: float, half_width: float) -> ValueRange:
        """As far below the value as above it; NaN for none."""
        return cls(value, value - half_width, value + half_width)

    def above(self, bound: float = 0.0) -> bool:
        """Whether the whole interval lies above the bound; never without an interval."""
        return bool(self.lower > bound)

    def below(self, bound: float = 0.0) -> bool:
        """Whether the whole interval lies below the bound; never without an interval."""
        return bool(self.upper < bound)

    def text(self, digits: str = ".3f", *, named: bool = False) -> str:
        """The value, and its bounds if there are any; ``named``: with what the brackets give.

        >>> ValueRange(0.5, 0.4, 0.6).text(".1f"), ValueRange(-0.5).text("+.2f")
        ('0.5 (0.4 to 0.6)', '−0.50')
        """
        value, lower, upper = (f"{bound:{digits}}".replace("-", "−") for bound in self)
        if math.isnan(self.lower):
            return value
        return f"{value} ({'95 % interval: ' if named else ''}{lower} to {upper})"

    def percent(self, digits: int = 0, *, named: bool = False) -> str:
        """A share as a percentage, as `text` gives a value.

        >>> ValueRange(0.5, 0.4, 0.6).percent(named=True), ValueRange(0.5).percent()
        ('50 % (95 % interval: 40 to 60 %)', '50 %')
        """
        text = ValueRange(*(100 * bound for bound in self)).text(f".{digits}f", named=named)
        value, bracket, bounds = text.partition(" (")
        return f"{value} %{bracket}{bounds.replace(')', ' %)')}"


KEYS = ("method", "condition", "score", "case")
"""The columns that say what a number is of, beside its metric; see `benchmarks.schema.ClaimRow`."""


def rows(metric: str, values: float | Iterable[float] | ValueRange, **keys: str) -> pd.DataFrame:
    """The rows of a metric: one a network, or a single one of a number or an interval.

    Args:
        keys: the columns of `KEYS` that are not empty.

    >>> rows("votes", [3.0, 5.0], case="8")[["metric", "case", "network", "value"]]
      metric case  network  value
    0  votes    8      0.0    3.0
    1  votes    8      1.0    5.0
    """
    names = {"metric": metric, **dict.fromkeys(KEYS, ""), **keys}
    if isinstance(values, float):
        values = ValueRange(values)
    if isinstance(values, ValueRange):
        return pd.DataFrame({**names, "network": math.nan, **values._asdict()}, index=[0])
    numbers = list(values)
    columns = {"network": np.arange(len(numbers), dtype=float), "value": numbers}
    return pd.DataFrame({**names, **columns, "lower": math.nan, "upper": math.nan})


def values(table: pd.DataFrame, metric: str, **keys: str) -> Float64[np.ndarray, " networks"]:
    """The values that `rows` made of these arguments."""
    numbers: Float64[np.ndarray, " networks"] = _selected(table, metric, keys)["value"].to_numpy()
    return numbers


def interval(table: pd.DataFrame, metric: str, **keys: str) -> ValueRange:
    """The interval that `rows` made a row of."""
    (row,) = _selected(table, metric, keys)[list(ValueRange._fields)].itertuples(index=False)
    return ValueRange(*row)


def _selected(table: pd.DataFrame, metric: str, keys: Mapping[str, str]) -> pd.DataFrame:
    return where(table, metric=metric, **{**dict.fromkeys(KEYS, ""), **keys})


def over_networks(values: npt.ArrayLike) -> ValueRange:
    """The mean of a value, or of a paired difference, of each network: Student's t interval.

    Several ensembles of disjoint networks count as networks do. One value has no interval.

    >>> [round(bound, 3) for bound in over_networks([0.1, 0.2, 0.3])]
    [0.2, -0.048, 0.448]
    """
    known = np.asarray(values, dtype=np.float64)
    value, count = float(known.mean()), len(known)
    if count == 1:
        return ValueRange(value)
    spread = Part(float(known.std(ddof=1)) / math.sqrt(count), count - 1)
    return ValueRange.around(value, Estimate(value, (spread,)).half_width)


def share_of_networks(holds: Sequence[bool]) -> ValueRange:
    """The share of networks for which something holds: Clopper and Pearson's interval.

    >>> [round(bound, 2) for bound in share_of_networks([True] * 19 + [False] * 31)]
    [0.38, 0.25, 0.53]
    """
    test = stats.binomtest(sum(map(bool, holds)), len(holds))
    exact = test.proportion_ci(CONFIDENCE)
    return ValueRange(test.statistic, exact.low, exact.high)


FEWEST = 3
"""How many networks of a kind a jackknife takes."""


def jackknife(value: float, *left_out: Sequence[float]) -> ValueRange:
    """A statistic of one or more samples of networks with its 95 % interval (Student's t).

    The variance is the sum over the samples of (n − 1)/n Σ (left out − their mean)² (Efron & Stein
    1981), with Satterthwaite's degrees of freedom. Fewer than three networks of a sample have no
    interval.

    Args:
        left_out: of each sample, the statistic without each of its networks.

    >>> [round(bound, 3) for bound in jackknife(0.2, [0.15, 0.2, 0.25])]
    [0.2, -0.048, 0.448]
    """
    if min(map(len, left_out)) < FEWEST:
        return ValueRange(value)
    parts = [(len(values) - 1) * float(np.var(values)) for values in left_out]
    variance = sum(parts)
    spread = sum(part**2 / (len(each) - 1) for part, each in zip(parts, left_out, strict=True))
    degrees = variance**2 / spread if spread else math.inf
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, degrees)) * math.sqrt(variance)
    return ValueRange.around(value, reach)


def rank_correlation(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Spearman's: the correlation of the ranks, ties at their mean rank; NaN of constants.

    >>> round(rank_correlation([1, 2, 3, 4], [1, 2, 4, 3]), 6)
    0.8
    """
    both = pd.DataFrame({"first": np.asarray(first), "second": np.asarray(second)})
    return float(both.corr("spearman").to_numpy()[0, 1])
