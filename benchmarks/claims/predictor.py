"""What predicts with a run's networks: claims read what the run has, and add only what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from benchmarks.predictions import THE_RUN, RunUnit, StoredPrediction
from benchmarks.progress import announce
from benchmarks.run.plan import Plan
from benchmarks.run.reading import OtherRunError, read_prediction
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.mnist import PECULIAR, TYPICAL
from benchmarks.tasks.task import EvaluationSet
from benchmarks.vocabulary import CLAIMS, CLEAN, TRAIN
from methods import METHODS, Prediction
from methods.determinism import one_torch_thread
from methods.networks.pool import NetworkPool
from methods.networks.recipes import LabelledImages
from methods.pooled import PooledMethod

NETWORKS = 50
"""How many networks a claim is measured on, where the run has so many."""

SOFTMAX, SAMPLED, ENSEMBLE = "softmax", "mc_dropout", "deep_ensemble"
IN_TEXT = {SOFTMAX: "softmax", SAMPLED: "MC-dropout", ENSEMBLE: "the ensemble"}
"""The methods that claims are about, and what they are called in a sentence."""

SEVERAL = (SAMPLED, ENSEMBLE)
"""Those of them that have several members."""

TWO_IMAGES = "article-images"
"""The name of the article's two images, under which their predictions are stored."""

PASSES = 100
"""How many passes with dropout on the article takes."""

CHOOSING = 5
"""How many networks choose the images on which models disagree; a claim then leaves them out."""

AT_ONCE = 1_000_000
"""How many members times images a method predicts at once, for the sake of memory."""


def trained_networks(plan: Plan) -> int:
    """How many networks a run has that are trained by its recipe itself, from number 0."""
    return [network.training for network in plan.networks()].count(plan.recipe.name)


Training = tuple[NetworkPool, LabelledImages]
"""Networks, and the images they are trained on."""


def run_training(plan: Plan, workspace: Workspace) -> Training:
    """The run's own networks."""
    return plan.pool(store=workspace.store), workspace.images(plan.task, plan.recipe.split)


