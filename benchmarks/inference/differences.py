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

from benchmarks.inference.evidence import HeadlineEvidence
from benchmarks.inference.intervals import (
    NOT_SMOOTH,
    Estimate,
    Networks,
    Part,
    ReplicateValues,
    joined,
    limits,
    networks_of,
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
    value, note = float(evidence.means[first] - evidence.means[second]), ""
    covariance = evidence.shared
    if evidence.paired[first, second]:
        sides = [Networks.of(evidence.replicates[first] - evidence.replicates[second])]
        if np.isnan(evidence.matched[first, second]):
            covariance = evidence.every  # what their replicates share is not known
    elif (blocks := _by_block(evidence, first, second)) is not None:
        apart, networks = blocks
        value, sides = float(apart.mean()), [networks]
        if len(apart) < min(evidence.counts[first], evidence.counts[second]):
            note = BLOCKS.format(len(apart))
        # The image part is that for fixed networks: the products of their rows are not kept.
        covariance = evidence.every
    else:
        sides = [_networks(evidence, k) for k in (first, second)]
        alike = evidence.entries[first].networks == evidence.entries[second].networks
        note = UNPAIRED if alike else ""
    variance, both = (
        own[first, first] + own[second, second] for own in (covariance, evidence.every)
    )
    variance -= 2 * covariance[first, second]
    error = math.sqrt(variance) if variance > CANCELLED * both else 0.0
    images = Part(error, evidence.drawn.degrees)
    parts = joined([part for side in sides for part in side.parts])
    note = "; ".join(filter(None, (note, limits(sides))))
    is_known = all(side.is_known for side in sides)
    return Difference(Estimate(value, (*parts, images)), is_known, note)


def own_estimate(evidence: HeadlineEvidence, contestant: int) -> Estimate:
    """The mean of a contestant's replicates, and how it varies with networks and images."""
    error = math.sqrt(max(evidence.shared[contestant, contestant], 0.0))
    images, networks = Part(error, evidence.drawn.degrees), _networks(evidence, contestant)
    return Estimate(float(evidence.means[contestant]), (*networks.parts, images))


def _networks(evidence: HeadlineEvidence, contestant: int) -> Networks:
    """How a contestant varies with its networks."""
    replicates = dict(zip(evidence.entries, evidence.replicates, strict=True))
    return networks_of(evidence.entries[contestant], evidence.measure.metric, replicates)


def _by_block(
    evidence: HeadlineEvidence, first: int, second: int
) -> tuple[ReplicateValues, Networks] | None:
    """The differences of two contestants of which one has ensembles of as many networks as several
    of the other's replicates, each network of the same budget; and how their mean varies.

    Fewer than five vary as those of smaller ensembles do (see `Networks.of`), or more. What a
    network adds to the mean of M is of the order a + c / M: so if differences of replicates of m
    networks from as many do not vary, the others grow with 1/m − 1/M. Between this and no growth,
    they grow as the ratio of both standard deviations says.

    Returns:
        ``None`` where the two are not such, or where it is not known how such differences vary.
    """
    entries = evidence.entries
    few, many = sorted((first, second), key=lambda k: entries[k].networks)
    fewer, size, kind = entries[few].networks, entries[many].networks, entries[many].kind
    if fewer == size or size % fewer or entries[few].kind[-1] != kind[-1]:
        return None
    by_size = {
        each.networks: values
        for k, each in enumerate(entries)
        if each.kind == kind and fewer <= each.networks <= size and each.networks % fewer == 0
        if len(values := _differences(evidence, few, k, each.networks // fewer))
    }
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
    networks = Networks.of(own, smaller, size)
    return (own, networks) if networks.is_known else None


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
