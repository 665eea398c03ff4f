"""Where a run computes: its folders, its data and its workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from benchmarks.predictions import PredictionStore
from benchmarks.run.plan import Plan
from benchmarks.tasks.conditions import Condition, EvaluationSet
from benchmarks.tasks.task import Split, Task
from benchmarks.vocabulary import PREDICTIONS_FOLDER
from methods.networks.labelled_images import LabelledImages
from methods.networks.store import NetworkStore
from methods.threads import one_torch_thread

Item = TypeVar("Item")
Result = TypeVar("Result")


class Cluster(Protocol):
    """Workers elsewhere; see `benchmarks.cluster`. Another process has none."""

    def in_parallel(self, *arguments: Any, **options: Any) -> list[Any]:
        """See `Workspace.in_parallel`, which is its second argument."""

    def leave_this_machine(self) -> None:
        """End what works on this machine, until there is something to do again."""


@dataclass(frozen=True)
class Workspace:
    """Where a run computes; no part of its identity, so never written to a file.

    Attributes:
        out: the folder that the run writes.
        networks: the folder of trained networks, which all runs share.
        data_dir: the user's own folder of data sets, or ``None``.
        jobs: how many run units are worked on in parallel.
        cluster: what works on them instead, if there is one.
    """

    out: Path
    networks: Path
    data_dir: Path | None
    jobs: int
    cluster: Cluster | None = field(default=None, compare=False)

    @property
    def predictions(self) -> PredictionStore:
        """The prediction files."""
        return PredictionStore(self.out / PREDICTIONS_FOLDER)

    @property
    def store(self) -> NetworkStore:
        """The trained networks."""
        return NetworkStore(self.networks)

    def on(self, cluster: Cluster) -> Workspace:
        """The same with these workers, whose working folder is another one."""
        data_dir = self.data_dir and self.data_dir.resolve()
        out, networks = self.out.resolve(), self.networks.resolve()
        return Workspace(out, networks, data_dir, self.jobs, cluster)

    def in_parallel(
        self,
        work: Callable[[Workspace, Item], Result],
        items: Sequence[Item],
        *,
        stage: str,
        what: str,
        threads: bool = False,
    ) -> list[Result]:
        """The results of the work on each item, in the order in which they were finished.

        Args:
            work: called with the workspace in which it is done, and an item. Done twice, it writes
                the same files.
            items: one a call.
            stage, what, threads: see `parallel`.

        Raises:
            MachineError: the process of a worker ended, for example; what others had finished is
                kept.
        """
        if self.cluster is None or not items:
            # Here, not above: timing methods needs no such library.
            from benchmarks.parallel import parallel

            one = partial(work, self)
            with one_torch_thread():
                return parallel(one, items, stage=stage, what=what, jobs=self.jobs, threads=threads)
        return self.cluster.in_parallel(work, self, items, stage=stage, what=what)

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
