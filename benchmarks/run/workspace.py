"""The place where a run computes: folders, images and workers, fitted methods, and failures."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from benchmarks.io import UserError, existing_folder, one_line, written_whole
from benchmarks.parallel import Result, parallel
from benchmarks.predictions import Owner, PredictionStore, RunUnit
from benchmarks.progress import Item, announce
from benchmarks.run.configuration import NETWORKS, fitting_jobs
from benchmarks.run.plan import Plan
from benchmarks.tasks.task import Condition, EvaluationSet, ImageLimits, Split, Task
from methods import METHODS, UncertaintyMethod
from methods.determinism import derive_seed, one_torch_thread, seed_generators
from methods.networks.pool import NetworkStore
from methods.networks.recipes import LabelledImages

PREDICTIONS_FOLDER = "predictions"
"""The prediction files, from which everything else can be recomputed."""


class Cluster(Protocol):
    """Workers elsewhere; see `benchmarks.cluster`. Another process has none."""

    def in_parallel(self, *arguments: Any, **options: Any) -> list[Any]:
        """See `Workspace.in_parallel`, which is its second argument."""

    def leave_this_machine(self) -> None:
        """End what works on this machine, until there is something to do again."""


class Failure(NamedTuple):
    """What failed, and why in one line."""

    what: str
    reason: str


@dataclass(frozen=True)
class Workspace:
    """Place where a run computes; no part of its identity, so never written to a file.

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
            stage, what, threads: see `parallel`.

        Raises:
            MachineError: the process of a worker ended, for example; what others had finished is
                kept.
        """
        if self.cluster is not None and items:
            return self.cluster.in_parallel(work, self, items, stage=stage, what=what)
        here = partial(work, self)
        with one_torch_thread():
            return parallel(here, items, stage=stage, what=what, jobs=self.jobs, threads=threads)

    def images(self, task: Task, split: Split) -> LabelledImages:
        """A split of the task's images, loaded once a process."""
        return _split(task, split, self.data_dir)

    def training_images(self, plan: Plan, training: str) -> LabelledImages:
        """The images that networks of a training, by its name, are trained on."""
        return self.images(plan.task, plan.trainings[training].split)

    def evaluation_set(self, condition: Condition, plan: Plan) -> EvaluationSet:
        """The images of a condition that the plan evaluates, built once a process."""
        limits, seed = plan.limits_of(condition), plan.configuration.seed
        return _evaluation_set(plan.task, condition, limits, seed, self.data_dir)

    def error_path(self, owner: Owner) -> Path:
        """The file of the error by which a unit or a network failed, if there is one."""
        return self.out / "errors" / f"{owner.name.replace('/', '-')}.txt"

    def note_failure(self, owner: Owner, error: BaseException) -> Failure:
        """Write the error with its trace to its file; absolute paths lose their folders."""
        reason = reason_of(error)
        trace = without_folders("".join(traceback.format_exception(error)))
        with written_whole(self.error_path(owner)) as temporary:
            # Names of files may hold what is no character.
            temporary.write_text(f"{reason}\n\n{trace}", encoding="utf-8", errors="replace")
        return Failure(owner.name, reason)

    def failure_reason(self, owner: Owner) -> str:
        """Why nothing is predicted, in one line."""
        path = self.error_path(owner)
        if not path.exists():
            return "not predicted yet"
        return path.read_text(encoding="utf-8").splitlines()[0]

    def fitted(self, plan: Plan, unit: RunUnit) -> UncertaintyMethod:
        """The unit's method, ready to predict.

        It is calibrated where its networks have not seen the task's calibration images.
        """
        split, held_out = plan.split(unit), None
        if split == "training" and plan.task.calibration_images:
            held_out = self.images(plan.task, "calibration")
        seed_call(plan.method(unit), "__init__")
        method = plan.method(unit, self.store)
        return fit(method, self.images(plan.task, split), held_out)


