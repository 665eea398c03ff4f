"""Where a run computes: its folders, its data and its workers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from benchmarks.data.loading import load_mnist
from benchmarks.predictions import PredictionStore
from benchmarks.run.plan import Plan
from benchmarks.tasks.conditions import Condition, EvaluationSet
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

    def training_images(self) -> LabelledImages:
        """MNIST's training images, loaded once a process."""
        return _mnist("train", self.data_dir)

    def test_images(self) -> LabelledImages:
        """MNIST's test images, loaded once a process; the training log's validation data."""
        return _mnist("test", self.data_dir)

    def evaluation_set(self, condition: Condition, plan: Plan) -> EvaluationSet:
        """The images of a condition that the plan evaluates, built once a process."""
        images = plan.images_of(condition)
        return _evaluation_set(condition, images, plan.configuration.seed, self.data_dir)


@cache
def _mnist(split: Literal["train", "test"], data_dir: Path | None) -> LabelledImages:
    return load_mnist(split, data_dir=data_dir)


@cache
def _evaluation_set(
    condition: Condition, images: int | None, seed: int, data_dir: Path | None
) -> EvaluationSet:
    return condition.build(images, seed=seed, data_dir=data_dir)
