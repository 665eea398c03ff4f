"""What predicts with a recipe's networks: predictions of the run, and those that claims add."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import product

import torch
from jaxtyping import Int64
from torch import Tensor

from benchmarks.claims.training_sets import TRAINING_SETS, training_set
from benchmarks.predictions import THE_RUN, RunUnit, StoredPrediction
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.task import EvaluationSet
from benchmarks.vocabulary import CLAIMS, CLEAN, PECULIAR, TYPICAL
from methods import METHODS, Prediction, UncertaintyMethod
from methods.determinism import one_torch_thread
from methods.mc_dropout import MCDropout
from methods.networks.pool import NetworkPool
from methods.networks.recipes import ARTICLE, LabelledImages
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

OUTSIDE = 5
"""How many networks are in neither of two disjoint ensembles, where a claim needs such."""

CHOOSING = 5
"""How many further networks choose images on which models disagree."""

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


@dataclass(frozen=True)
class RecipePredictor:
    """Predicts with one recipe's networks, in a run.

    Attributes:
        plan, workspace: the run whose networks and images these are.
        recipe: the recipe, or one of `training_sets.TRAINING_SETS`.
        networks: how many networks there are, from number 0.
        unavailable: the conditions whose images cannot be had.
    """

    plan: Plan
    workspace: Workspace
    recipe: str
    networks: int
    unavailable: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, plan: Plan, workspace: Workspace, recipe: str, unavailable: Mapping[str, str]
    ) -> RecipePredictor:
        """Those of a recipe of the run."""
        numbers = [number for name, number in plan.networks() if name == recipe]
        return cls(plan, workspace, recipe, min(NETWORKS, len(numbers)), unavailable)

    @cached_property
    def trained(self) -> int:
        """How many networks of the recipe the run trains."""
        return sum(1 for recipe, _ in self.plan.networks() if recipe == self.recipe)

    @property
    def disjoint_ensembles(self) -> tuple[RunUnit, RunUnit]:
        """Two ensembles, A and B, as large as they can be without sharing a network."""
        size = min(NETWORKS, self.trained // 2)
        return RunUnit(self.recipe, ENSEMBLE, size, 0), RunUnit(self.recipe, ENSEMBLE, size, 1)

    @property
    def outside(self) -> range:
        """The numbers of networks that are in neither; they are trained if the run has none."""
        ensemble, _ = self.disjoint_ensembles
        first = 2 * (ensemble.size or 0)
        return range(first, first + OUTSIDE)

    @property
    def choosing_ensemble(self) -> RunUnit:
        """Ensemble C: its networks are in neither of the disjoint ensembles, and not outside."""
        return RunUnit(self.recipe, ENSEMBLE, CHOOSING, -(-self.outside.stop // CHOOSING))

    def blocks(self, size: int, networks: int) -> list[RunUnit]:
        """Disjoint ensembles of this size, as many as so many networks give; at least one."""
        count = max(1, networks // size)
        return [RunUnit(self.recipe, ENSEMBLE, min(size, networks), one) for one in range(count)]

    @property
    def repeated(self) -> int:
        """How many networks predict rotated and out-of-distribution images.

        All of the article's recipe; of another recipe those that the run uses anyway.
        """
        replicates = self.plan.configuration.replicates
        return self.networks if self.recipe == ARTICLE.name else min(replicates, self.networks)

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
        """Of the clean images and of those made of them."""
        labels = self.images(CLEAN).labels
        assert labels is not None
        return labels

    @property
    def ensemble(self) -> RunUnit:
        """All networks as members of one ensemble."""
        return RunUnit(self.recipe, ENSEMBLE, self.networks, 0)

    def softmax(self, network: int) -> RunUnit:
        """The network, dropout off."""
        return RunUnit(self.recipe, SOFTMAX, None, network)

    def mc_dropout(self, network: int, passes: int = PASSES) -> RunUnit:
        """The network, dropout on."""
        return RunUnit(self.recipe, SAMPLED, passes, network)

    def other_masks(self, network: int, passes: int = PASSES) -> RunUnit:
        """The network, dropout on, by as many further masks."""
        return RunUnit(self.recipe, OtherMasks.name, passes, network)

    def exact(self, network: int) -> RunUnit:
        """All sub-networks of the network."""
        return RunUnit(self.recipe, "mc_dropout_exact", None, network)

    def images(self, name: str) -> EvaluationSet:
        """The images of a condition, or the article's two."""
        if name != TWO_IMAGES:
            return self.workspace.evaluation_set(self.plan.task.condition(name), self.plan)
        test = self.workspace.images(self.plan.task, "test")
        return EvaluationSet(test.images[[TYPICAL, PECULIAR]], test.labels[[TYPICAL, PECULIAR]])

    def pool(self, recipe: str = "") -> tuple[NetworkPool, LabelledImages]:
        """The networks of a recipe, by default this one, and the images that they are trained on.

        Args:
            recipe: also one of the `TRAINING_SETS`.
        """
        name = recipe or self.recipe
        if name in TRAINING_SETS:
            return training_set(self.plan, self.workspace, name)
        return self.plan.pool(name, self.workspace.store), self.workspace.training_images(
            self.plan, name
        )

    def method(self, unit: RunUnit) -> PooledMethod:
        """The unit's method, not fitted yet."""
        pool, _ = self.pool(unit.recipe)
        method = METHODS_OF_CLAIMS[unit.method].build(pool, unit.replicate, unit.size)
        assert isinstance(method, PooledMethod)
        return method

    def get(self, unit: RunUnit, images: str = CLEAN) -> Prediction:
        """The unit's prediction; computed now if it is not stored, or by another run."""
        stored = self.workspace.predictions.load_if_there(unit, images)
        digest = self.plan.configuration.digest
        if stored is None or stored.sources.get(THE_RUN, digest) != digest:
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
        stored = self.workspace.predictions
        pending: dict[RunUnit, list[str]] = {}
        for unit, name in product(dict.fromkeys(units), names):
            if again or not stored.holds(unit, name):
                pending.setdefault(unit, []).append(name)
        self.train(pending)
        if pending:
            self.workspace.in_parallel(
                partial(_predict, self),
                list(pending.items()),
                stage=CLAIMS,
                what="predictions",
                threads=self.plan.in_threads,
            )

    def train(self, units: Iterable[RunUnit]) -> None:
        """Train the networks of these run units that are not stored yet, in parallel.

        Before anything is predicted in parallel, so that no network is trained twice.
        """
        wanted: dict[str, set[int]] = {}
        for unit in units:
            wanted.setdefault(unit.recipe, set()).update(self.method(unit).networks)
        batches = []
        for name, numbers in wanted.items():
            pool, training = self.pool(name)
            missing = pool.missing(sorted(numbers), training)
            batches += [(name, batch) for batch in pool.engine.batches(missing)]
        if batches:
            self.workspace.in_parallel(
                partial(_train, self),
                batches,
                stage=CLAIMS,
                what="networks",
                threads=self.plan.in_threads,
            )


