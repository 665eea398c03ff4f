"""One pool of networks for all methods, each trained once and stored on disk."""

from __future__ import annotations

import errno
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

from methods.determinism import one_torch_thread
from methods.engines import choose_engine
from methods.engines.base import Engine
from methods.networks.network import Network
from methods.networks.recipes import NO_TRAINING, WELL_TRAINED, LabelledImages, Recipe
from methods.networks.training import (
    EpochLog,
    OwnTraining,
    TrainedNetwork,
    TrainingDivergedError,
    complete_splits,
    initial_network,
    train_networks,
)

HALF_WRITTEN = ".*.safetensors.*.part"
"""Names of files that are not yet whole."""

AN_HOUR = 60 * 60
"""Seconds after which no process is still writing a file."""


class NotStoredError(OSError):
    """A network could not be stored: a fault of the disk or of its folder, of nothing else."""


@dataclass(frozen=True)
class NetworkKey:
    """Everything that a trained network depends on.

    Attributes:
        recipe: how it was trained, and its architecture.
        seed, index: the pool's seed and the network's number in the pool.
        fingerprint: SHA-256 of the training tensors.
        engine: what trained it, with its version.
        kept: in which other training, and when, it was kept; empty: at the end of the recipe's.
    """

    recipe: Recipe
    seed: int
    index: int
    fingerprint: str
    engine: str
    kept: str = ""

    @property
    def file_name(self) -> str:
        """Readable in front, unique behind."""
        digest = sha256(self.text.encode()).hexdigest()[:16]
        trained = self.kept.split()[0] if self.kept else self.recipe.network.name
        return f"{trained}-seed{self.seed}-{self.index:03d}-{digest}.safetensors"

    @property
    def text(self) -> str:
        """The key as JSON, with the architecture by its name; stored beside the weights.

        Trainings that do the same share networks, whatever they are called.
        """
        values = asdict(self)
        for name in NO_TRAINING:
            del values["recipe"][name]
        values["recipe"]["epochs"] = float(self.recipe.epochs)
        return json.dumps(values, sort_keys=True, default=lambda network: network.name)


class NetworkStore:
    """A folder of networks, one file each: its tensors as safetensors, all else as its metadata.

    A file appears whole or not at all, so runs may share a folder and may be killed at any time.
    A folder that has all networks may be a read-only one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, key: NetworkKey, own: OwnTraining | None = None) -> TrainedNetwork | None:
        """The network of this key, or ``None`` where it is to be trained.

        It is where there is none, and, with one line, where the file is damaged, or holds another
        network; it is then removed. ``own``: the training that it is of, if it is not the pool's.
        """
        path = self.folder / key.file_name
        if not path.exists():
            return None
        # Here and in `save`, not above: networks that nobody stores need no such library.
        from safetensors import SafetensorError, safe_open

        begin = own.initial if own else initial_network
        network = begin(key.recipe, key.index, seed=key.seed)
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata()
                if metadata["key"] != key.text:
                    raise ValueError("it holds another network")
                network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
            if metadata.pop("sha256") != _checksum(network, metadata):
                raise ValueError("it is not what was stored: its checksum is wrong")
            log = tuple(EpochLog(**row) for row in json.loads(metadata["log"]))
            seconds, machine = float(metadata["seconds"]), metadata["machine"]
        except (SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
            why = "".join(filter(str.isprintable, " ".join(str(error).split())))
            print(
                f"the stored network {path} cannot be used ({why}): it is trained anew",
                file=sys.stderr,
            )
            with suppress(OSError):  # a read-only one stays
                path.unlink()
            return None
        return TrainedNetwork(network, log, seconds, machine)

    def save(self, key: NetworkKey, trained: TrainedNetwork) -> None:
        """Store the network under this key, replacing what was there.

        Raises:
            NotStoredError: the disk is full, for example.
        """
        from safetensors.torch import save

        metadata = {
            "key": key.text,
            "log": json.dumps([asdict(row) for row in trained.log]),
            "seconds": str(trained.seconds),
            "machine": trained.machine,
        }
        metadata["sha256"] = _checksum(trained.network, metadata)
        content = save(trained.network.state_dict(), metadata)
        path = self.folder / key.file_name
        # Others may share the folder, on other computers too.
        temporary = path.with_name(f".{path.name}.{uuid4().hex}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError as error:
            raise _not_stored(error, path) from error
        finally:
            with suppress(OSError):  # where the folder cannot be written, nothing was
                temporary.unlink()

    def require_writable(self) -> None:
        """Stop before networks are trained that cannot be stored.

        Raises:
            NotStoredError: the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise _not_stored(error, self.folder) from error

    def remove_half_written(self) -> None:
        """Remove temporary files that killed processes have left, after an hour."""
        for path in self.folder.glob(HALF_WRITTEN):
            with suppress(OSError):  # another run may remove it too; a read-only one stays
                if time.time() - path.stat().st_mtime > AN_HOUR:
                    path.unlink()


