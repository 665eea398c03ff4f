"""The presets of a run, what a user chooses beside them, and the shortest command line for it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Literal, get_args

from benchmarks.errors import UserError
from benchmarks.run.configuration import OPTIONS, Configuration, require_known
from benchmarks.run.custom_method import without_folder
from benchmarks.tasks import TASKS, Task
from methods import METHODS
from methods.engines.choice import Choice, fitting_engine
from methods.interface import Preset
from methods.networks.recipes import Recipe

PRESETS: tuple[Preset, ...] = get_args(Preset)
"""A first look, for the article's claims, a smaller comparison, all, for other papers' numbers."""

QUICK_IMAGES = 2000
"""How many of each condition are evaluated for a first look, where there are more."""

MEDIUM_IMAGES = 2500
"""How many for a smaller comparison of all methods, so that it takes hours and not a night."""

DEFAULT_TASK = next(iter(TASKS))


def configuration_of(preset: str, task: str = DEFAULT_TASK) -> Configuration:
    """What a preset computes of a task.

    Raises:
        UserError: there is no such task, or the preset is about another.
    """
    require_known("task", (task,), TASKS)
    presets = {"quick": _quick, "article": _article, "medium": _medium, "full": _full}
    return (presets | {"published": _published})[preset](TASKS[task])


def _quick(task: Task) -> Configuration:
    of_all_tasks = Configuration(
        preset="quick",
        task=task.name,
        recipes=(task.recipes[0].name,),
        methods=_methods_of("quick"),
        conditions=_conditions_of(task, "quick"),
        members=(1, 2, 5, 10, 20, 50),
        passes=(50, 100),
        replicates=5,
        images=_at_most(QUICK_IMAGES, task),
        batch_sizes=(1, 64),
        scores="unfitted",
        engine=fitting_engine("auto", "cpu", task.recipes[:1]),
    )
    return replace(of_all_tasks, **task.quick)


def _article(task: Task) -> Configuration:
    if not task.article_recipes:
        raise UserError(
            f"--preset article: the article is not about the task {task.name!r}; use another preset"
        )
    return replace(
        _full(task),
        preset="article",
        recipes=task.article_recipes,
        methods=_methods_of("article"),
        conditions=_conditions_of(task, "article"),
        members=(50,),
        passes=(50, 100),
        in_depth=(),
        pool=1,
        scores="unfitted",
        engine=fitting_engine("auto", "cpu", map(task.recipe, task.article_recipes)),
    )


def _medium(task: Task) -> Configuration:
    """Of recipes that leave calibration images, which most methods of this preset need."""
    return replace(
        _full(task),
        preset="medium",
        recipes=tuple(one.name for one in task.recipes if one.split == "training"),
        methods=_methods_of("medium"),
        members=(1, 2, 3, 5, 7, 10, 14, 20),
        passes=(1, 2, 5, 10, 20, 50, 100),
        replicates=5,
        pool=20,
        images=_at_most(MEDIUM_IMAGES, task),
        resamples=500,
    )


def _published(task: Task) -> Configuration:
    if not task.published:
        raise UserError(
            f"--preset published: no paper's recipe is of {task.name!r}; use another preset"
        )
    return replace(
        _full(task),
        preset="published",
        recipes=tuple(one.name for one in task.published),
        methods=_methods_of("published"),
        conditions=_conditions_of(task, "published"),
        members=(1, 5, 10),
        passes=(50,),
        in_depth=(),
        replicates=5,
        resamples=500,
        batch_sizes=(1, 64),
        scores="unfitted",
        engine=fitting_engine("auto", "cpu", task.published),
    )


def _full(task: Task) -> Configuration:
    """Numbers of dropout passes are compared on the article's task, those of networks on all."""
    return Configuration(
        preset="full",
        task=task.name,
        recipes=tuple(recipe.name for recipe in task.recipes),
        methods=_methods_of("full"),
        conditions=_conditions_of(task, "full"),
        members=(1, 2, 3, 5, 7, 10, 14, 20, 30, 50),
        passes=(1, 2, 5, 10, 20, 50, 100) if task.article_recipes else (100,),
        in_depth=(task.recipes[0].name,),
        replicates=10,
        pool=None,
        engine=fitting_engine("auto", "cpu", task.recipes),
    )


def _at_most(images: int, task: Task) -> int | None:
    """So many images a condition; ``None``, all, where the task has no more."""
    return images if task.test_images > images else None


def _conditions_of(task: Task, preset: str) -> tuple[str, ...]:
    return tuple(one.name for one in task.conditions if preset in one.presets)


def _methods_of(preset: Preset) -> tuple[str, ...]:
    return tuple(name for name, method in METHODS.items() if preset in method.presets)


def command_of(configuration: Configuration) -> str:
    """The shortest command line that gives this configuration; custom methods by file name."""
    preset = configuration_of(configuration.preset, configuration.task)
    words = ["python", "run_all.py", "--preset", configuration.preset]
    words += ["--task", configuration.task] if configuration.task != DEFAULT_TASK else []
    for field in fields(configuration):
        value = getattr(configuration, field.name)
        if field.name == "custom_methods":
            for method in value:
                words += [OPTIONS[field.name], without_folder(method)]
        elif value != getattr(preset, field.name):
            values = value if isinstance(value, tuple) else (value,)
            words += [OPTIONS[field.name], ",".join(map(str, values))]
    return shlex.join(words)


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
