"""One pool of networks for all methods, which differ only in how they form a prediction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from methods.engines.base import Engine
from methods.engines.choice import choose_engine
from methods.networks.labelled_images import LabelledImages
from methods.networks.log import complete_splits
from methods.networks.network import Network
from methods.networks.recipes import STANDARD, Recipe
from methods.networks.store import NetworkKey, NetworkStore
from methods.networks.training import (
    TrainedNetwork,
    TrainingDivergedError,
    initial_network,
    train_networks,
)
from methods.networks.trajectory import Trajectory, train_trajectory
from methods.threads import one_torch_thread


@dataclass(frozen=True)
class NetworkPool:
    """The networks of a recipe and a seed, numbered from 0, each trained at most once.

    Attributes:
        recipe, seed: what number i of the pool is, together with the training data.
        engine: what trains the networks and predicts with them.
        store: where trained networks are kept; without one they live in memory only.
    """

    recipe: Recipe = STANDARD
    seed: int = 0
    engine: Engine = field(default_factory=choose_engine)
    store: NetworkStore | None = None

    def networks(self, indices: Sequence[int], training: LabelledImages) -> list[Network]:
        """These networks, trained.

        Raises:
            TrainingDivergedError: one of them cannot be trained.
        """
        networks = []
        for outcome in self.train(indices, training):
            if isinstance(outcome, TrainingDivergedError):
                raise outcome
            networks.append(outcome.network)
        return networks

    def train(
        self,
        indices: Sequence[int],
        training: LabelledImages,
        validation: LabelledImages | None = None,
    ) -> list[TrainedNetwork | TrainingDivergedError]:
        """These networks with their logs: from the store, or trained now and stored.

        A stored network whose log lacks a split is trained anew where validation images are given;
        its weights come out the same. An engine that trains batched gets all that are
        missing; another gets one after the other, each stored as soon as it is trained.

        Raises:
            NotStoredError: networks are missing, and the store cannot be written.
        """
        outcomes: dict[int, TrainedNetwork | TrainingDivergedError | None] = {
            index: self._stored(index, training, validation) for index in indices
        }
        missing = [index for index, stored in outcomes.items() if stored is None]
        if missing and self.store:
            self.store.require_writable()
        for group in self.engine.batches(missing):
            # The bits of what is stored must not depend on how many threads there are.
            with one_torch_thread() if self.store else nullcontext():
                trained = train_networks(
                    self.recipe, group, training, validation, seed=self.seed, engine=self.engine
                )
            for index, outcome in zip(group, trained, strict=True):
                outcomes[index] = outcome
                if self.store and isinstance(outcome, TrainedNetwork):
                    self.store.save(self._key(index, training.fingerprint), outcome)
        return [outcome for outcome in outcomes.values() if outcome is not None]

    def trained(
        self, indices: Sequence[int], training: LabelledImages, validation: LabelledImages
    ) -> dict[int, TrainedNetwork]:
        """Those of these networks that are in the store with a complete log, by their numbers."""
        stored = {index: self._stored(index, training, validation) for index in indices}
        return {index: network for index, network in stored.items() if network is not None}

    def missing(self, indices: Sequence[int], training: LabelledImages) -> list[int]:
        """Which of these networks are not in the store."""
        return [index for index in indices if self._stored(index, training, None) is None]

    def training_seconds(self, indices: Sequence[int], fingerprint: str) -> float:
        """How long these networks took to train on images of this fingerprint, added up.

        NaN where one of them is not in the store, or its time not known.
        """
        return self._seconds([self._key(index, fingerprint) for index in indices])

    def snapshots(
        self, trajectory: Trajectory, index: int, training: LabelledImages
    ) -> list[Network]:
        """The networks that the trajectory of this network keeps: stored ones, or trained now.

        Raises:
            TrainingDivergedError: they cannot be trained.
            NotStoredError: they are missing, and the store cannot be written.
        """
        keys = self._snapshot_keys(trajectory, index, training.fingerprint)
        stored = [self.store.load(key) if self.store else None for key in keys]
        kept = [one for one in stored if one is not None]
        if len(kept) < len(keys):
            start = self.networks([index], training)[0] if trajectory.continued else None
            if self.store:
                self.store.require_writable()
            with one_torch_thread() if self.store else nullcontext():
                kept = train_trajectory(
                    trajectory,
                    self.recipe,
                    index,
                    start,
                    training,
                    engine=self.engine,
                    seed=self.seed,
                )
            for key, trained in zip(keys, kept, strict=True):
                if self.store:
                    self.store.save(key, trained)
        return [trained.network for trained in kept]

    def snapshot_seconds(self, trajectory: Trajectory, index: int, fingerprint: str) -> float:
        """How long the trajectory took to train; see `training_seconds`."""
        return self._seconds(self._snapshot_keys(trajectory, index, fingerprint))

    def _seconds(self, keys: Sequence[NetworkKey]) -> float:
        stored = [self.store.load(key) if self.store else None for key in keys]
        return sum(math.nan if trained is None else trained.seconds for trained in stored)

    def _snapshot_keys(
        self, trajectory: Trajectory, index: int, fingerprint: str
    ) -> list[NetworkKey]:
        key = self._key(index, fingerprint)
        return [
            replace(key, kept=trajectory.text(number)) for number in range(trajectory.snapshots)
        ]

    def _stored(
        self, index: int, training: LabelledImages, validation: LabelledImages | None
    ) -> TrainedNetwork | None:
        stored = self.store.load(self._key(index, training.fingerprint)) if self.store else None
        if stored is None or validation is None:
            return stored
        logged = {row.split for row in stored.log}
        return stored if complete_splits(self.recipe) <= logged else None

    def _key(self, index: int, fingerprint: str) -> NetworkKey:
        return NetworkKey(self.recipe, self.seed, index, fingerprint, self.engine.name)


@dataclass(frozen=True)
class UntrainedPool(NetworkPool):
    """A pool of networks before their first step, for timing: no speed depends on the weights."""

    def networks(self, indices: Sequence[int], training: LabelledImages) -> list[Network]:
        """These networks, untrained; the training images are not looked at."""
        return [initial_network(self.recipe, index, seed=self.seed) for index in indices]

    def snapshots(
        self, trajectory: Trajectory, index: int, training: LabelledImages
    ) -> list[Network]:
        """As many of these networks, untrained."""
        return self.networks(range(trajectory.snapshots), training)
