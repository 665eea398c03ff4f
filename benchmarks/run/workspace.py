"""Where a run computes: its folders, its data and its workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.predictions import PredictionStore
from benchmarks.run.plan import Plan
from benchmarks.tasks.conditions import Condition, EvaluationSet
from benchmarks.tasks.task import Split, Task
from benchmarks.vocabulary import PREDICTIONS_FOLDER
from methods.networks.labelled_images import LabelledImages
from methods.networks.store import NetworkStore


@dataclass(frozen=True)
class Workspace:
    """Where a run computes; no part of its identity, so never written to a file.

    Attributes:
        out: the folder that the run writes.
        networks: the folder of trained networks, which all runs share.
        data_dir: the user's own folder of data sets, or ``None``.
        jobs: how many run units are worked on in parallel.
    """

    out: Path
    networks: Path
    data_dir: Path | None
    jobs: int

    @property
    def predictions(self) -> PredictionStore:
        """The prediction files."""
        return PredictionStore(self.out / PREDICTIONS_FOLDER)

    @property
    def store(self) -> NetworkStore:
        """The trained networks."""
        return NetworkStore(self.networks)

    def images(self, task: Task, split: Split) -> LabelledImages:
        """A split of the task's images, loaded once a process."""
        return _split(task, split, self.data_dir)

    def training_images(self, plan: Plan, recipe: str) -> LabelledImages:
        """The images that networks of a recipe are trained on."""
        return self.images(plan.task, plan.configuration.recipe(recipe).split)

    def evaluation_set(self, condition: Condition, plan: Plan) -> EvaluationSet:
        """The images of a condition that the plan evaluates, built once a process."""
        images = plan.images_of(condition)
        # Conditions are equal whatever their functions do, so that these are a key, too.
        functions = (plan.task.load, condition.load, condition.transform)
        seed = plan.configuration.seed
        return _evaluation_set(functions, plan.task, condition, images, seed, self.data_dir)


@cache
def _split(task: Task, split: Split, data_dir: Path | None) -> LabelledImages:
    return task.split(split, data_dir)


@cache
def _evaluation_set(
    functions: tuple[Callable[..., object] | None, ...],
    task: Task,
    condition: Condition,
    images: int | None,
    seed: int,
    data_dir: Path | None,
) -> EvaluationSet:
    return task.evaluation_set(condition, images, seed=seed, data_dir=data_dir)
