"""The presets: what a run computes where nothing else is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.latency.stopwatch import Limits
from benchmarks.tasks import Task
from methods.networks.recipes import Recipe

PresetName = Literal["quick", "article", "medium", "full", "published"]


@dataclass(frozen=True)
class Preset:
    """What a run computes by default.

    It evaluates every method and condition but those that it leaves out, so that a new one of a
    register is in it.

    Attributes:
        recipes: those of a task; where there are none, the preset is not about the task.
        without_methods: the methods that it leaves out, by name.
        without_conditions: the conditions that it leaves out, as globs.
        in_depth: whether only the task's first recipe is evaluated at every size.
        images: how many of each condition, where a task has more test images; ``None``: all.
        limits: when a method has been timed enough.
        of_task: by task, what is otherwise for it: parts of this name of its configuration.
        members, passes, replicates, pool, epochs, resamples, batch_sizes, scores: see
            `benchmarks.run.configuration.Configuration`.
    """

    recipes: Callable[[Task], Sequence[Recipe]]
    without_methods: tuple[str, ...]
    without_conditions: tuple[str, ...]
    members: tuple[int, ...]
    passes: tuple[int, ...]
    limits: Limits
    in_depth: bool = False
    replicates: int = 5
    pool: int | None = 1
    images: int | None = None
    epochs: int | None = None
    resamples: int = 1000
    batch_sizes: tuple[int, ...] = (1, 8, 64, 1024)
    scores: Literal["all", "unfitted"] = "unfitted"
    of_task: Mapping[str, dict[str, Any]] = field(default_factory=dict)


EXACT = ("mc_dropout_exact",)

ADDED = (
    *("temperature_scaling", "temperature_scaled_mc_dropout", "temperature_scaled_ensemble"),
    *("laplace_last_layer", "laplace_kron", "test_time_augmentation", "swag", "snapshot_ensemble"),
)
"""What can be added to trained networks; the article is not about it."""

OF_PAPERS = ("laplace_last_layer_kron", "laplace_last_layer_fisher")
"""There for the sake of another paper's numbers."""

SHIFTS = ("translated-*", "corrupted-*", "natural-*")
"""Those that the article is not about."""

EMNIST = "ood-emnist_letters"
"""560 MB to download: only where it is named."""

PRESETS: dict[str, Preset] = {
    # A first look, without data sets that are elsewhere than at package registries only.
    "quick": Preset(
        recipes=lambda task: task.recipes[:1],
        without_methods=(*EXACT, *ADDED, *OF_PAPERS),
        without_conditions=(*SHIFTS, "ood-notmnist", "ood-kmnist", EMNIST),
        members=(1, 2, 5, 10, 20, 50),
        passes=(50, 100),
        images=2000,
        epochs=2,
        batch_sizes=(1, 64),
        limits=Limits(seconds=0.15),
        of_task={"digits": {"members": (1, 2, 5, 10, 20), "passes": (20, 100), "epochs": None}},
    ),
    # The article's claims.
    "article": Preset(
        recipes=lambda task: tuple(map(task.recipe, task.article_recipes)),
        without_methods=(*EXACT, *ADDED, *OF_PAPERS),
        without_conditions=(*SHIFTS, EMNIST),
        members=(50,),
        passes=(50, 100),
        replicates=10,
        limits=Limits(seconds=1.5),
    ),
    # A comparison of all methods in hours, not a night. Most need calibration images.
    "medium": Preset(
        recipes=lambda task: [one for one in task.recipes if one.split == "training"],
        without_methods=(*EXACT, *OF_PAPERS),
        without_conditions=(EMNIST,),
        members=(1, 2, 3, 5, 7, 10, 14, 20),
        passes=(1, 2, 5, 10, 20, 50, 100),
        in_depth=True,
        pool=20,
        images=2500,
        resamples=500,
        scores="all",
        limits=Limits(seconds=0.5),
    ),
    # All; numbers of dropout passes are compared on the article's task alone.
    "full": Preset(
        recipes=lambda task: task.recipes,
        without_methods=OF_PAPERS,
        without_conditions=(EMNIST,),
        members=(1, 2, 3, 5, 7, 10, 14, 20, 30, 50),
        passes=(100,),
        in_depth=True,
        replicates=10,
        pool=None,
        scores="all",
        limits=Limits(seconds=1.5),
        of_task={"mnist": {"passes": (1, 2, 5, 10, 20, 50, 100)}},
    ),
    # Other papers' numbers.
    "published": Preset(
        recipes=lambda task: task.published,
        without_methods=(*EXACT, *ADDED),
        without_conditions=("rotated-*", *SHIFTS, "ood-*_noise", "ood-notmnist", EMNIST),
        members=(1, 5, 10),
        passes=(50,),
        pool=None,
        resamples=500,
        batch_sizes=(1, 64),
        limits=Limits(seconds=0.5),
    ),
}

USUAL_SIZES: dict[str, tuple[int, ...]] = {
    "mc_dropout": (10, 20, 50),
    "deep_ensemble": (2, 5, 10),
    "temperature_scaled_mc_dropout": (20,),
    "temperature_scaled_ensemble": (5,),
    "test_time_augmentation": (9,),
    "swag": (30,),
    "snapshot_ensemble": (5,),
}
"""The sizes of methods that users run: tables show them beside the largest."""

ONLY_USUAL = frozenset({"temperature_scaled_mc_dropout", "temperature_scaled_ensemble"})
"""Of these methods a run evaluates no other size, unless it has none of the usual ones."""

SLOW = frozenset(EXACT)
"""About a second an image: evaluated in depth, on the subset conditions; timed on single images."""

COSTLY = frozenset({"laplace_kron"})
"""Evaluated only for the recipes in depth."""


def is_basic(method: str) -> bool:
    """Whether no preset leaves the method out, so that every other is compared with it."""
    return not any(method in preset.without_methods for preset in PRESETS.values())
