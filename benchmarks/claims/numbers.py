"""The numbers of claims: rows of them, intervals, and rank statistics with such intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from jaxtyping import Float64
from scipy import stats

from benchmarks.inference.intervals import FEWEST_OF_A_KIND, Estimate, Part
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


NO_INTERVAL = ValueRange(math.nan)


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
    return _mean(known) if len(known) > 1 else ValueRange(float(known.mean()))


def _mean(known: Float64[np.ndarray, " networks"], *further: Part) -> ValueRange:
    """The mean of the networks' values; its interval is of their spread and of further parts."""
    count = len(known)
    spread = [Part(float(known.std(ddof=1)) / math.sqrt(count), count - 1)] if count > 1 else []
    mean = Estimate(float(known.mean()), (*spread, *further))
    return ValueRange.around(mean.value, mean.half_width)


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


class Placements(NamedTuple):
    """The placement of each image among those of the other kind (DeLong et al. 1988, equation 5).

    For a positive image the share of negatives that score lower, for a negative one the share of
    positives that score higher; ties count one half. The mean of either is a network's AUROC.

    >>> Placements.of(np.array([[0.1, 0.4]]), np.array([[0.4, 0.8]])).positives
    array([[0.75, 1.  ]])
    """

    negatives: Float64[np.ndarray, "networks negatives"]
    positives: Float64[np.ndarray, "networks positives"]

    @classmethod
    def of(
        cls,
        negative: Float64[np.ndarray, "networks negatives"],
        positive: Float64[np.ndarray, "networks positives"],
    ) -> Placements:
        """From the scores of both kinds of images; a higher score means more uncertain."""
        ranks = stats.rankdata(np.concatenate([negative, positive], axis=1), axis=1)
        count = negative.shape[1]
        below = (ranks[:, count:] - stats.rankdata(positive, axis=1)) / count
        above = 1 - (ranks[:, :count] - stats.rankdata(negative, axis=1)) / positive.shape[1]
        return cls(above, below)

    def __sub__(self, other: Placements) -> Placements:
        """The placements of a paired difference of AUROCs; either may be of a single network."""
        return Placements(self.negatives - other.negatives, self.positives - other.positives)


def auroc_interval(sets: Sequence[Placements]) -> ValueRange:
    """The mean over networks and sets of positives of an AUROC, or of a paired difference of two.

    All sets share their negative images. The covariance over images is DeLong's (equation 6):
    the covariance of the negatives' placements (their mean over sets) divided by their number,
    plus for each set that of the positives' divided by their number and by the squared number of
    sets. What networks share of it, the mean covariance of two, counts beside the variance between
    networks. Fewer than 30 images of either kind have no interval: it would be too narrow.

    >>> placements = Placements.of(np.array([[0.1, 0.4, 0.3]]), np.array([[0.4, 0.8]]))
    >>> round(auroc_interval([placements]).value, 4)
    0.9167
    """
    negatives = np.mean([placements.negatives for placements in sets], axis=0)
    fewest = min(negatives.shape[1], *(placements.positives.shape[1] for placements in sets))
    if fewest < FEWEST_OF_A_KIND:
        return ValueRange(float(negatives.mean()))
    by_set = (_covariance(placements.positives) for placements in sets)
    covariance = _covariance(negatives) + sum(by_set) / len(sets) ** 2
    count, images = negatives.shape
    alone = covariance if count == 1 else covariance[~np.eye(count, dtype=bool)]
    shared = math.sqrt(max(0.0, float(alone.mean())))
    return _mean(negatives.mean(axis=1), Part(shared, images - 1))


def rank_correlation(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Spearman's: the correlation of the ranks, ties at their mean rank; NaN of constants.

    >>> round(rank_correlation([1, 2, 3, 4], [1, 2, 4, 3]), 6)
    0.8
    """
    ranks = np.stack([stats.rankdata(first), stats.rankdata(second)])
    if (np.ptp(ranks, axis=1) == 0).any():
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])


def _covariance(
    placements: Float64[np.ndarray, "networks images"],
) -> Float64[np.ndarray, "networks networks"]:
    """The covariance of the networks' means over images."""
    covariance: Float64[np.ndarray, "networks networks"] = (
        np.atleast_2d(np.cov(placements)) / placements.shape[1]
    )
    return covariance
