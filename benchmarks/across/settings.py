"""The settings that are compared, and their methods and scores: those that all of them have.

A setting is a task, and a network that was trained for it by some recipes of a run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from benchmarks.errors import UserError
from benchmarks.nouns import Names, Variant
from benchmarks.report.results import Results


@dataclass(frozen=True, eq=False)
class Setting:
    """A task and a network.

    Attributes:
        task: its label.
        network: its name.
        results: of the recipes that train this network, in their order.
    """

    task: str
    network: str
    results: Results

    @property
    def label(self) -> str:
        """In print, for example ``MNIST with lenet5``."""
        return f"{self.task} with {self.network}"


def read_settings(folders: Iterable[Path]) -> tuple[Setting, ...]:
    """The settings of several runs, in their order.

    Raises:
        UserError: a folder holds no results, two hold the same setting, or there is only one.
    """
    settings = [setting for folder in folders for setting in settings_of(Results.load(folder))]
    labels = [setting.label for setting in settings]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise UserError(
            f"two runs are of {twice[0]}; name runs of different tasks, or of other networks"
        )
    if len(settings) < 2:
        found = f"of {labels[0]} alone" if labels else "of no recipe"
        raise UserError(
            f"there is nothing to compare: the runs are {found}; name runs of another task, or "
            "with recipes of another network"
        )
    return tuple(settings)


def settings_of(results: Results) -> Iterator[Setting]:
    """A setting a network, with those recipes that train on the images of its first one."""
    networks: dict[str, list[str]] = {}
    known = {one.name: one for one in results.names.recipes}
    for name in filter(known.__contains__, results.recipes):
        recipes = networks.setdefault(known[name].network, [])
        if not recipes or known[name].split == known[recipes[0]].split:
            recipes.append(name)
    for network, recipes in networks.items():
        yield Setting(results.names.task.label, network, results.of_recipe(*recipes))


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
    dropout = {one.name: bool(one.dropout) for one in setting.results.names.recipes}
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
        comparisons=chosen(results.comparisons),
    )
