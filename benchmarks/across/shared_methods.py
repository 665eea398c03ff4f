"""The methods and scores of all settings; answers are compared as if there were no others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import pandas as pd

from benchmarks.across.settings import Setting
from benchmarks.errors import UserError
from benchmarks.report.names import Names, Variant
from benchmarks.report.results import Results

Choice = tuple[bool, str, str]
"""Whether its networks are trained with dropout, the method, and its size."""


def in_common(settings: Sequence[Setting]) -> tuple[Setting, ...]:
    """The settings with the results of those methods and scores alone that each of them has.

    A method is the same one if it has the same size, and its networks are trained with dropout in
    all settings or in none.

    Raises:
        UserError: there is no such method.
    """
    choices, scores = _shared(settings)
    if not choices:
        labels = ", ".join(one.label for one in settings)
        raise UserError(f"no method is in all of {labels}; name runs of the same methods")
    return tuple(replace(one, results=_of(one, choices, scores)) for one in settings)


def left_out(settings: Sequence[Setting]) -> tuple[str, ...]:
    """Labels of the methods and scores that some settings have and others have not."""
    choices, scores = _shared(settings)
    kept = {method for _, method, _ in choices}
    labels: dict[str, None] = {}
    for one in settings:
        names = one.results.names
        missing = (Variant(*choice[1:]) for choice in _choices(one) if choice not in choices)
        labels |= {_label(names, variant, kept): None for variant in missing}
        labels |= {names.score(s).label: None for s in sorted(_scores(one) - scores)}
    return tuple(labels)


def _label(names: Names, variant: Variant, kept: Collection[str]) -> str:
    """With the size, even if that is 1, where the method is kept with other sizes."""
    method = names.method(variant.method)
    sized = variant.method in kept and method.symbol
    return f"{method.label}, {names.size(variant)}" if sized else names.label(variant)


def _shared(settings: Sequence[Setting]) -> tuple[set[Choice], set[str]]:
    """The choices and the scores that every setting has."""
    choices = set.intersection(*(set(_choices(one)) for one in settings))
    return choices, set.intersection(*(_scores(one) for one in settings))


def _choices(setting: Setting) -> Iterator[Choice]:
    """Each once, in the order of the results."""
    table = setting.results.summary[["recipe", "method", "members"]].drop_duplicates()
    yield from _keys(setting, table, "")


def _scores(setting: Setting) -> set[str]:
    return set(setting.results.summary["score"]) - {""}


def _keys(setting: Setting, table: pd.DataFrame, side: str) -> Iterator[Choice]:
    """The choice that each row of a table names, on this side of a comparison."""
    dropout = {one.name: bool(one.dropout) for one in setting.results.names.nouns.recipes}
    columns = (table[f"{side}{name}"] for name in ("recipe", "method", "members"))
    for recipe, method, members in zip(*columns, strict=True):
        yield dropout.get(recipe, False), method, members


def _of(setting: Setting, choices: set[Choice], scores: set[str]) -> Results:
    def chosen(table: pd.DataFrame) -> pd.DataFrame:
        for side in ("", "other_"):
            if f"{side}method" in table:
                table = table[[one in choices for one in _keys(setting, table, side)]]
            if f"{side}score" in table:
                table = table[table[f"{side}score"].isin({*scores, ""})]
        return table

    results = setting.results
    return replace(
        results,
        summary=chosen(results.summary),
        worth=chosen(results.worth),
        score_worth=chosen(results.score_worth),
        comparisons=chosen(results.comparisons),
        score_comparisons=chosen(results.score_comparisons),
    )
