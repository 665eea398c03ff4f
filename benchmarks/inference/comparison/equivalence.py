"""The margin within which two methods count as equally good.

"No difference was found" is not "they are equal": that takes a margin, fixed in advance, and a test
that the difference lies within it (two one-sided tests, Schuirmann 1987). The margin is a tenth of
what the largest deep ensemble gains over the smallest, a single network where the measure is
defined for one, on the same images and by the same measure; but not less than the metric's own
floor, below which no user would care. It is undefined where the gain is not distinguished from 0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from benchmarks.inference.comparison.intervals import unreliable
from benchmarks.inference.comparison.sides import MetricValues, Variant, ensembles_of
from benchmarks.inference.estimate import Covariance, Side, unpaired

SHARE = 0.1
"""Of the gain."""


def margins(
    measured: MetricValues, sides: Mapping[Variant, Side], of_networks: Collection[str]
) -> dict[str, float]:
    """The margin of each recipe that has one.

    Args:
        measured: a measure on some images.
        sides: each variant's replicates.
        of_networks: the methods whose members are networks.
    """
    metric, found = measured.metric, dict[str, float]()
    if not metric.better or metric.biased:
        return found
    for (recipe, _), sizes in ensembles_of(sides, of_networks).items():
        if unreliable(measured, sizes.values()):
            continue
        of_all = gain(sizes, measured.covariance, measured.images, metric.better == "higher")
        if of_all > 0:
            found[recipe] = max(SHARE * of_all, metric.margin)
    return found


def gain(
    sizes: Mapping[int, Side], covariance: Covariance, images: int, higher_is_better: bool
) -> float:
    """How much better the largest ensembles are than the smallest; 0 where chance explains it."""
    apart = unpaired(sizes[max(sizes)], sizes[min(sizes)], covariance, images)
    value = apart.value if higher_is_better else -apart.value
    return value if value > apart.half_width else 0.0
