"""What a recipe's networks say, asked once: the run's shards, and those that claims add to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

from jaxtyping import Int64
from torch import Tensor

from benchmarks.claims.pictures import images_of
from benchmarks.claims.training_sets import TRAINING_SETS, training_set
from benchmarks.conditions import CLEAN
from benchmarks.predictions import Cell, Shard
from benchmarks.run import Run
from benchmarks.side_by_side import side_by_side
from methods import METHODS, Prediction
from methods.labelled_images import LabelledImages
from methods.network_pool import NetworkPool
from methods.pooled import PooledMethod
from methods.recipes import ARTICLE
from methods.threads import one_torch_thread

NETWORKS = 50
"""How many draws of a network a claim is measured on, where the run has so many."""

PASSES = 100
"""How often the article asks a network with dropout on."""

Question = tuple[Cell, str]
"""Who is asked, and the name of the images."""


@dataclass(frozen=True)
class Answers:
    """What the networks of one recipe say.

    Attributes:
        run: whose networks and images.
        recipe: the recipe, or one of `training_sets.TRAINING_SETS`.
        networks: how many networks there are, from number 0.
        unavailable: the conditions whose images cannot be had.
    """

    run: Run
    recipe: str
    networks: int
    unavailable: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run, recipe: str, unavailable: Mapping[str, str]) -> Answers:
        """The answers of a recipe of the run."""
        numbers = [number for name, number in run.networks() if name == recipe]
        return cls(run, recipe, min(NETWORKS, len(numbers)), unavailable)

    @property
    def repeated(self) -> int:
        """How many networks are asked about rotated and out-of-distribution images.

        All of the article's own recipe; of one beside it those that the run has asked anyway.
        """
        replicates = self.run.configuration.replicates
        return self.networks if self.recipe == ARTICLE.name else min(replicates, self.networks)

    @cached_property
    def ood(self) -> tuple[str, ...]:
        """The out-of-distribution conditions of the run."""
        return tuple(
            condition.name
            for condition in self.run.conditions
            if not (condition.labelled or condition.exact or condition.name in self.unavailable)
        )

    @property
    def labels(self) -> Int64[Tensor, " images"]:
        """Of the clean images and of those made of them."""
        labels = images_of(self.run, CLEAN).labels
        assert labels is not None
        return labels

    def softmax(self, network: int) -> Cell:
        """The network, dropout off."""
        return Cell(self.recipe, "softmax", None, network)

    def mc_dropout(self, network: int, passes: int = PASSES) -> Cell:
        """The network, dropout on."""
        return Cell(self.recipe, "mc_dropout", passes, network)

    def exact(self, network: int) -> Cell:
        """All sub-networks of the network."""
        return Cell(self.recipe, "mc_dropout_exact", None, network)

    @property
    def ensemble(self) -> Cell:
        """All networks as members of one ensemble."""
        return Cell(self.recipe, "deep_ensemble", self.networks, 0)

    def ask(self, questions: Iterable[Question]) -> None:
        """Ask what has not been asked yet; the answers are kept among the run's shards."""
        pending = [
            (cell, images)
            for cell, images in dict.fromkeys(questions)
            if not self.run.shards.holds(cell, images)
        ]
        if pending:
            train(self.run, [cell for cell, _ in pending])
            threads = self.run.in_threads
            side_by_side(self.run, _answer, pending, "claims", "answers", threads=threads)

    def says(self, cell: Cell, images: str = CLEAN) -> Prediction:
        """What was answered; asked now if it has not been."""
        self.ask([(cell, images)])
        return self.run.shards.load(cell, images).prediction


def pool_of(run: Run, name: str) -> tuple[NetworkPool, LabelledImages]:
    """The networks of a recipe or of a training set of the claims, and what they are trained on."""
    if name in TRAINING_SETS:
        return training_set(run, name)
    return run.pool(name), run.training_images()


def train(run: Run, cells: Iterable[Cell]) -> None:
    """Train the networks of the cells that are not stored yet, side by side.

    Before they are asked side by side, so that none is trained for two questions.
    """
    wanted: dict[str, set[int]] = {}
    for cell in cells:
        wanted.setdefault(cell.recipe, set()).update(_method(run, cell).networks)
    units = []
    for name, numbers in wanted.items():
        pool, training = pool_of(run, name)
        missing = pool.missing(sorted(numbers), training)
        groups = [missing] if pool.engine.together else [[number] for number in missing]
        units += [(name, group) for group in groups if group]
    if units:
        side_by_side(run, _train_some, units, "claims", "networks", threads=run.in_threads)


@one_torch_thread()
def _train_some(run: Run, unit: tuple[str, list[int]]) -> None:
    name, numbers = unit
    pool, training = pool_of(run, name)
    pool.networks(numbers, training)


@one_torch_thread()
def _answer(run: Run, question: Question) -> None:
    cell, name = question
    pool, training = pool_of(run, cell.recipe)
    method = _method(run, cell)
    # Not by `fit`, which would hash 60,000 images anew for every question.
    method.fitted = pool.networks(method.networks, training)
    asked = images_of(run, name)
    run.shards.save(cell, name, Shard(method.predict(asked.images), asked.labels))


def _method(run: Run, cell: Cell) -> PooledMethod:
    pool, _ = pool_of(run, cell.recipe)
    return cast(PooledMethod, METHODS[cell.method].build(pool, cell.replicate, cell.size))