@dataclass(frozen=True)
class Predictor:
    """Predicts with the networks of a run whose recipe has dropout itself: all methods share them.

    Attributes:
        plan, workspace: the run whose networks and images these are.
        networks: how many networks there are, from number 0.
        unavailable: the conditions whose images cannot be had.
        training: whose networks these are, where they are not the run's; a function of a module,
            so that workers can call it.
    """

    plan: Plan
    workspace: Workspace
    networks: int
    unavailable: Mapping[str, str] = field(default_factory=dict)
    training: Callable[[Plan, Workspace], Training] = run_training

    @property
    def repeated(self) -> int:
        """How many networks predict whole sets of images: those of which the run has it."""
        return min(self.plan.configuration.replicates, self.networks)

    @cached_property
    def ood(self) -> tuple[str, ...]:
        """The out-of-distribution conditions of the run."""
        return tuple(
            condition.name
            for condition in self.plan.conditions
            if not (condition.labelled or condition.subset or condition.name in self.unavailable)
        )

    @property
    def labels(self) -> Int64[Tensor, " images"]:
        """Of the clean images."""
        return self.labels_of(CLEAN)

    def labels_of(self, condition: str) -> Int64[Tensor, " images"]:
        """Of the images of a condition that has them: of a severity there may be fewer."""
        labels = self.images(condition).labels
        assert labels is not None
        return labels

    def softmax(self, network: int) -> RunUnit:
        """The network, dropout off."""
        return RunUnit(SOFTMAX, None, 1.0, network)

    def mc_dropout(self, network: int, passes: int = PASSES) -> RunUnit:
        """The network, dropout on."""
        return RunUnit(SAMPLED, passes, 1.0, network)

    @property
    def ensemble(self) -> RunUnit:
        """All networks as members of one ensemble."""
        return ensemble_of(self.networks)

    def blocks(self, size: int) -> list[RunUnit]:
        """Disjoint ensembles of this size, as many as the networks give; at least one."""
        count = max(1, self.networks // size)
        size = min(size, self.networks)
        return [ensemble_of(size, block) for block in range(count)]

    @property
    def compared(self) -> dict[str, list[RunUnit]]:
        """By method its units that the run has predicted; of the ensemble the largest one."""
        networks = range(self.repeated)
        return {
            SOFTMAX: [self.softmax(network) for network in networks],
            SAMPLED: [self.mc_dropout(network) for network in networks],
            ENSEMBLE: [self.ensemble],
        }

    def images(self, name: str) -> EvaluationSet:
        """The images of a condition, or the article's two."""
        if name != TWO_IMAGES:
            return self.workspace.evaluation_set(self.plan.task.condition(name), self.plan)
        test = self.workspace.images(self.plan.task, "test")
        return EvaluationSet(test.images[[TYPICAL, PECULIAR]], test.labels[[TYPICAL, PECULIAR]])

    def pool(self) -> Training:
        """The networks, and the images they are trained on."""
        return self.training(self.plan, self.workspace)

    def otherwise(
        self, name: str, networks: int, training: Callable[[Plan, Workspace], Training]
    ) -> Predictor:
        """What predicts with other networks than the run's; it stores predictions by this name."""
        apart = replace(self.workspace, out=self.workspace.predictions.folder / name)
        return replace(self, workspace=apart, networks=networks, training=training)

    def method(self, unit: RunUnit) -> PooledMethod:
        """The unit's method, not fitted yet."""
        method = METHODS[unit.method].build(self.pool()[0], unit.replicate, unit.size)
        assert isinstance(method, PooledMethod)
        return method

    def get(self, unit: RunUnit, images: str = CLEAN) -> Prediction:
        """The unit's prediction; see `predictions`."""
        return self.predictions([unit], images)[0]

    def predictions(self, units: Iterable[RunUnit], images: str = CLEAN) -> list[Prediction]:
        """What each unit predicts for the images of a condition, or for the article's two.

        What is not stored, or by another run, is computed now and stored among the run's prediction
        files.
        """
        known = {unit: self._stored(unit, images) for unit in units}
        missing = [unit for unit, stored in known.items() if stored is None]
        if missing:  # else training images need not be made
            self.train(missing)
        self._in_parallel(partial(_predict, self, images), missing, CLAIMS, "predictions")
        load = self.workspace.predictions.load
        return [(stored or load(unit, images)).prediction for unit, stored in known.items()]

    def _stored(self, unit: RunUnit, images: str) -> StoredPrediction | None:
        with suppress(OtherRunError):
            return read_prediction(self.plan, self.workspace, unit, images)
        return None

    def train(self, units: Iterable[RunUnit]) -> None:
        """Train the networks of these run units that are not stored yet, in parallel.

        Before anything is predicted in parallel, so that no network is trained twice.
        """
        pool, training = self.pool()
        wanted = {number for unit in units for number in self.method(unit).networks}
        missing = pool.missing(sorted(wanted), training)
        if missing:
            announce(TRAIN, f"{len(missing)} networks that are not stored yet")
        self._in_parallel(partial(_train, self), pool.engine.batches(missing), TRAIN, "networks")

    def _in_parallel(
        self, work: Callable[..., None], items: list[Any], stage: str, what: str
    ) -> None:
        if items:
            threads = self.plan.in_threads
            self.workspace.in_parallel(work, items, stage=stage, what=what, threads=threads)


def ensemble_of(size: int, block: int = 0) -> RunUnit:
    """The deep ensemble of a block of so many networks."""
    return RunUnit(ENSEMBLE, size, float(size), block)


@one_torch_thread()
def _train(predictor: Predictor, workspace: Workspace, numbers: list[int]) -> None:
    """Train these networks in one call."""
    pool, training = predictor.training(predictor.plan, workspace)
    pool.networks(numbers, training)


@one_torch_thread()
def _predict(predictor: Predictor, images: str, workspace: Workspace, unit: RunUnit) -> None:
    """Predict these images by the unit's method."""
    predictor = replace(predictor, workspace=workspace)
    evaluated, method = predictor.images(images), predictor.method(unit)
    # As `fit` does, but without a fingerprint of the training images for each unit.
    pool, training = predictor.pool()
    method.fitted = pool.networks(method.networks, training)
    blocks = torch.split(evaluated.images, max(1, AT_ONCE // (unit.size or 1)))
    each = list(map(method.predict, blocks))
    whole = Prediction(
        mean=torch.cat([part.mean for part in each]),
        vote_share=torch.cat([part.vote_share for part in each]),
        expected_entropy=torch.cat([part.expected_entropy for part in each]),
        members=each[0].members,
    )
    sources = {THE_RUN: predictor.plan.configuration.digest}
    stored = StoredPrediction(whole, evaluated.labels, sources=sources, groups=evaluated.groups)
    workspace.predictions.save(unit, images, stored)
