"""Which sizes of methods are compared with one another where not all are shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

FEW = 2
"""If a method has at most so many sizes, all are compared."""

Usual = Mapping[str, Collection[int]]
"""By method, the sizes that users run; see `benchmarks.nouns.MethodRecord.usual_sizes`."""

NONE: Usual = MappingProxyType({})


def compared_sizes(
    sizes: Mapping[str, Iterable[int]], usual: Usual = NONE
) -> dict[str, tuple[int, ...]]:
    """Each method's largest size, and every size that is the largest of another method.

    Plug-in mutual information, vote entropy and variation ratio depend on the number of members, so
    methods are also compared at equal sizes, where they have them. Of a method with one or two
    sizes all are compared, since the user chose exactly these. Where a method's
    only size is a usual one, others need not have it.

    Args:
        sizes: the numbers of members of each method.

    >>> compared_sizes({"mc_dropout": [5, 50, 100], "deep_ensemble": [5, 20, 50]})
    {'mc_dropout': (50, 100), 'deep_ensemble': (50,)}
    >>> compared_sizes({"mc_dropout": [10, 20], "deep_ensemble": [50]})
    {'mc_dropout': (10, 20), 'deep_ensemble': (50,)}
    >>> compared_sizes({"swag": [30], "deep_ensemble": [5, 30, 50]}, {"swag": [30]})
    {'swag': (30,), 'deep_ensemble': (50,)}
    """
    given = {method: sorted(set(of_method)) for method, of_method in sizes.items()}
    largest = {
        of_method[-1]
        for method, of_method in given.items()
        if len(of_method) > 1 or set(of_method) - set(usual.get(method, ()))
    }
    return {
        method: tuple(
            s for s in of_method if s in {*largest, of_method[-1]} or len(of_method) <= FEW
        )
        for method, of_method in given.items()
    }


def compared_variants(
    variants: Iterable[tuple[str, str]], usual: Usual = NONE
) -> set[tuple[str, str]]:
    """Of pairs (method, members as records write them) those of the sizes that are compared.

    A size of 1 is compared only for methods that have no other (softmax); a method whose members
    are not counted is always compared.

    >>> sorted(compared_variants([("softmax", "1"), ("mine", "1"), ("mine", "5"), ("it", "exact")]))
    [('it', 'exact'), ('mine', '5'), ('softmax', '1')]
    """
    given = set(variants)
    sizes: dict[str, list[int]] = {}
    for method, members in given:
        if members.isdigit() and members != "1":
            sizes.setdefault(method, []).append(int(members))
    compared = compared_sizes(sizes, usual)
    return {
        (method, members)
        for method, members in given
        if method not in compared or not members.isdigit() or int(members) in compared[method]
    }


def usual_variants(variants: Iterable[tuple[str, str]], usual: Usual) -> set[tuple[str, str]]:
    """Of pairs (method, members as records write them) those of usual sizes.

    >>> usual_variants([("mc_dropout", "10"), ("mc_dropout", "100")], {"mc_dropout": [10, 20]})
    {('mc_dropout', '10')}
    """
    return {
        (method, members)
        for method, members in variants
        if members.isdigit() and int(members) in usual.get(method, ())
    }
