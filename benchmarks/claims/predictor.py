"""What predicts with a run's networks: predictions of the run, and those that claims add."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import product
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from benchmarks.predictions import THE_RUN, RunUnit, StoredPrediction
from benchmarks.progress import announce
from benchmarks.run.plan import Plan
from benchmarks.run.reading import OtherRunError, predicted_conditions, read_prediction
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.mnist import PECULIAR, TYPICAL
from benchmarks.tasks.task import EvaluationSet
from benchmarks.vocabulary import CLAIMS, CLEAN, TRAIN
from methods import METHODS, Prediction, UncertaintyMethod
from methods.determinism import one_torch_thread
from methods.mc_dropout import MCDropout
from methods.networks.pool import NetworkPool
from methods.networks.recipes import LabelledImages
from methods.pooled import PooledMethod

NETWORKS = 50
"""How many networks a claim is measured on, where the run has so many."""

SOFTMAX, SAMPLED, ENSEMBLE = "softmax", "mc_dropout", "deep_ensemble"
IN_TEXT = {SOFTMAX: "softmax", SAMPLED: "MC-dropout", ENSEMBLE: "the ensemble"}
"""The methods that claims are about, and what they are called in a sentence."""

TWO_IMAGES = "article-images"
"""The name of the article's two images, under which their predictions are stored."""

PASSES = 100
"""How many passes with dropout on the article takes."""

CHOOSING = 5
"""How many networks choose the images on which models disagree; a claim then leaves them out."""

AT_ONCE = 1_000_000
"""How many members times images a method predicts at once, for the sake of memory."""


class OtherMasks(MCDropout):
    """T further passes: those that follow the first T of MC-dropout with the same network."""

    name = "mc_dropout_other_masks"

    def member_logits(self, images: Tensor) -> Tensor:
        """The logits of the T sub-networks, [T, images, classes]."""
        (network,) = self.fitted
        passes = network.passes(self.seed, self.replicate, 2 * self.passes)
        return self.prepared.pass_logits(images, passes[self.passes :])


METHODS_OF_CLAIMS: dict[str, type[UncertaintyMethod]] = {**METHODS, OtherMasks.name: OtherMasks}


def trained_networks(plan: Plan) -> int:
    """How many networks a run has that are trained by its recipe itself, from number 0."""
    return [network.training for network in plan.networks()].count(plan.recipe.name)


@dataclass(frozen=True)
class Predictor:
    """Predicts with the networks of a run whose recipe has dropout itself: all methods share them.

    Attributes:
        plan, workspace: the run whose networks and images these are.
        networks: how many networks there are, from number 0.
        unavailable: the conditions whose images cannot be had.
    """

    plan: Plan
    workspace: Workspace
    networks: int
    unavailable: Mapping[str, str] = field(default_factory=dict)

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

    def images(self, name: str) -> EvaluationSet:
        """The images of a condition, or the article's two."""
        if name != TWO_IMAGES:
            return self.workspace.evaluation_set(self.plan.task.condition(name), self.plan)
        test = self.workspace.images(self.plan.task, "test")
        return EvaluationSet(test.images[[TYPICAL, PECULIAR]], test.labels[[TYPICAL, PECULIAR]])

    def pool(self) -> tuple[NetworkPool, LabelledImages]:
        """The networks, and the images they are trained on."""
        training = self.workspace.images(self.plan.task, self.plan.recipe.split)
        return self.plan.pool(store=self.workspace.store), training

    def apart(self, name: str) -> Workspace:
        """Where predictions by other networks than the run's are stored."""
        return replace(self.workspace, out=self.workspace.predictions.folder / name)

    def method(self, unit: RunUnit) -> PooledMethod:
        """The unit's method, not fitted yet."""
        pool, _ = self.pool()
        method = METHODS_OF_CLAIMS[unit.method].build(pool, unit.replicate, unit.size)
        assert isinstance(method, PooledMethod)
        return method

    def get(self, unit: RunUnit, images: str = CLEAN) -> Prediction:
        """The unit's prediction; computed now if it is not stored, or by another run."""
        stored = None
        with suppress(OtherRunError):
            stored = read_prediction(self.plan, self.workspace, unit, images)
        if stored is None:
            self.predict([unit], [images], again=True)
            stored = self.workspace.predictions.load(unit, images)
        return stored.prediction

    def predict(
        self, units: Iterable[RunUnit], names: Collection[str] = (CLEAN,), *, again: bool = False
    ) -> None:
        """Predict these images by each unit; it is stored among the run's prediction files.

        Args:
            names: conditions, or `TWO_IMAGES`.
            again: also what is stored.
        """
        pending: dict[RunUnit, list[str]] = {}
        for unit, name in product(dict.fromkeys(units), names):
            if again or name not in predicted_conditions(self.plan, self.workspace, unit):
                pending.setdefault(unit, []).append(name)
        self.train(pending)
        self._in_parallel(_predict, list(pending.items()), CLAIMS, "predictions")

    def train(self, units: Iterable[RunUnit]) -> None:
        """Train the networks of these run units that are not stored yet, in parallel.

        Before anything is predicted in parallel, so that no network is trained twice.
        """
        pool, training = self.pool()
        wanted = {number for unit in units for number in self.method(unit).networks}
        missing = pool.missing(sorted(wanted), training)
        if missing:
            announce(TRAIN, f"{len(missing)} networks that are not stored yet")
        self._in_parallel(_train, pool.engine.batches(missing), TRAIN, "networks")

    def _in_parallel(
        self, work: Callable[..., None], items: list[Any], stage: str, what: str
    ) -> None:
        if items:
            threads = self.plan.in_threads
            call = partial(work, self)
            self.workspace.in_parallel(call, items, stage=stage, what=what, threads=threads)


def ensemble_of(size: int, block: int = 0) -> RunUnit:
    """The deep ensemble of a block of so many networks."""
    return RunUnit(ENSEMBLE, size, float(size), block)


@one_torch_thread()
def _train(predictor: Predictor, workspace: Workspace, numbers: list[int]) -> None:
    """Train these networks in one call."""
    pool, training = replace(predictor, workspace=workspace).pool()
    pool.networks(numbers, training)


@one_torch_thread()
def _predict(
    predictor: Predictor, workspace: Workspace, requested: tuple[RunUnit, list[str]]
) -> None:
    """Predict all these images by the unit's method."""
    predictor = replace(predictor, workspace=workspace)
    unit, names = requested
    pool, training = predictor.pool()
    method = predictor.method(unit)
    # As `fit` does, but without a fingerprint of the training images for each unit.
    method.fitted = pool.networks(method.networks, training)
    sources = {THE_RUN: predictor.plan.configuration.digest}
    for name in names:
        images = predictor.images(name)
        blocks = torch.split(images.images, max(1, AT_ONCE // (unit.size or 1)))
        predictions = list(map(method.predict, blocks))
        whole = Prediction(
            mean=torch.cat([block.mean for block in predictions]),
            vote_share=torch.cat([block.vote_share for block in predictions]),
            expected_entropy=torch.cat([block.expected_entropy for block in predictions]),
            members=predictions[0].members,
        )
        stored = StoredPrediction(whole, images.labels, sources=sources, groups=images.groups)
        workspace.predictions.save(unit, name, stored)