def _not_stored(error: OSError, path: Path) -> NotStoredError:
    return NotStoredError(error.errno or errno.EIO, error.strerror or str(error), str(path))


def _checksum(network: Network, metadata: Mapping[str, str]) -> str:
    """SHA-256 of what is stored beside the network, and of all parameters and buffers, in order."""
    digest = sha256("".join(map(str, sorted(metadata.items()))).encode())
    for tensor in network.state_dict().values():
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class NetworkPool:
    """The networks of a recipe and a seed, numbered from 0, each trained at most once.

    Attributes:
        recipe, seed: what number i of the pool is, together with the training data.
        engine: what trains the networks and predicts with them.
        store: where trained networks are kept; without one they live in memory only.
    """

    recipe: Recipe = WELL_TRAINED
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
        """Networks of these numbers that are in the store with a complete log, by their numbers."""
        stored = {index: self._stored(index, training, validation) for index in indices}
        return {index: network for index, network in stored.items() if network is not None}

    def missing(self, indices: Sequence[int], training: LabelledImages) -> list[int]:
        """Numbers of these networks that are not in the store."""
        return [index for index in indices if self._stored(index, training, None) is None]

    def training_seconds(self, indices: Sequence[int], fingerprint: str) -> float:
        """Seconds that these networks took to train on images of this fingerprint, added up.

        NaN where one of them is not in the store, or its time not known.
        """
        return self._seconds([self._key(index, fingerprint) for index in indices])

    def snapshots(self, own: OwnTraining, index: int, training: LabelledImages) -> list[Network]:
        """The networks that a training of this number keeps: stored ones, or trained now.

        Raises:
            TrainingDivergedError: they cannot be trained.
            NotStoredError: they are missing, and the store cannot be written.
        """
        keys = self._snapshot_keys(own, index, training.fingerprint)
        stored = [self.store.load(key, own) if self.store else None for key in keys]
        kept = [network for network in stored if network is not None]
        if len(kept) < len(keys):
            if self.store:
                self.store.require_writable()
            with one_torch_thread() if self.store else nullcontext():
                kept = own.train(self.recipe, index, training, engine=self.engine, seed=self.seed)
            for key, trained in zip(keys, kept, strict=True):
                if self.store:
                    self.store.save(key, trained)
        return [trained.network for trained in kept]

    def snapshot_seconds(self, own: OwnTraining, index: int, fingerprint: str) -> float:
        """Seconds that the training took; see `training_seconds`."""
        return self._seconds(self._snapshot_keys(own, index, fingerprint), own)

    def _seconds(self, keys: Sequence[NetworkKey], own: OwnTraining | None = None) -> float:
        stored = [self.store.load(key, own) if self.store else None for key in keys]
        return sum(math.nan if trained is None else trained.seconds for trained in stored)

    def _snapshot_keys(self, own: OwnTraining, index: int, fingerprint: str) -> list[NetworkKey]:
        key = replace(self._key(index, fingerprint), engine=own.engine_name(self.engine))
        return [replace(key, kept=own.text(number)) for number in range(own.snapshots)]

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

    def snapshots(self, own: OwnTraining, index: int, training: LabelledImages) -> list[Network]:
        """The same number of networks, untrained."""
        numbers = range(own.snapshots)
        return [own.initial(self.recipe, number, seed=self.seed) for number in numbers]
