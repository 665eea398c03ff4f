"""What was chosen for each task: settings in ``tuning.csv``, which `benchmarks.tuning` writes."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

from methods.networks.recipes import WELL_TRAINED, Recipe, Settings

TUNING_CSV = "tuning.csv"

TUNING_FOLDER = Path(__file__).parent

LENGTH = f"{WELL_TRAINED.name} length"
"""What the table calls the length by which one network of the recipe does best."""

LONGEST = WELL_TRAINED.lasting(5).epochs
"""The largest length that is tried."""


def tuned_recipe(task: str, **own: Any) -> Recipe:
    """`WELL_TRAINED` as it is best for a task, with the settings of methods.

    Args:
        own: other parts of the recipe.
    """
    settings = tuned_settings(task)
    changed: dict[str, Any] = {**settings.pop(WELL_TRAINED.name, {}), **own, "tuned": settings}
    epochs = settings.pop(LENGTH, {}).get("epochs")
    changed["best_epochs"] = None if epochs == LONGEST else epochs
    return replace(WELL_TRAINED, **changed)


def tuned_settings(task: str) -> dict[str, Settings]:
    """The settings chosen for a task, by the names of methods, of the recipe and its length."""
    with (TUNING_FOLDER / TUNING_CSV).open(encoding="utf-8", newline="") as file:
        return {
            row["name"]: settings_of(row["setting"])
            for row in csv.DictReader(file)
            if row["task"] == task and row["chosen"] == "True"
        }


def settings_of(text: str) -> Settings:
    """Settings from a cell of the table.

    >>> settings_of("rate 0.25, placement linear")
    {'rate': 0.25, 'placement': 'linear'}
    """
    pairs = (part.rsplit(" ", 1) for part in text.split(", "))
    return {name: value if value.isalpha() else float(value) for name, value in pairs}
