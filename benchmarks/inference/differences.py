"""The difference of two methods, paired by the numbers of their networks.

Replicate r of a method of one network has network r of the pool, and ensemble b of M networks has
those from b M to b M + M − 1. So two methods of one network are paired by their replicates, as are
ensembles of one size. Where a method's replicates have fewer networks than another's ensembles,
each ensemble gives a difference: the mean of the first over the networks of the ensemble, less the
ensemble. What these networks add to both cancels. Any other two methods count as independent.

Methods of one number of networks are paired whatever their training and budget: networks of one
number are the same or begin alike, and then have something in common that cancels. An interval is
formed from the differences as they vary, so it is as honest where they have nothing in common; it
then is wider than that of independent methods by the quantile of half as many degrees of freedom.
In simulation, 95 to 96 % of such intervals hold the truth, whatever the correlation.

The image part of such an interval is that of the mean difference for fixed networks. So what
networks and images add together counts twice, in both parts: the products of rows from which it
would follow are not kept (`benchmarks.inference.evidence`). In simulation, intervals of clean NLL
are up to a third too wide by this, and without the pairing twice as wide.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, Self

import numpy as np

from benchmarks.inference.evidence import Replicates, Scored
from benchmarks.inference.intervals import (
    Estimate,
    MetricValues,
    ReplicateValues,
    Side,
    limits,
    paired,
    unpaired,
)

UNPAIRED = "unpaired: a replicate of one method has no value"


class Difference(NamedTuple):
    """That of two methods by scores.

    Attributes:
        common: the replicates by which they are paired; ``None``: they are not.
        blocks: the differences by which they are paired, if one has ensembles of the other's
            networks.
        is_known: whether five or more replicates tell how it varies with the networks.
        note: why they are not paired although they have as many networks, and what else is to be
            known of the interval.
    """

    first: Scored
    second: Scored
    estimate: Estimate
    common: Replicates | None
    blocks: Side | None
    is_known: bool
    note: str

    @classmethod
    def of(
        cls,
        measured: MetricValues,
        pair: tuple[Scored, Scored],
        sides: Mapping[Scored, Side],
        ensemble_methods: Collection[str],
    ) -> Self:
        """The difference, from the replicates that are paired."""
        common = in_common(measured, pair, ensemble_methods)
        if common is not None:
            both = measured.side(pair[0], common), measured.side(pair[1], common)
            apart = paired(*both, measured.covariance, measured.images)
            return cls(
                *pair, apart, common, None, all(each.is_known for each in both), limits(both)
            )
        both = sides[pair[0]], sides[pair[1]]
        apart = unpaired(*both, measured.covariance, measured.images)
        blocks = by_block(measured, pair, ensemble_methods)
        if blocks is not None and blocks.networks is not None:
            images = apart.parts[-1]._replace(error=apart.image_error)
            apart = apart._replace(value=blocks.mean, parts=(blocks.networks, images))
            return cls(*pair, apart, None, blocks, True, limits([blocks]))
        alike = len({scored.variant.networks(ensemble_methods) for scored in pair}) == 1
        note = "; ".join(filter(None, (UNPAIRED if alike else "", limits(both))))
        return cls(*pair, apart, None, None, all(each.is_known for each in both), note)


def in_common(
    measured: MetricValues, pair: tuple[Scored, Scored], ensemble_methods: Collection[str]
) -> Replicates | None:
    """The replicates by which both are paired; ``None`` where they cannot be.

    They are all of those that one of the methods has, none of which lacks a value. What other
    methods have does not matter.
    """
    first, second = (scored.variant.networks(ensemble_methods) for scored in pair)
    if first != second:
        return None
    values = [measured.sums.values[scored].keys() for scored in pair]
    columns = [measured.columns[scored] for scored in pair]
    common = min((max(own, key=len) for own in columns), key=len)
    if not all(common in own for own in columns):
        return None
    both = values[0] & common
    paired_up = both == values[1] & common and (len(both) > 1 or min(map(len, values)) == 1)
    return common if paired_up else None


def by_block(
    measured: MetricValues, pair: tuple[Scored, Scored], ensemble_methods: Collection[str]
) -> Side | None:
    """The differences of two methods of which one has ensembles of as many networks as several of
    the other's replicates, each network of the same budget.

    Fewer than five vary as those of smaller ensembles do (see `Side.of`), or more. What a network
    adds to the mean of M is of the order a + c / M: so if differences of replicates of m networks
    from as many do not vary, the others grow with 1/m − 1/M. Between this and no growth, they grow
    as the ratio of both standard deviations says.

    Returns:
        The differences; ``None`` where the two are not such, or where it is not known how such
        differences vary.
    """
    few, many = sorted(pair, key=lambda scored: scored.variant.networks(ensemble_methods))
    fewer, size = (scored.variant.networks(ensemble_methods) for scored in (few, many))
    budget = many.variant.budget_each(ensemble_methods)
    if fewer == size or size % fewer or few.variant.budget_each(ensemble_methods) != budget:
        return None
    by_size = {}
    for scored in measured.columns:
        if (scored.variant.method, scored.score) == (many.variant.method, many.score):
            networks = scored.variant.networks(ensemble_methods)
            alike = scored.variant.budget_each(ensemble_methods) == budget
            if alike and fewer <= networks <= size and networks % fewer == 0:
                by_size[networks] = _by_block(measured, few, scored, networks // fewer)
    own, equal_sized = by_size.pop(size), by_size.pop(fewer, np.zeros(1))
    if not len(own):
        return None
    smaller = {
        each: values * _growth(equal_sized, values, (1 / fewer - 1 / size) / (1 / fewer - 1 / each))
        for each, values in by_size.items()
        if len(values)
    }
    side = Side.of(own if few == pair[0] else -own, (), smaller, size)
    return side if side.is_known else None


def _growth(equal_sized: ReplicateValues, smaller: ReplicateValues, most: float) -> float:
    """How much more differences vary than those from smaller ensembles.

    Args:
        equal_sized: those from ensembles of as many networks as the other method's replicates.
        most: if those do not vary.
    """
    spread = float(smaller.std())
    share = min(float(equal_sized.std()) / spread, 1.0) if spread > 0 else 1.0
    return share + (1 - share) * most


def _by_block(measured: MetricValues, few: Scored, many: Scored, ratio: int) -> ReplicateValues:
    """Of each ensemble: the mean of the other method over its networks, less the ensemble.

    Args:
        ratio: how many replicates of the other method have the networks of an ensemble.
    """
    values = measured.sums.values[few]
    return np.array(
        [
            np.mean([values[r] for r in parts]) - value
            for block, value in sorted(measured.sums.values[many].items())
            if values.keys() >= set(parts := range(block * ratio, (block + 1) * ratio))
        ]
    )
