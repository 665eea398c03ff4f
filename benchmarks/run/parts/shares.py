"""How the work of a run is divided: the same on every machine, from estimated costs alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Networks = frozenset[tuple[str, int]]
"""Each a recipe and a number."""


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

    Works that share networks stay together unless they cost more than a part's even share: these
    are divided, and a network is then trained in two parts where that balances them better. The
    most expensive works come first, each to the part that has the least to do with it.

    >>> one, other = (Work(frozenset({("plain", n)}), 1, 5) for n in (0, 1))
    >>> shares([one, other, one], 2)
    [[0, 2], [1]]
    """
    bundles = [
        bundle
        for together in _sharing_networks(works)
        for bundle in _divided(works, together, parts)
    ]
    given = [_Share() for _ in range(parts)]
    for bundle in sorted(bundles, key=lambda bundle: -_together(works, bundle).cost):
        work = _together(works, bundle)
        share = min(given, key=lambda one: one.cost + work.beside(one.trained))
        share.cost += work.beside(share.trained)
        share.trained |= work.networks
        share.works += bundle
    return [sorted(share.works) for share in given]


def _divided(works: Sequence[Work], bundle: list[int], parts: int) -> list[list[int]]:
    """The bundle, or each of its works if together they cost more than an even share."""
    even = _together(works, list(range(len(works)))).cost / parts
    return [bundle] if _together(works, bundle).cost <= even else [[work] for work in bundle]


def _sharing_networks(works: Sequence[Work]) -> list[list[int]]:
    """The positions of works, those together that share networks, directly or by way of others."""
    bundles: list[tuple[Networks, list[int]]] = []
    for position, work in enumerate(works):
        sharing = [bundle for bundle in bundles if bundle[0] & work.networks]
        bundles = [bundle for bundle in bundles if bundle not in sharing]
        networks = frozenset(work.networks).union(*(networks for networks, _ in sharing))
        members = [one for _, members in sharing for one in members]
        bundles.append((networks, sorted([*members, position])))
    return [members for _, members in bundles]


def _together(works: Sequence[Work], bundle: list[int]) -> Work:
    """The works as one, whose networks are trained once."""
    networks: Networks = frozenset().union(*(works[one].networks for one in bundle))
    training = {name: works[one].training for one in bundle for name in works[one].networks}
    each = sum(training[name] for name in sorted(networks)) / len(networks) if networks else 0.0
    return Work(networks, sum(works[one].predicting for one in bundle), each)
