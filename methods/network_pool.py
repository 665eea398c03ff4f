"""One pool of networks for all methods: they differ only in how they form an opinion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from methods.engine_choice import choose_engine
from methods.engines import Engine
from methods.labelled_images import LabelledImages
from methods.lenet5 import LeNet5
from methods.network_store import NetworkKey, NetworkStore
from methods.recipes import STANDARD, Recipe
from methods.training import TrainedNetwork, train_network


@dataclass(frozen=True)
class NetworkPool:
    """The networks of a recipe and a seed, numbered from 0, each trained at most once.

    Attributes:
        recipe, seed: what number i of the pool is, together with the training data.
        engine: what trains the networks and asks them.
        store: where trained networks are kept; without one they live in memory only.
    """

    recipe: Recipe = STANDARD
    seed: int = 0
    engine: Engine = field(default_factory=choose_engine)
    store: NetworkStore | None = None

    def networks(self, indices: Iterable[int], training: LabelledImages) -> list[LeNet5]:
        """These networks, trained."""
        return [self.trained(i, training).network for i in indices]

    def trained(
        self, index: int, training: LabelledImages, validation: LabelledImages | None = None
    ) -> TrainedNetwork:
        """Network ``index`` with its log: from the store, or trained now and stored.

        A stored network whose log lacks the validation series is trained anew where these are
        asked for; its weights come out the same.
        """
        key = NetworkKey(self.recipe, self.seed, index, training.fingerprint, self.engine.name)
        stored = self.store.load(key) if self.store else None
        if stored and (validation is None or any(row.split == "validation" for row in stored.log)):
            return stored
        trained = train_network(
            self.recipe, index, training, validation, seed=self.seed, engine=self.engine
        )
        if self.store:
            self.store.save(key, trained)
        return trained
