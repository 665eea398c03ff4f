"""A configuration from what a user chooses, by a preset where nothing is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from benchmarks.errors import UserError
from benchmarks.run.configuration import Configuration
from benchmarks.run.configuration.presets import configuration_of
from benchmarks.tasks import TASKS
from methods.engines.choice import Choice, fitting_engine
from methods.networks.recipes import Recipe


def chosen_configuration(
    preset: str,
    task: str,
    choices: Mapping[str, Any],
    *,
    seed: int,
    device: Literal["cpu", "cuda"],
    engine: Choice,
) -> Configuration:
    """The preset's, with what is chosen.

    Args:
        choices: by the name of a part of the configuration; ``None``: the preset's.

    Raises:
        UserError: something is unknown, out of range, or does not fit the rest.
    """
    if choices["conditions"] == ():
        raise UserError("--conditions: nothing is chosen; leave it out for the preset's choice")
    of_preset = configuration_of(preset, task)
    recipes = _recipes(task, choices["recipes"] or of_preset.recipes)
    return replace(
        of_preset,
        seed=seed,
        device=device,
        engine=fitting_engine(engine, device, recipes),
        **{name: value for name, value in choices.items() if value is not None},
    )


def _recipes(task: str, names: tuple[str, ...]) -> list[Recipe]:
    """The task's recipes of these names; unknown ones are refused later."""
    known = TASKS[task].every_recipe if task in TASKS else ()
    return [recipe for recipe in known if recipe.name in names]
