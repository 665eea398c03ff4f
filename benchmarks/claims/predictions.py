"""The predictions of a recipe's networks: those of the run, and those that claims add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from jaxtyping import Int64
from torch import Tensor

from benchmarks.claims.images import images_of
from benchmarks.claims.training_sets import TRAINING_SETS, training_set
from benchmarks.parallel import parallel
from benchmarks.predictions import RunUnit, StoredPrediction
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import CLEAN
from methods import METHODS, Prediction
from methods.networks.labelled_images import LabelledImages
from methods.networks.pool import NetworkPool
from methods.networks.recipes import ARTICLE
from methods.pooled import PooledMethod
from methods.threads import one_torch_thread

NETWORKS = 50
"""How many networks a claim is measured on, where the run has so many."""

PASSES = 100
"""How many passes with dropout on the article takes."""

Request = tuple[RunUnit, str]
"""A run unit, and the name of the images that it is to predict."""


@dataclass(frozen=True)
class RecipePredictions:
    """The predictions of one recipe's networks.

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
    ) -> RecipePredictions:
        """Those of a recipe of the run."""
        numbers = [number for name, number in plan.networks() if name == recipe]
        return cls(plan, workspace, recipe, min(NETWORKS, len(numbers)), unavailable)

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
        labels = images_of(self.plan, self.workspace, CLEAN).labels
        assert labels is not None
        return labels

    def softmax(self, network: int) -> RunUnit:
        """The network, dropout off."""
        return RunUnit(self.recipe, "softmax", None, network)

    def mc_dropout(self, network: int, passes: int = PASSES) -> RunUnit:
        """The network, dropout on."""
        return RunUnit(self.recipe, "mc_dropout", passes, network)

    def exact(self, network: int) -> RunUnit:
        """All sub-networks of the network."""
        return RunUnit(self.recipe, "mc_dropout_exact", None, network)

    @property
    def ensemble(self) -> RunUnit:
        """All networks as members of one ensemble."""
        return RunUnit(self.recipe, "deep_ensemble", self.networks, 0)

    def predict(self, requests: Iterable[Request]) -> None:
        """Predict what is not stored yet; it is stored among the run's prediction files."""
        pending: dict[RunUnit, list[str]] = {}
        for unit, images in dict.fromkeys(requests):
            if not self.workspace.predictions.holds(unit, images):
                pending.setdefault(unit, []).append(images)
        if not pending:
            return
        train(self.plan, self.workspace, pending)
        parallel(
            partial(_predict, self.plan, self.workspace),
            list(pending.items()),
            stage="claims",
            what="predictions",
            jobs=self.workspace.jobs,
            threads=self.plan.in_threads,
        )

    def get(self, unit: RunUnit, images: str = CLEAN) -> Prediction:
        """The unit's prediction; computed now if it is not stored."""
        self.predict([(unit, images)])
        return self.workspace.predictions.load(unit, images).prediction


def pool_of(plan: Plan, workspace: Workspace, name: str) -> tuple[NetworkPool, LabelledImages]:
    """The networks of a recipe or of one of the `TRAINING_SETS`, and their training images."""
    if name in TRAINING_SETS:
        return training_set(plan, workspace, name)
    return plan.pool(name, workspace.store), workspace.training_images()


def train(plan: Plan, workspace: Workspace, units: Iterable[RunUnit]) -> None:
    """Train the networks of these run units that are not stored yet, in parallel.

    Before anything is predicted in parallel, so that no network is trained twice.
    """
    wanted: dict[str, set[int]] = {}
    for unit in units:
        wanted.setdefault(unit.recipe, set()).update(_method(plan, workspace, unit).networks)
    items = []
    for name, numbers in wanted.items():
        pool, training = pool_of(plan, workspace, name)
        missing = pool.missing(sorted(numbers), training)
        batches = [missing] if pool.engine.trains_batched else [[number] for number in missing]
        items += [(name, batch) for batch in batches if batch]
    if items:
        parallel(
            partial(_train, plan, workspace),
            items,
            stage="claims",
            what="networks",
            jobs=workspace.jobs,
            threads=plan.in_threads,
        )


@one_torch_thread()
def _train(plan: Plan, workspace: Workspace, item: tuple[str, list[int]]) -> None:
    name, numbers = item
    pool, training = pool_of(plan, workspace, name)
    pool.networks(numbers, training)


@one_torch_thread()
def _predict(plan: Plan, workspace: Workspace, item: tuple[RunUnit, list[str]]) -> None:
    """Fit the unit's method once, and predict all these images."""
    unit, names = item
    _, training = pool_of(plan, workspace, unit.recipe)
    method = _method(plan, workspace, unit).fit(training.images, training.labels)
    for name in names:
        images = images_of(plan, workspace, name)
        stored = StoredPrediction(method.predict(images.images), images.labels)
        workspace.predictions.save(unit, name, stored)


def _method(plan: Plan, workspace: Workspace, unit: RunUnit) -> PooledMethod:
    pool, _ = pool_of(plan, workspace, unit.recipe)
    method = METHODS[unit.method].build(pool, unit.replicate, unit.size)
    assert isinstance(method, PooledMethod)
    return method
