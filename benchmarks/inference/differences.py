"""The difference of two contestants, paired by the numbers of their networks.

Replicate r of a method of one network has network r of the pool, and ensemble b of M networks has
those from b M to b M + M − 1. So two methods of one network are paired by their replicates, as are
ensembles of one size. Where a method's replicates have fewer networks than another's ensembles,
each ensemble gives a difference: the mean of the first over the networks of the ensemble, less the
ensemble. What these networks add to both cancels. Any other two contestants count as independent.

Contestants of one number of networks are paired whatever their training and budget: networks of one
number are the same or begin alike, and then have something in common that cancels. An interval is
formed from the differences as they vary, so it is as honest where they have nothing in common; it
then is wider than that of independent contestants by the quantile of half as many degrees of
freedom. In simulation, 95 to 96 % of such intervals hold the truth, whatever the correlation.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from benchmarks.inference.evidence import Between, HeadlineEvidence
from benchmarks.inference.intervals import (
    NOT_SMOOTH,
    Estimate,
    Networks,
    Part,
    ReplicateValues,
    joined,
    limits,
)

CANCELLED = 1e-12
"""What is left of the variances of equal rows is rounding below this, relative to them."""

BLOCKS = "the difference is over the {} ensembles of networks that the other has too"

UNPAIRED = "unpaired: the two have not the same replicates"


class Difference(NamedTuple):
    """That of two contestants.

    Attributes:
        is_known: whether five or more replicates tell how it varies with the networks.
        note: what is to be known of the interval.
    """

    estimate: Estimate
    is_known: bool
    note: str


def difference(evidence: HeadlineEvidence, first: int, second: int) -> Difference:
    """The first contestant less the second, by their positions."""
    value = float(evidence.means[first] - evidence.means[second])
    images, by_block = images_part(evidence, first, second), ""
    if evidence.paired[first, second]:
        apart = Networks.of(evidence.replicates[first] - evidence.replicates[second])
    elif (blocks := _by_block(evidence, first, second)) is not None:
        # The image part is that for fixed networks: the products of their rows are not kept.
        value, apart, count = blocks
        images = images_part(evidence, first, second, evidence.every)
        every = int(min(evidence.counts[first], evidence.counts[second]))
        by_block = BLOCKS.format(count) if count < every else ""
    else:
        sides = [_networks(evidence, k) for k in (first, second)]
        parts = joined([side.part for side in sides if side.part is not None])
        estimate = Estimate(value, (*parts, images))
        alike = evidence.networks[first] == evidence.networks[second]
        note = "; ".join(filter(None, (UNPAIRED if alike else "", limits(sides))))
        return Difference(estimate, all(side.is_known for side in sides), note)
    parts = () if apart.part is None else (apart.part,)
    note = "; ".join(filter(None, (by_block, limits([apart]))))
    return Difference(Estimate(value, (*parts, images)), apart.is_known, note)


def own_estimate(evidence: HeadlineEvidence, contestant: int) -> Estimate:
    """The mean of a contestant's replicates, and how it varies with networks and images."""
    networks = _networks(evidence, contestant)
    images = Part(math.sqrt(max(evidence.shared[contestant, contestant], 0.0)), evidence.degrees)
    parts = (images,) if networks.part is None else (networks.part, images)
    return Estimate(float(evidence.means[contestant]), parts)


def images_part(
    evidence: HeadlineEvidence, first: int, second: int, covariance: Between | None = None
) -> Part:
    """What the draw of images adds to a difference.

    Args:
        covariance: between contestants, over images; by default of what all replicates share, or
            of the means where this is not known of both.
    """
    apart = evidence.paired[first, second] and np.isnan(evidence.matched[first, second])
    shared = evidence.every if apart else evidence.shared
    shared = shared if covariance is None else covariance
    both = evidence.every[first, first] + evidence.every[second, second]
    variance = shared[first, first] + shared[second, second] - 2 * shared[first, second]
    return Part(math.sqrt(variance) if variance > CANCELLED * both else 0.0, evidence.degrees)


