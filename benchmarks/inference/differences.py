"""The difference of two methods, paired by the networks that they share.

Replicate r of a method of one network has network r of the pool, and ensemble b of M networks has
those from b M to b M + M − 1. So two methods of one network are paired by their replicates, as are
ensembles of one size. Where a method's replicates have fewer networks than another's ensembles,
each ensemble gives a difference: the mean of the first over the networks of the ensemble, less the
ensemble. What these networks add to both cancels. Any other two methods are independent.

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
from benchmarks.vocabulary import SELF_TRAINED

UNPAIRED = "unpaired: a replicate of one method has no value"


class Difference(NamedTuple):
    """That of two methods by scores.

    Attributes:
        common: the replicates by which they are paired; ``None``: they are not.
        blocks: the differences by which they are paired, if one has ensembles of the other's
            networks.
        note: why they are not paired although they share networks, and what else is to be known of
            the interval.
    """

    first: Scored
    second: Scored
    estimate: Estimate
    common: Replicates | None
    blocks: Side | None = None
    note: str = ""

    @classmethod
    def of(
        cls,
        measured: MetricValues,
        pair: tuple[Scored, Scored],
        sides: Mapping[Scored, Side],
        ensemble_methods: Collection[str],
    ) -> Self:
        """The difference, from the replicates that have networks in common."""
        common = in_common(measured, pair, ensemble_methods)
        if common is not None:
            both = measured.side(pair[0], common), measured.side(pair[1], common)
            apart = paired(*both, measured.covariance, measured.images)
            return cls(*pair, apart, common, note=limits(both))
        both = sides[pair[0]], sides[pair[1]]
        apart = unpaired(*both, measured.covariance, measured.images)
        blocks = by_block(measured, pair, ensemble_methods)
        if blocks is not None and blocks.networks is not None:
            images = apart.parts[-1]._replace(error=apart.image_error)
            apart = apart._replace(value=blocks.mean, parts=(blocks.networks, images))
            return cls(*pair, apart, None, blocks, limits([blocks]))
        of_same = len({networks_of(scored, ensemble_methods) for scored in pair}) == 1
        notes = UNPAIRED if of_same else "", limits(both)
        return cls(*pair, apart, None, note="; ".join(filter(None, notes)))


def networks_of(scored: Scored, ensemble_methods: Collection[str]) -> tuple[str, str]:
    """Whose replicates of a number share networks: those of a recipe, and of a size if ensembles.

    Replicate r of a method of one network has network r, of an ensemble other networks.
    """
    recipe, method, members = scored.variant
    return recipe, members if method in ensemble_methods else ""


def in_common(
    measured: MetricValues, pair: tuple[Scored, Scored], ensemble_methods: Collection[str]
) -> Replicates | None:
    """The replicates of both with the same networks; ``None`` where these cannot be paired.

    They are all of those that one of the methods has, none of which lacks a value. What other
    methods have does not matter.
    """
    first, second = (networks_of(scored, ensemble_methods) for scored in pair)
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
    """The differences of two methods of which one has ensembles of the other's networks.

    Fewer than five vary as those of smaller ensembles do (see `Side.of`). The mean of a smooth
    function of M networks is a + c / M with an error of the order of M⁻²: so differences from
    replicates of m networks grow with 1/m − 1/M, and those of smaller ensembles are scaled by it.

    Returns:
        The differences; ``None`` where the two share no networks in this way, or where it is not
        known how such differences vary.
    """
    sizes = {scored: _networks_each(scored, ensemble_methods) for scored in measured.columns}
    few, many = sorted(pair, key=sizes.__getitem__)
    fewer, size = sizes[few], sizes[many]
    recipes = {scored.variant.recipe for scored in pair}
    if fewer == size or len(recipes) > 1 or SELF_TRAINED in recipes:
        return None
    by_size = {
        sizes[scored]: _by_block(measured, few, scored, sizes)
        * (1 / fewer - 1 / size)
        / (1 / fewer - 1 / sizes[scored])
        for scored in measured.columns
        if scored.variant[:2] == many.variant[:2]
        and scored.score == many.score
        and fewer < sizes[scored] <= size
    }
    own = by_size.pop(size)
    if not len(own):
        return None
    side = Side.of(own if few == pair[0] else -own, (), by_size, size)
    return side if side.is_known else None


def _networks_each(scored: Scored, ensemble_methods: Collection[str]) -> int:
    """How many networks of the pool each replicate has."""
    _, method, members = scored.variant
    return int(members) if method in ensemble_methods and members.isdigit() else 1


def _by_block(
    measured: MetricValues, few: Scored, many: Scored, sizes: Mapping[Scored, int]
) -> ReplicateValues:
    """Of each ensemble: the mean of the other method over its networks, less the ensemble."""
    ratio, left_over = divmod(sizes[many], sizes[few])
    values = measured.sums.values[few]
    return np.array(
        [
            np.mean([values[r] for r in parts]) - value
            for block, value in sorted(measured.sums.values[many].items())
            if not left_over
            and values.keys() >= set(parts := range(block * ratio, (block + 1) * ratio))
        ]
    )
