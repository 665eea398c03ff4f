"""Which sizes of methods stand beside one another where not all are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def compared_sizes(sizes: Mapping[str, Iterable[int]]) -> dict[str, tuple[int, ...]]:
    """Each method's largest size, and every size that is the largest of another method.

    Plug-in mutual information, vote entropy and variation ratio depend on how many members there
    are, so methods are compared at equal sizes too, where they were judged at these.

    Args:
        sizes: the numbers of members of each method.

    >>> compared_sizes({"mc_dropout": [10, 50, 100], "deep_ensemble": [10, 50], "softmax": [1]})
    {'mc_dropout': (50, 100), 'deep_ensemble': (50,), 'softmax': (1,)}
    """
    largest = {max(of_method, default=0) for of_method in map(tuple, sizes.values())}
    return {
        method: tuple(sorted(largest.intersection(of_method)))
        for method, of_method in sizes.items()
    }