def _networks(evidence: HeadlineEvidence, contestant: int) -> Networks:
    """How a contestant varies with its networks, maybe by smaller ensembles of its method."""
    smaller = {}
    if evidence.networks[contestant] > 1 and evidence.measure.metric not in NOT_SMOOTH:
        smaller = {
            int(evidence.networks[k]): evidence.replicates[k] for k in _alike(evidence, contestant)
        }
    size = int(evidence.networks[contestant])
    return Networks.of(evidence.replicates[contestant], smaller, size)


def _alike(evidence: HeadlineEvidence, contestant: int) -> list[int]:
    """The ensembles of a contestant's method and score whose networks have its budget each."""
    own, each = evidence.contestants[contestant], budget_each(evidence, contestant)
    return [
        k
        for k, other in enumerate(evidence.contestants)
        if (other.method, other.score) == (own.method, own.score)
        and budget_each(evidence, k) == each
    ]


def budget_each(evidence: HeadlineEvidence, contestant: int) -> float:
    """The budget of each network of a contestant's replicate."""
    return evidence.contestants[contestant].budget / float(evidence.networks[contestant])


def _by_block(
    evidence: HeadlineEvidence, first: int, second: int
) -> tuple[float, Networks, int] | None:
    """The mean difference of two contestants of which one has ensembles of as many networks as
    several of the other's replicates, each network of the same budget; how it varies; and over how
    many ensembles it is.

    Fewer than five vary as those of smaller ensembles do (see `Networks.of`), or more. What a
    network adds to the mean of M is of the order a + c / M: so if differences of replicates of m
    networks from as many do not vary, the others grow with 1/m − 1/M. Between this and no growth,
    they grow as the ratio of both standard deviations says.

    Returns:
        ``None`` where the two are not such, or where it is not known how such differences vary.
    """
    few, many = sorted((first, second), key=lambda k: evidence.networks[k])
    fewer, size = int(evidence.networks[few]), int(evidence.networks[many])
    if fewer == size or size % fewer or budget_each(evidence, few) != budget_each(evidence, many):
        return None
    by_size = {}
    for k in _alike(evidence, many):
        networks = int(evidence.networks[k])
        if fewer <= networks <= size and networks % fewer == 0:
            by_size[networks] = _differences(evidence, few, k, networks // fewer)
    by_size = {each: values for each, values in by_size.items() if len(values)}
    if size not in by_size:
        return None
    own, equal_sized = by_size.pop(size), by_size.pop(fewer, np.zeros(1))
    smooth = evidence.measure.metric not in NOT_SMOOTH
    smaller = {
        each: values * _growth(equal_sized, values, (1 / fewer - 1 / size) / (1 / fewer - 1 / each))
        for each, values in by_size.items()
        if smooth
    }
    if few != first:
        own = -own
    networks_known = Networks.of(own, smaller, size)
    if not networks_known.is_known:
        return None
    return float(own.mean()), networks_known, len(own)


def _growth(equal_sized: ReplicateValues, smaller: ReplicateValues, most: float) -> float:
    """How much more differences vary than those from smaller ensembles.

    Args:
        equal_sized: those from ensembles of as many networks as the other method's replicates.
        most: if those do not vary.
    """
    spread = float(smaller.std())
    share = min(float(equal_sized.std()) / spread, 1.0) if spread > 0 else 1.0
    return share + (1 - share) * most


def _differences(evidence: HeadlineEvidence, few: int, many: int, ratio: int) -> ReplicateValues:
    """Of each ensemble: the mean of the other contestant over its networks, less the ensemble.

    Args:
        ratio: how many replicates of the other have the networks of an ensemble.
    """
    values, blocks = evidence.values[few], evidence.values[many]
    whole = values[: len(values) // ratio * ratio].reshape(-1, ratio).mean(axis=1)
    count = min(len(whole), len(blocks))
    apart = whole[:count] - blocks[:count]
    known: ReplicateValues = apart[~np.isnan(apart)]
    return known
