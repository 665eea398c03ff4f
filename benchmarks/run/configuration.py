"""What a run computes: the presets, and what a user chooses instead, checked."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import platformdirs
import torch

from benchmarks.io import UserError, require_distinct
from benchmarks.latency.stopwatch import ROUNDS, Limits
from benchmarks.options import ALL, CHOSEN, RunParts, option_of
from benchmarks.run.custom_method import importable, load_method, sha256_of_file, without_folder
from benchmarks.tasks import TASKS, Task
from methods import METHODS, UncertaintyMethod
from methods.engines import EngineOption, fitting_engine, unsupported
from methods.interface import MethodTier
from methods.networks.recipes import ARTICLE, LAPLACE_REDUX, UNCERTAINTY_BASELINES
from methods.scores import SCORES, Score, member_scores


@dataclass(frozen=True)
class Preset:
    """What a run computes by default.

    It evaluates every condition but those that it leaves out, so that a new one is in it.

    Attributes:
        tiers: those whose methods it evaluates, see `methods.UncertaintyMethod`.
        without_conditions: the conditions that it leaves out, as globs.
        limits: how long a method is timed.
        parts: other parts of its `Configuration`, by name.
        recipe: how networks are trained; a task without it has no such preset. Empty: as the
            task's first says.
        own: by task or recipe, the parts that are otherwise for it.
        divides: whether ensembles also divide each budget among networks of half the training.
    """

    tiers: tuple[MethodTier, ...]
    without_conditions: tuple[str, ...]
    limits: Limits
    parts: Mapping[str, Any]
    recipe: str = ""
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    divides: bool = False

    def recipe_of(self, task: Task) -> str:
        """The name of the recipe by which networks of a task are trained."""
        return self.recipe or task.recipes[0].name


SHIFTS = ("translated-*", "corrupted-*", "natural-*")
"""Shifts that the article is not about."""

UPSIDE_DOWN = "rotated-1*"
"""Rotations by more than 90°, where a 6 is a 9."""

EMNIST = "ood-emnist_letters"
"""560 MB to download: only where it is named."""

PRESETS: dict[str, Preset] = {
    # A first look, without data sets that are elsewhere than at package registries only.
    "quick": Preset(
        tiers=("quick",),
        without_conditions=(*SHIFTS, UPSIDE_DOWN, "ood-notmnist", "ood-kmnist", EMNIST),
        limits=Limits(seconds=0.15, rounds=ROUNDS[0]),
        parts={
            "members": (1, 2, 5, 10, 20, 50),
            "passes": (50, 100),
            "images": 2000,
            "epochs": 2,
            "batch_sizes": (1, 64),
            "scores": "unfitted",
        },
        own={"digits": {"members": (1, 2, 5, 10, 20), "passes": (20, 100), "epochs": None}},
    ),
    # The article's claims, which are about images rotated by up to 45°; corrupted images are
    # those of the first table.
    "article": Preset(
        recipe=ARTICLE.name,
        tiers=("article",),
        without_conditions=("translated-*", "natural-*", "rotated-0[6-9]*", UPSIDE_DOWN, EMNIST),
        limits=Limits(seconds=1.0),
        parts={
            "members": (50,),
            "passes": (50, 100),
            "replicates": 10,
            "pool": 100,
            "severity_images": 2500,
            "batch_sizes": (1, 64),
            "scores": "unfitted",
        },
    ),
    # The answer: what one network's training, and that of five, are best spent on.
    "full": Preset(
        tiers=("quick", "full"),
        without_conditions=(EMNIST,),
        limits=Limits(seconds=0.5),
        parts={
            "members": (1, 2, 3, 5, 7, 10, 14, 20, 30, 50),
            "passes": (100,),
            "budgets": (1.0, 5.0),
            "replicates": 10,
            "pool": 50,
            "severity_images": 2500,
        },
        divides=True,
    ),
    # Is it epistemic? Experiments on what networks are trained on, with few replicates.
    "epistemic": Preset(
        tiers=("epistemic",),
        without_conditions=(
            *("rotated-*", "translated-*", "natural-*", "ood-uniform_noise", "ood-gaussian_noise"),
            EMNIST,
        ),
        limits=Limits(seconds=0.1, rounds=ROUNDS[0]),
        parts={
            "members": (5,),
            "passes": (100,),
            "shares": (0.005, 0.01, 0.03, 0.1, 0.3),
            "replicates": 3,
            "pool": 15,
            "severity_images": 1000,
            "batch_sizes": (1,),
            "scores": "unfitted",
        },
        own={"digits": {"shares": (0.03, 0.1, 0.3)}},
    ),
    # Other papers' numbers.
    "published": Preset(
        recipe=UNCERTAINTY_BASELINES.name,
        tiers=("published",),
        without_conditions=("rotated-*", *SHIFTS, "ood-*_noise", "ood-notmnist", EMNIST),
        limits=Limits(seconds=0.3),
        parts={
            "members": (1, 5, 10),
            "passes": (50,),
            "pool": 10,
            "batch_sizes": (1, 64),
            "scores": "unfitted",
        },
        own={LAPLACE_REDUX.name: {"members": (1, 5), "pool": 5}},
    ),
}

MOST_BUDGET = 1000
"""Networks; more would be a typing error that takes days."""

FEWEST_RESAMPLES = 100
"""Fewest resamples: the standard error of a standard error is then 7 %."""

MOST = {
    **dict.fromkeys(("members", "pool", "replicates"), 1000),  # networks: hours of training
    **dict.fromkeys(("passes", "epochs"), 10_000),
    **dict.fromkeys(("images", "severity_images", "subset_images", "batch_sizes"), 1_000_000),
    "resamples": 100_000,
}
"""The parts that are numbers; more would be a typing error that takes days, or all memory."""


def require_resampling(resamples: int, seed: int) -> None:
    """Stop at too few or too many resamples, and at a negative seed."""
    if resamples < FEWEST_RESAMPLES:
        raise UserError(
            f"--resamples: {resamples} is too small; expected at least {FEWEST_RESAMPLES}, since "
            "fewer give intervals of arbitrary width"
        )
    _require_sensible("resamples", resamples)
    if seed < 0:
        raise UserError(f"--seed: {seed} is negative; expected a whole number from 0")


def _require_known(part: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise UserError(
                f"{option_of(part)}: unknown name {name!r}; choose from {', '.join(known)}"
            )


def _require_sensible(part: str, numbers: int | tuple[int, ...] | None) -> None:
    for number in numbers if isinstance(numbers, tuple) else (numbers,):
        if number is not None and number < 1:
            raise UserError(f"{option_of(part)}: {number} is too small; expected at least 1")
        if number is not None and number > MOST[part]:
            raise UserError(
                f"{option_of(part)}: {number} is too large; expected at most {MOST[part]}"
            )


DEFAULT_TASK = next(iter(TASKS))

NETWORKS = Path(platformdirs.user_cache_dir("uncertainty-bench")) / "networks"
"""Default folder of trained networks, shared by all runs."""


def fitting_device(choice: Literal["auto", "cpu", "cuda"]) -> Literal["cpu", "cuda"]:
    """The device chosen; ``auto``: a CUDA device where torch finds one, else the CPU.

    Raises:
        UserError: the choice is ``cuda``, and there is no such device.
    """
    if choice == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch finds no CUDA device; use cpu or auto")
    return "cuda" if choice != "cpu" and torch.cuda.is_available() else "cpu"


def fitting_jobs(device: str) -> int:
    """Default number of workers: one a core, but a GPU has one."""
    from joblib import cpu_count  # here, not above: timing methods needs no such library

    return 1 if device == "cuda" else cpu_count()


DECIDE_PREDICTIONS = (
    *("task", "recipe", "images", "severity_images", "subset_images", "epochs", "seed", "device"),
    *("engine", "custom_methods"),
)
"""The parts that decide a run unit's prediction, as far as it has them."""


