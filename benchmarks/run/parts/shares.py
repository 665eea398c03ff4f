"""How the work of a run is divided: the same on every machine, from estimated costs alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Networks = frozenset[tuple[str, int]]
"""Each a recipe and a number."""

SLACK = (math.inf, 1.5, 1.25, 1.0)
"""By how much works that share networks may exceed an even share, as is tried."""


@dataclass(frozen=True)
class Work:
    """What cannot be divided.

    Attributes:
        networks: what it needs trained.
        predicting: the cost of its predictions.
        training: the cost of training one of its networks.
    """

    networks: Networks
    predicting: float
    training: float

    def beside(self, trained: Networks) -> float:
        """Its cost where these networks are trained already."""
        return self.predicting + self.training * len(self.networks - trained)

    @property
    def cost(self) -> float:
        """Its cost by itself."""
        return self.beside(frozenset())


@dataclass
class _Share:
    """What one part does: the positions of its works."""

    cost: float = 0.0
    trained: Networks = frozenset()
    works: list[int] = field(default_factory=list)


def shares(works: Sequence[Work], parts: int) -> list[list[int]]:
    """The positions of each part's works, in their order; a part may have none.

    Works that share networks stay together, so that no network is trained in two parts, unless
    they cost more than a part's even share and the most expensive part is cheaper without them.

    >>> one, other = (Work(frozenset({("plain", n)}), 1, 5) for n in (0, 1))
    >>> shares([one, other, one], 2)
    [[0, 2], [1]]
    """
    even = _together(works, range(len(works))).cost / parts
    choices = [_given(works, parts, slack * even) for slack in SLACK]
    best = min(choices, key=lambda given: max(share.cost for share in given))
    return [sorted(share.works) for share in best]


def _given(works: Sequence[Work], parts: int, most: float) -> list[_Share]:
    """The shares if works stay together up to this cost.

    The most expensive ones come first, each to the part that then has the least to do.
    """
    bundles = []
    for bundle in _sharing_networks(works):
        whole = _together(works, bundle).cost <= most
        bundles += [bundle] if whole else [[one] for one in bundle]
    given = [_Share() for _ in range(parts)]
    for bundle in sorted(bundles, key=lambda bundle: -_together(works, bundle).cost):
        work = _together(works, bundle)
        share = min(given, key=lambda one: one.cost + work.beside(one.trained))
        share.cost += work.beside(share.trained)
        share.trained |= work.networks
        share.works += bundle
    return given


def _sharing_networks(works: Sequence[Work]) -> list[list[int]]:
    """The positions of works, those together that share networks, directly or by way of others."""
    bundles: list[tuple[Networks, list[int]]] = []
    for position, work in enumerate(works):
        sharing = [bundle for bundle in bundles if bundle[0] & work.networks]
        bundles = [bundle for bundle in bundles if bundle not in sharing]
        networks = frozenset(work.networks).union(*(networks for networks, _ in sharing))
        members = [one for _, members in sharing for one in members]
        bundles.append((networks, sorted([*members, position])))
    return sorted(members for _, members in bundles)


def _together(works: Sequence[Work], bundle: Iterable[int]) -> Work:
    """The works as one, whose networks are trained once."""
    chosen = [works[one] for one in bundle]
    networks: Networks = frozenset().union(*(work.networks for work in chosen))
    training = {name: work.training for work in chosen for name in work.networks}
    each = sum(training[name] for name in sorted(networks)) / max(len(networks), 1)
    return Work(networks, sum(work.predicting for work in chosen), each)
