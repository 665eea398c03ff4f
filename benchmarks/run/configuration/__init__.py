"""What a user chooses for a run, checked; the presets."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal, get_args

from benchmarks.errors import UserError
from benchmarks.run.configuration.choices import (
    option_of,
    require_any,
    require_known,
    require_resampling,
    require_sensible,
)
from benchmarks.run.custom_method import load_method, sha256_of_file, without_folder
from benchmarks.tasks import TASKS, Task
from methods import METHODS, UncertaintyMethod
from methods.engines.choice import EngineName, fitting_engine, unsupported
from methods.interface import Preset
from methods.networks.recipes import Recipe

SIZES = ("members", "passes", "batch_sizes")
"""Parts that are positive numbers, at least one."""


@dataclass(frozen=True)
class Configuration:
    """What a run computes: two runs of one configuration write the same numbers.

    Attributes:
        preset: which preset this began as.
        task: what is classified, by its name in `benchmarks.tasks.TASKS`.
        recipes: how the pool's networks are trained.
        methods: the methods evaluated, by their names in `methods.METHODS`.
        custom_methods: users' methods, ``path/to/file.py:Class``.
        conditions: the sets of images evaluated; ``clean`` is always among them.
        members, passes: sizes of the methods whose size is called so; see `sizes`.
        in_depth: the recipes evaluated at every size and by slow methods; the others only at
            the sizes of `benchmarks.compared_sizes`, but ensembles of networks at every size. All
            recipes, if none of the chosen is named.
        replicates: on how many networks of the pool single-network methods are repeated.
        pool: of how many networks of a recipe ensembles are formed, as replicates in disjoint
            blocks; at least of as many as the largest one has. ``None``: as the recipe says.
        images: how many images of each condition are evaluated; ``None``: all.
        subset_images: how many of each subset condition, on which slow methods are evaluated.
        epochs: how long networks train; ``None``: as long as the recipe says.
        resamples: how often the images are drawn anew for intervals and comparisons.
        batch_sizes: how many images a timed call predicts.
        seed: what every random choice follows from.
        device: where networks train and predict.
        engine: what computes: the kernels (CPU only) or PyTorch.
        scores: whether those that are fitted on training images are computed, too.
    """

    preset: str
    task: str
    recipes: tuple[str, ...]
    methods: tuple[str, ...]
    conditions: tuple[str, ...]
    members: tuple[int, ...]
    passes: tuple[int, ...]
    replicates: int
    pool: int | None = 1
    in_depth: tuple[str, ...] = ()
    custom_methods: tuple[str, ...] = ()
    images: int | None = None
    subset_images: int = 50
    epochs: int | None = None
    resamples: int = 1000
    batch_sizes: tuple[int, ...] = (1, 8, 64, 1024)
    seed: int = 0
    device: Literal["cpu", "cuda"] = "cpu"
    engine: EngineName = "numba"
    scores: Scores = "all"

    def __post_init__(self) -> None:
        for name in ("recipes", "methods", "custom_methods", *SIZES, "in_depth"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        for name in ("recipes", *SIZES):
            require_any(name, getattr(self, name))
        require_known("task", (self.task,), TASKS)
        task = TASKS[self.task]
        for name in ("recipes", "in_depth"):
            require_known(name, getattr(self, name), [recipe.name for recipe in task.every_recipe])
        require_known("methods", self.methods, METHODS)
        object.__setattr__(self, "conditions", task.matching(self.conditions))
        if not self.classes:
            raise UserError("no method is chosen; name one with --methods or --method")
        for name in (*SIZES, "replicates", "pool", "images", "subset_images", "epochs"):
            require_sensible(name, getattr(self, name))
        if self.engine == "numba" and self.device != "cpu":
            raise UserError(f"--engine numba runs on the CPU, not on {self.device}; use torch")
        if self.engine == "numba" and (names := unsupported(map(task.recipe, self.recipes))):
            raise UserError(
                f"--engine numba does not compute the recipe {names[0]!r}; use --engine torch"
            )
        require_resampling(self.resamples, self.seed)

    @property
    def classes(self) -> dict[str, type[UncertaintyMethod]]:
        """The methods evaluated, by name: the suite's, then the custom ones.

        Raises:
            UserError: a custom method cannot be loaded, has the name of another, or names a method
                that there is not.
        """
        classes = {name: METHODS[name] for name in self.methods}
        for location in self.custom_methods:
            method = load_method(location)
            if method.name in METHODS.keys() | classes.keys():
                raise UserError(
                    f"--method {location}: the name {method.name!r} is taken; give the class "
                    "another name"
                )
            classes[method.name] = method
        known = METHODS.keys() | classes.keys()
        for name, method in classes.items():
            if (shared := method.probabilities_of) and shared not in known:
                raise UserError(
                    f"the method {name!r} has the probabilities_of {shared!r}, which is no method; "
                    f"choose from {', '.join(sorted(known))}"
                )
        return classes

    def sizes(self, method: type[UncertaintyMethod], recipe: str = "") -> tuple[int, ...]:
        """The sizes that are evaluated of a method; none where there is nothing to choose.

        A recipe that follows a paper and sets the pool has no ensembles larger than it.
        """
        if method.size is None:
            return ()
        by_option = {"members": self.members, "passes": self.passes}
        sizes = tuple(sorted(set(method.sweep))) or by_option[method.size]
        published = [one.name for one in TASKS[self.task].published]
        if method.counts_networks and self.pool is None and recipe in published:
            sizes = tuple(size for size in sizes if size <= self.pool_of(recipe)) or sizes[:1]
        if not method.only_usual:
            return sizes
        return tuple(size for size in sizes if size in method.usual_sizes) or (max(sizes),)

    def recipe(self, name: str) -> Recipe:
        """The recipe of this name, trained for as long as this configuration says."""
        recipe = TASKS[self.task].recipe(name)
        return recipe if self.epochs is None else replace(recipe, epochs=self.epochs)

    def pool_of(self, recipe: str) -> int:
        """Of how many networks of the recipe ensembles are formed, unless one needs more."""
        return self.recipe(recipe).pool if self.pool is None else self.pool

    @property
    def identity(self) -> dict[str, object]:
        """The configuration as JSON values; custom methods by file name and content."""
        methods = [
            {"method": without_folder(method), "sha256": sha256_of_file(method)}
            for method in self.custom_methods
        ]
        values = asdict(self) | {"custom_methods": methods}
        return dict(json.loads(json.dumps(values)))

    @property
    def command(self) -> str:
        """The shortest command line that gives this configuration; custom methods by file name."""
        preset = configuration_of(self.preset, self.task)
        words = ["python", "run_all.py", "--preset", self.preset]
        words += ["--task", self.task] if self.task != DEFAULT_TASK else []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "custom_methods":
                for method in value:
                    words += [OPTIONS[field.name], without_folder(method)]
            elif value != getattr(preset, field.name):
                values = value if isinstance(value, tuple) else (value,)
                words += [OPTIONS[field.name], ",".join(map(str, values))]
        return shlex.join(words)


OPTIONS = {field.name: option_of(field.name) for field in fields(Configuration)}
"""The command line's name of each part of a configuration."""

Scores = Literal["all", "unfitted"]

PRESETS: tuple[Preset, ...] = get_args(Preset)
"""A first look, for the article's claims, a smaller comparison, all, for other papers' numbers."""

QUICK_IMAGES = 2000
"""How many of each condition are evaluated for a first look, where there are more."""

MEDIUM_IMAGES = 2500
"""How many for a comparison of all methods in about an hour of two cores."""

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
    return Configuration(
        preset="full",
        task=task.name,
        recipes=tuple(recipe.name for recipe in task.recipes),
        methods=_methods_of("full"),
        conditions=_conditions_of(task, "full"),
        members=(1, 2, 3, 5, 7, 10, 14, 20, 30, 50),
        passes=(1, 2, 5, 10, 20, 50, 100),
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