@dataclass(frozen=True)
class Configuration(RunParts):
    """What a run computes: two runs of one configuration write the same numbers."""

    def __post_init__(self) -> None:
        # Files are named by six digits of it.
        budgets = tuple(sorted(float(f"{budget:g}") for budget in self.budgets))
        object.__setattr__(self, "budgets", budgets)
        for part in fields(self):
            if isinstance(chosen := getattr(self, part.name), tuple):
                require_distinct(option_of(part.name), chosen)
        for name in ("budgets", "members", "passes", "batch_sizes"):
            if not getattr(self, name):
                raise UserError(
                    f"{option_of(name)}: nothing is chosen; name at least one, or omit the option"
                )
        _require_known("task", (self.task,), TASKS)
        task = TASKS[self.task]
        _require_known("recipe", (self.recipe,), [recipe.name for recipe in task.recipes])
        _require_known("methods", self.methods, METHODS)
        object.__setattr__(self, "conditions", task.matching(self.conditions))
        if not self.classes:
            raise UserError("no method is chosen; name one with --methods or --method")
        require_resampling(self.resamples, self.seed)
        for name in MOST:
            _require_sensible(name, getattr(self, name))
        if self.shares and self.budgets != (1.0,):
            raise UserError("--budget: experiments train by a budget of 1; leave out --budget")
        images = task.images_to_train_with(task.recipe(self.recipe).split)
        least = -(-1000 * len(task.classes) // images) / 1000
        for share in self.shares:
            if not 0 < share <= 1 or round(share * images) < len(task.classes):
                raise UserError(
                    f"--shares: {share:g} of the {images:,} training images leaves a class of "
                    f"{len(task.classes)} empty, or is more than all; expected {least:g} to 1"
                )
        for budget in self.budgets:
            if not 0 < budget <= MOST_BUDGET:
                raise UserError(
                    f"--budget: {budget:g} is out of range; expected a number of networks above 0 "
                    f"and at most {MOST_BUDGET}"
                )
        if self.engine == "numba" and self.device != "cpu":
            raise UserError(f"--engine numba runs on the CPU, not on {self.device}; use torch")
        if self.engine == "numba" and unsupported([task.recipe(self.recipe)]):
            raise UserError(
                f"--engine numba does not compute the recipe {self.recipe!r}; use --engine torch"
            )

    def __getstate__(self) -> dict[str, Any]:
        # Without classes, which another process may not be able to import by their names.
        return {name: value for name, value in vars(self).items() if name != "classes"}

    @cached_property
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
        return classes

    def sizes(self, method: type[UncertaintyMethod]) -> tuple[int, ...]:
        """The sizes that are evaluated of a method; none where there is nothing to choose."""
        if method.size is None:
            return ()
        by_option = {"members": self.members, "passes": self.passes}
        sizes = tuple(sorted(set(method.sweep))) or by_option[method.size]
        usual = tuple(size for size in sizes if size in method.usual_sizes)
        return (usual or (max(sizes),)) if method.only_usual else sizes

    @property
    def identity(self) -> dict[str, object]:
        """The configuration as JSON values; custom methods by file name and content."""
        methods = [
            {"method": without_folder(method), "sha256": sha256_of_file(method)}
            for method in self.custom_methods
        ]
        values = asdict(self) | {"custom_methods": methods}
        return dict(json.loads(json.dumps(values)))

    @cached_property
    def digest(self) -> int:
        """Hash of what decides a unit's prediction beside the unit, 63 bits; runs may share it.

        A prediction file has it, so that one of another run is noticed.
        """
        decides = json.dumps({name: self.identity[name] for name in DECIDE_PREDICTIONS})
        return int.from_bytes(sha256(decides.encode()).digest()[:8]) >> 1


def scores_of(configuration: Configuration) -> dict[str, Score]:
    """Uncertainty scores of a run: all, or those that are not fitted on training images."""
    every = configuration.scores == "all"
    return {name: score for name, score in SCORES.items() if every or score.fit is None}


def stored_scores(configuration: Configuration) -> dict[str, Score]:
    """Scores that stand in prediction files, since probabilities are not enough."""
    return member_scores() | feature_scores(configuration)


def feature_scores(configuration: Configuration) -> dict[str, Score]:
    """The scores of a network's features."""
    chosen = scores_of(configuration).items()
    return {name: score for name, score in chosen if score.fit is not None}


def configuration_of(
    preset: str, task: str = DEFAULT_TASK, recipe: str | None = None
) -> Configuration:
    """What a preset computes of a task, by default by the preset's recipe.

    Raises:
        UserError: there is no such preset, task or recipe.
    """
    _require_known("preset", (preset,), PRESETS)
    _require_known("task", (task,), TASKS)
    chosen, noun = PRESETS[preset], TASKS[task]
    by = f", by which --preset {preset} trains" if recipe is None else ""
    recipe = chosen.recipe_of(noun) if recipe is None else recipe
    if recipe not in (known := [each.name for each in noun.recipes]):
        raise UserError(
            f"--recipe: the task {task!r} has no {recipe!r}{by}; "
            f"choose from {', '.join(known)}, or another preset"
        )
    parts = {**chosen.parts, **chosen.own.get(task, {}), **chosen.own.get(recipe, {})}
    for part in ("images", "severity_images"):
        if (parts.get(part) or 0) >= noun.test_images:
            parts[part] = None
    return Configuration(
        preset=preset,
        task=task,
        recipe=recipe,
        methods=tuple(m.name for m in METHODS.values() if m.tiers.intersection(chosen.tiers)),
        conditions=tuple(
            condition.name
            for condition in noun.conditions
            if not any(fnmatchcase(condition.name, glob) for glob in chosen.without_conditions)
        ),
        engine=fitting_engine("auto", "cpu", [noun.recipe(recipe)]),
        **parts,
    )


def command_of(configuration: Configuration) -> str:
    """The shortest command line that gives this configuration; custom methods by file name."""
    chosen = configuration.preset, configuration.task, configuration.recipe
    preset = configuration_of(*chosen)
    words = ["python", "run_all.py", "--preset", configuration.preset]
    words += ["--task", configuration.task] if configuration.task != DEFAULT_TASK else []
    if configuration.recipe != PRESETS[configuration.preset].recipe_of(TASKS[configuration.task]):
        words += ["--recipe", configuration.recipe]
    every = configuration.severity_images is None is not preset.severity_images
    for part in CHOSEN:
        value = getattr(configuration, part)
        if part == "custom_methods":
            for method in value:
                words += [option_of(part), without_folder(method)]
        elif value != getattr(preset, part) or (part == "images" and every):
            values = value if isinstance(value, tuple) else (ALL if value is None else value,)
            texts = (f"{v:g}" if isinstance(v, float) else str(v) for v in values)
            words += [option_of(part), ",".join(texts)]
    return shlex.join(words)


def chosen_configuration(
    *,
    preset: str,
    task: str = DEFAULT_TASK,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    engine: EngineOption = "auto",
    **choices: Any,
) -> Configuration:
    """The preset's, with what is chosen.

    Args:
        choices: by the name of a part of the configuration; ``None``: the preset's. All images are
            `ALL`, and then those of each severity, too.

    Raises:
        UserError: something is unknown, out of range, or does not fit the rest.
    """
    if choices.get("conditions") == ():
        raise UserError("--conditions: nothing is chosen; leave it out for the preset's choice")
    chosen = {name: value for name, value in choices.items() if value is not None}
    if chosen.get("images") == ALL:
        chosen |= {"images": None, "severity_images": None}
    if files := chosen.get("custom_methods"):
        chosen["custom_methods"] = importable(files)
    defaults = configuration_of(preset, task, chosen.pop("recipe", None))
    chosen["device"] = fitting_device(device)
    recipes = [TASKS[task].recipe(defaults.recipe)]
    chosen["engine"] = fitting_engine(engine, chosen["device"], recipes)
    configuration = replace(defaults, **chosen)
    needed = (
        max(configuration.sizes(method)) if method.counts_networks else configuration.replicates
        for method in configuration.classes.values()
        if method.pooled
    )
    # A preset's pool is as large as the rest needs; who names one means it.
    if "pool" in chosen and chosen["pool"] < (most := max(needed, default=0)):
        raise UserError(
            f"--pool: {chosen['pool']} is too small; expected the {most} networks that the largest "
            "ensemble or all replicates need: choose more, or fewer --members and --replicates"
        )
    return configuration


def choices(task_name: str) -> Iterator[tuple[tuple[str, ...], list[tuple[object, ...]]]]:
    """Tables of what can be chosen, headings and rows; recipes and conditions are one task's.

    Raises:
        UserError: there is no such task.
    """
    _require_known("task", (task_name,), TASKS)
    task = TASKS[task_name]
    recipes = [recipe.name for recipe in task.recipes]
    names = (name for name, preset in PRESETS.items() if preset.recipe_of(task) in recipes)
    yield (
        ("--preset", "recipe", "budgets", "methods", "conditions", "images"),
        [
            (
                *(chosen.preset, chosen.recipe, ", ".join(f"{b:g}" for b in chosen.budgets)),
                *(len(chosen.methods), len(chosen.conditions), chosen.images or ALL),
            )
            for chosen in (configuration_of(name, task_name) for name in names)
        ],
    )
    yield (
        ("--task", "label", "classes", "training images", "test images"),
        [
            (t.name, t.label, len(t.classes), t.images_to_train_with("all"), t.test_images)
            for t in TASKS.values()
        ],
    )
    yield (
        ("--recipe", "network", "epochs", "dropout", "loss on"),
        [(r.name, r.network.name, r.epochs, r.dropout, r.loss) for r in task.recipes],
    )
    yield (
        ("--methods", "label", "source"),
        [(each.name, each.label, each.citation) for each in METHODS.values()],
    )
    yield (
        ("--conditions", "label", "group", "labels"),
        [(each.name, each.label, each.group, each.labels) for each in task.conditions],
    )