def workspace_for(
    plan: Plan,
    out: Path,
    *,
    networks: Path | None = None,
    data_dir: Path | None = None,
    jobs: int | None = None,
) -> Workspace:
    """Workspace of a plan, by default with the cache of networks, and every core.

    Paths become absolute: workers, and methods that change the folder, have another one.

    Raises:
        UserError: there is no such folder of data, or the one of networks cannot be created.
    """
    if data_dir is not None and not data_dir.is_dir():
        raise UserError(f"--data-dir {data_dir}: there is no such folder")
    return Workspace(
        out=out.absolute(),
        networks=existing_folder("--networks", networks or NETWORKS).absolute(),
        data_dir=data_dir and data_dir.absolute(),
        jobs=jobs or fitting_jobs(plan.configuration.device),
    )


@cache
def _split(task: Task, split: Split, data_dir: Path | None) -> LabelledImages:
    return task.split(split, data_dir)


@cache
def _evaluation_set(
    task: Task, condition: Condition, limits: ImageLimits, seed: int, data_dir: Path | None
) -> EvaluationSet:
    return task.evaluation_set(condition, limits, seed=seed, data_dir=data_dir)


def fit(
    method: UncertaintyMethod, training: LabelledImages, calibration: LabelledImages | None = None
) -> UncertaintyMethod:
    """Fit a method on copies of the images, since it must not change those of others."""
    seed_call(method, "fit")
    method.fit(training.images.clone(), training.labels.clone())
    if calibration is not None:
        seed_call(method, "calibrate")
        method.calibrate(calibration.images.clone(), calibration.labels.clone())
    return method


def seed_call(method: UncertaintyMethod, call: str) -> None:
    """Before a custom method is called, seed the global random generators that it may draw from.

    So a call does not depend on those before it, which a continued run need not make again.
    """
    if type(method) not in METHODS.values():
        seed_generators(derive_seed(f"{method.name}.{call}", getattr(method, "seed", 0)))


def make_ready(plan: Plan, workspace: Workspace) -> None:
    """Load the task's images, which may not be there; only then compile what is to compute."""
    for split in (*plan.splits, "test"):
        workspace.images(plan.task, split)
    if plan.configuration.engine == "numba":
        compile_once()


def compile_once() -> None:
    """Compile the kernels if they are not cached yet; announced, since it takes seconds."""
    # Imported here, since methods can be timed where there is no Numba.
    from methods.engines.lenet5_kernels import CACHE, compile_kernels, kernels_are_cached

    if CACHE is None:
        announce("compile", "no cache can be written: each process compiles the kernels anew")
    elif not kernels_are_cached():
        announce("compile", "the kernels, once on this machine: about 15 s")
        compile_kernels()


FOLDERS = re.compile(
    r"""(?<=['"])(?:[A-Za-z]:|~\w*|\.\.?)?[/\\][^'"\n]*[/\\]"""
    r"""|(?<![\w.~:/\\])(?:[A-Za-z]:|~\w*|\.\.?)?[/\\]+(?:[^\s'"/\\]+[/\\])+"""
)
"""The folders of a path, which in quotation marks may have spaces; a web address has none."""


def reason_of(error: BaseException) -> str:
    """The error in one line; absolute paths lose their folders."""
    return without_folders(one_line(error))


def without_folders(text: str) -> str:
    """The text with paths cut down to their file names: folders are private.

    >>> without_folders("No such file: '/home/me/my data/x.npy'")
    "No such file: 'x.npy'"
    >>> without_folders("see ../secret/x.npy, C:\\\\Users\\\\me\\\\y.npy or https://a.org/b/z.npy")
    'see x.npy, y.npy or https://a.org/b/z.npy'
    """
    home = os.path.expanduser("~")  # noqa: PTH111 (there may be none)
    return FOLDERS.sub("", text.replace(home, "~") if len(home) > 1 else text)
