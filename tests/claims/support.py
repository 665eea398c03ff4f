"""A small run by the article's recipe, with everything that claims need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks import run as run_module
from benchmarks.claims import training_sets
from benchmarks.configuration import Configuration, Machine
from benchmarks.run import Run

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
    run_module._mnist.cache_clear()
    run_module._judged.cache_clear()
    training_sets._chosen.cache_clear()


def run_in(folder: Path, jobs: int = 1, **changes: object) -> Run:
    machine = Machine(folder / "out", folder / "networks", None, jobs=jobs)
    return Run(replace(SMALL, **changes), machine)
