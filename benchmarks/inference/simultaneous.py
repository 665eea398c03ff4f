"""Intervals that hold all differences of several methods at once.

Of several methods, replicate r adds to each an effect e_r ~ N(0, S), and the draw of images adds
z ~ N(0, G): S is the covariance between methods over replicates that are paired, G that of
their mean rows (see `benchmarks.inference.evidence`). The difference of i and j, paired by the
replicates R that both have, is off the truth by

    d_ij = Σ_{r in R} (e_ri − e_rj) / |R| + z_i − z_j,

and without common networks, by the difference of two means over networks of each one's own. A pair
is missed where |d_ij| exceeds the half-width of its interval, which is formed from the replicates'
own variance (`benchmarks.inference.intervals`). So d and these variances are drawn together, as
many times as there are replicates, from N(0, Ŝ) and N(0, Ĝ); and the level α of each interval is
such that in 5 % of the draws at least one pair is missed: the single-step min-P procedure by
parametric resampling (Westfall and Young 1993, section 2.3). Where all pairs have the same degrees
of freedom, it is the maximum of |t|; with other degrees, a pair of few replicates does not widen
the intervals of all others. A multivariate t, whose pairs all share one variance, is too narrow:
with 15 methods and 20 replicates it misses some pair in 8 % of the cases.

Replicates and images fewer than the methods cannot show how these differ in all directions. Then
all pairs get Bonferroni's level instead; counts decide this, not the numerical rank of a matrix. So
the level is too high where replicates are fewer than methods and images hardly vary: with ten
methods and three replicates without any variance of images, 12 % of the draws miss a pair.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.special import stdtrit

from benchmarks.inference.differences import Difference
from benchmarks.inference.evidence import Replicates, Scored
from benchmarks.inference.intervals import MetricValues, Part, Side
from benchmarks.vocabulary import CONFIDENCE

DRAWS = 4000
"""Draws of all differences. Another seed moves half-widths by 1.6 % with five replicates and by 5 %
with two (standard deviation over seeds, of the golden runs)."""

STEPS = 14
"""Steps of the bisection of the level; they give it to a thousandth."""

RESOLVED = 1e-6
"""The narrowest interval that draws resolve, relative to the widest: a root has half the digits."""

ByMethod = Float64[np.ndarray, "draws methods"]
BetweenMethods = Float64[np.ndarray, "methods methods"]


def simultaneous_level(
    measured: MetricValues,
    sides: Mapping[Scored, Side],
    differences: Sequence[Difference],
    ensemble_methods: Collection[str],
) -> float:
    """The level of each interval at which those of all differences hold in 95 % of the cases.

    Args:
        sides: of the methods.
        differences: of all pairs of them; those that never vary, but for rounding, count for none.
    """
    level = 1 - CONFIDENCE
    least = RESOLVED * max((each.estimate.half_width for each in differences), default=0.0)
    varying = [each for each in differences if each.estimate.half_width > least]
    if len(varying) < 2:
        return level
    alike = {each.second for each in differences if each.estimate.half_width <= least}
    replicates = max(len(side.values) for side in sides.values())
    if replicates - 1 + measured.images - 1 < len(sides) - len(alike) - 1:
        return level / len(varying)
    over_replicates = _over_replicates(measured, sides, ensemble_methods)
    model = _Model(measured, sides, over_replicates, _over_images(measured, sides))
    return _level_of_each([model.draw(each) for each in varying], level)


def _over_replicates(
    measured: MetricValues, sides: Mapping[Scored, Side], ensemble_methods: Collection[str]
) -> BetweenMethods:
    """The covariance of a replicate's values, between methods whose replicates are paired."""
    values = [measured.sums.values[scored] for scored in sides]
    networks = [scored.variant.networks(ensemble_methods) for scored in sides]
    parts = [(side.networks, len(side.values)) for side in sides.values()]
    std = np.array([part.error * np.sqrt(count) if part else 0.0 for part, count in parts])
    correlation = np.eye(len(values))
    for i, j in zip(*np.tril_indices(len(values), -1), strict=True):
        both = sorted(values[i].keys() & values[j].keys()) if networks[i] == networks[j] else ()
        if len(both) > 1 and std[i] > 0 and std[j] > 0:
            pair = np.array([[side[r] for r in both] for side in (values[i], values[j])])
            deviations = pair - pair.mean(axis=1, keepdims=True)
            lengths = np.sqrt((deviations**2).sum(axis=1)).prod()
            if lengths > 0:
                correlation[i, j] = correlation[j, i] = deviations.prod(axis=0).sum() / lengths
    return correlation * np.outer(std, std)


def _over_images(measured: MetricValues, sides: Mapping[Scored, Side]) -> BetweenMethods:
    """The covariance of the methods' means over the draw of images."""
    columns = [side.columns[0] for side in sides.values()]
    counts = np.array([len(side.values) for side in sides.values()])
    means: BetweenMethods = measured.covariance.every[np.ix_(columns, columns)]
    return means / np.outer(counts, counts)


