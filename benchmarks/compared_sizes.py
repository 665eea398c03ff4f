"""Which sizes of methods stand beside one another where not all are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

FEW = 2
"""So many sizes of a method are all shown."""


def compared_sizes(sizes: Mapping[str, Iterable[int]]) -> dict[str, tuple[int, ...]]:
    """Each method's largest size, and every size that is the largest of another method.

    Plug-in mutual information, vote entropy and variation ratio depend on how many members there
    are, so methods are compared at equal sizes too, where they were judged at these. Of a method
    that has one or two sizes all are compared: whoever chose them wants to see them.

    Args:
        sizes: the numbers of members of each method.

    >>> compared_sizes({"mc_dropout": [5, 50, 100], "deep_ensemble": [5, 20, 50]})
    {'mc_dropout': (50, 100), 'deep_ensemble': (50,)}
    >>> compared_sizes({"mc_dropout": [10, 20], "deep_ensemble": [50]})
    {'mc_dropout': (10, 20), 'deep_ensemble': (50,)}
    """
    given = {method: sorted(set(of_method)) for method, of_method in sizes.items()}
    largest = {of_method[-1] for of_method in given.values() if of_method}
    return {
        method: tuple(s for s in of_method if s in largest or len(of_method) <= FEW)
        for method, of_method in given.items()
    }


def compared_variants(variants: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Of pairs (method, members as records spell them) those of the sizes that are compared.

    A single member has nothing to be compared with at equal size; a method that has no other size
    (softmax), or whose members are not counted, is compared as it is.

    >>> sorted(compared_variants([("softmax", "1"), ("mine", "1"), ("mine", "5"), ("it", "exact")]))
    [('it', 'exact'), ('mine', '5'), ('softmax', '1')]
    """
    given = set(variants)
    sizes: dict[str, list[int]] = {}
    for method, members in given:
        if members.isdigit() and members != "1":
            sizes.setdefault(method, []).append(int(members))
    compared = compared_sizes(sizes)
    return {
        (method, members)
        for method, members in given
        if method not in compared or not members.isdigit() or int(members) in compared[method]
    }
