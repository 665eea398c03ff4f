"""The methods and scores of all settings; answers are compared as if there were no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from benchmarks.across.settings import Setting
from benchmarks.report.results import Results

COLUMNS = {"method": ("method", "other_method"), "score": ("score", "other_score")}
"""Of tables of results, those that name a method or a score."""


def in_common(settings: Sequence[Setting]) -> tuple[Setting, ...]:
    """The settings with the results of those methods and scores alone that each of them has."""
    kept = {kind: _of_all(settings, kind) for kind in COLUMNS}
    return tuple(replace(one, results=_of(one.results, kept)) for one in settings)


def left_out(settings: Sequence[Setting]) -> tuple[str, ...]:
    """Labels of the methods and scores that some settings have and others have not."""
    labels: dict[str, str] = {}
    for one in settings:
        methods, scores = (_named(one, kind) - _of_all(settings, kind) for kind in COLUMNS)
        labels |= {name: one.results.names.method(name).label for name in sorted(methods)}
        labels |= {name: one.results.names.score(name).label for name in sorted(scores)}
    return tuple(labels.values())


def _of_all(settings: Sequence[Setting], kind: str) -> set[str]:
    first, *others = (_named(one, kind) for one in settings)
    return first.intersection(*others)


def _named(setting: Setting, kind: str) -> set[str]:
    return set(setting.results.summary[kind])


def _of(results: Results, kept: dict[str, set[str]]) -> Results:
    def chosen(table: pd.DataFrame) -> pd.DataFrame:
        for kind, names in kept.items():
            for column in COLUMNS[kind]:
                if column in table:
                    table = table[table[column].isin(names)]
        return table

    return replace(
        results,
        summary=chosen(results.summary),
        worth=chosen(results.worth),
        score_worth=chosen(results.score_worth),
        comparisons=chosen(results.comparisons),
        score_comparisons=chosen(results.score_comparisons),
    )