def _root(covariance: BetweenMethods) -> BetweenMethods:
    """The symmetric root, which does not depend on the signs of eigenvectors.

    Of a matrix put together from pairs, negative eigenvalues are left out.
    """
    values, vectors = np.linalg.eigh(covariance)
    root: BetweenMethods = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root


_Variance = tuple[Float64[np.ndarray, " draws"] | float, float]


class _Draws(NamedTuple):
    """Draws of a difference.

    Attributes:
        squared: d².
        variances: of each part of its standard error, with the degrees of freedom.
    """

    squared: Float64[np.ndarray, " draws"]
    variances: Sequence[_Variance]


class _Effects(NamedTuple):
    """Of some replicates: the drawn means of their effects, and their covariances."""

    means: ByMethod
    covariances: Float64[np.ndarray, "draws methods methods"]


class _Model:
    """Draws of what replicates and images add to methods."""

    def __init__(
        self,
        measured: MetricValues,
        sides: Mapping[Scored, Side],
        over_replicates: BetweenMethods,
        over_images: BetweenMethods,
    ) -> None:
        self._sides = sides
        self._position = {scored: k for k, scored in enumerate(sides)}
        self._every = {scored: frozenset(measured.sums.values[scored]) for scored in sides}
        random, shape = np.random.default_rng(0), (DRAWS, len(sides))
        self._images: ByMethod = random.standard_normal(shape) @ _root(over_images)
        numbers, root = sorted(frozenset().union(*self._every.values())), _root(over_replicates)
        self._effects = {r: random.standard_normal(shape) @ root for r in numbers}
        self._known: dict[Replicates, _Effects] = {}
        self._random = random

    def draw(self, difference: Difference) -> _Draws:
        """Draws of a difference, and of the variances that its interval is formed from."""
        first, second, estimate, common, blocks, *_ = difference
        i, j = self._position[first], self._position[second]
        *networks, (image_error, image_degrees) = estimate.parts
        image_part = self._images[:, i] - self._images[:, j]
        apart = image_part * (image_error / image_part.std() if image_error > 0 else 0.0)
        variances: list[_Variance] = [(image_error**2, image_degrees)]
        for part in networks:  # one, or none where it is not known how networks differ
            own: Float64[np.ndarray, " draws"] | float
            if blocks is not None:  # that other differences have the same networks is left out
                apart = apart + part.error * self._random.standard_normal(DRAWS)
                own = self._chi_squared(part)
            elif common is None:
                apart = apart + self._mean(first) - self._mean(second)
                own = self._variance(first) + self._variance(second)
            else:
                means, covariances = self._effects_of(common)
                apart = apart + means[:, i] - means[:, j]
                own = covariances[:, i, i] + covariances[:, j, j] - 2 * covariances[:, i, j]
                own = own / len(common)
            variances.append((own, part.degrees))
        return _Draws(apart**2, variances)

    def _effects_of(self, replicates: Replicates) -> _Effects:
        if replicates not in self._known:
            effects = np.stack([self._effects[r] for r in sorted(replicates)], axis=1)
            means = effects.mean(axis=1)
            effects -= means[:, None]
            products = effects.swapaxes(1, 2) @ effects
            self._known[replicates] = _Effects(means, products / max(len(replicates) - 1, 1))
        return self._known[replicates]

    def _mean(self, scored: Scored) -> Float64[np.ndarray, " draws"]:
        return self._effects_of(self._every[scored]).means[:, self._position[scored]]

    def _variance(self, scored: Scored) -> Float64[np.ndarray, " draws"] | float:
        """That of the mean over networks; borrowed ones vary by their own degrees of freedom."""
        side, position = self._sides[scored], self._position[scored]
        if side.networks is None:
            return 0.0
        if side.borrowed_from is not None:
            return self._chi_squared(side.networks)
        own: Float64[np.ndarray, " draws"] = self._effects_of(self._every[scored]).covariances[
            :, position, position
        ]
        return own / len(side.values)

    def _chi_squared(self, part: Part) -> Float64[np.ndarray, " draws"]:
        """Draws of a variance that is known with these degrees of freedom."""
        return part.error**2 * self._random.chisquare(part.degrees, DRAWS) / part.degrees


def _level_of_each(differences: Sequence[_Draws], level: float) -> float:
    """The level of each interval, such that some difference is missed as often as ``level``."""
    lower, upper = np.log(level / len(differences)), np.log(level)
    for _ in range(STEPS):
        middle = (lower + upper) / 2
        missed = np.zeros(DRAWS, bool)
        for squared, variances in differences:
            parts = (own * stdtrit(degrees, np.exp(middle) / 2) ** 2 for own, degrees in variances)
            missed |= squared > sum(parts)
        if missed.mean() > level:
            upper = middle
        else:
            lower = middle
    return float(np.exp(lower))
