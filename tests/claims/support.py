"""A small run by the article's recipe, with everything that claims need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.claims import training_sets
from benchmarks.run import workspace as workspace_module
from benchmarks.run.configuration import Configuration
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from tests.a_run import Run

SMALL = Configuration(
    preset="quick",
    recipes=("article", "article-logits"),
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    conditions=("rotated-045", "ood-uniform_noise"),
    members=(2,),
    passes=(100,),
    replicates=2,
)


def forget_images() -> None:
    workspace_module._mnist.cache_clear()
    workspace_module._evaluation_set.cache_clear()
    training_sets._chosen.cache_clear()


def run_in(folder: Path, jobs: int = 1, **changes: object) -> Run:
    machine = Workspace(folder / "out", folder / "networks", None, jobs=jobs)
    return Run(Plan(replace(SMALL, **changes)), machine)