@one_torch_thread()
def _train(predictor: RecipePredictor, workspace: Workspace, batch: tuple[str, list[int]]) -> None:
    """Train these networks of a recipe in one call."""
    name, numbers = batch
    pool, training = replace(predictor, workspace=workspace).pool(name)
    pool.networks(numbers, training)


@one_torch_thread()
def _predict(
    predictor: RecipePredictor, workspace: Workspace, requested: tuple[RunUnit, list[str]]
) -> None:
    """Fit the unit's method once, and predict all these images."""
    predictor = replace(predictor, workspace=workspace)
    unit, names = requested
    _, training = predictor.pool(unit.recipe)
    method = predictor.method(unit).fit(training.images, training.labels)
    sources = {THE_RUN: predictor.plan.configuration.digest}
    with workspace.predictions.saving() as save:
        for name in names:
            images = predictor.images(name)
            blocks = torch.split(images.images, max(1, AT_ONCE // (unit.size or 1)))
            prediction = _joined(map(method.predict, blocks))
            save(unit, name, StoredPrediction(prediction, images.labels, sources=sources))


def _joined(predictions: Iterable[Prediction]) -> Prediction:
    """The prediction of all images, from those of blocks of them."""
    each = list(predictions)
    return Prediction(
        mean=torch.cat([one.mean for one in each]),
        vote_share=torch.cat([one.vote_share for one in each]),
        expected_entropy=torch.cat([one.expected_entropy for one in each]),
        members=each[0].members,
    )
