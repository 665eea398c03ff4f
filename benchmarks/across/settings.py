"""A setting: a task, and a network that was trained for it by some recipes of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import UserError
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
    known = {one.name: one for one in results.names.nouns.recipes}
    for name in filter(known.__contains__, results.recipes):
        recipes = networks.setdefault(known[name].network, [])
        if not recipes or known[name].split == known[recipes[0]].split:
            recipes.append(name)
    for network, recipes in networks.items():
        yield Setting(results.names.task.label, network, results.of_recipe(*recipes))
