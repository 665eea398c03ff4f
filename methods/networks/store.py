"""Trained networks on disk: each is trained once and used by every method."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from threading import get_ident

from methods.networks.log import EpochLog
from methods.networks.network import Network
from methods.networks.recipes import Recipe
from methods.networks.training import TrainedNetwork, initial_network


class DamagedNetworkError(Exception):
    """A file of the store cannot be read; the message names it and what to do."""


@dataclass(frozen=True)
class NetworkKey:
    """What a trained network depends on.

    Attributes:
        recipe: how it was trained, and its architecture.
        seed, index: the pool's seed and the network's number in the pool.
        fingerprint: SHA-256 of the training tensors.
        engine: what trained it, with its version.
    """

    recipe: Recipe
    seed: int
    index: int
    fingerprint: str
    engine: str

    @property
    def file_name(self) -> str:
        """Readable in front, unique behind."""
        digest = sha256(self.text.encode()).hexdigest()[:16]
        return f"{self.recipe.name}-seed{self.seed}-{self.index:03d}-{digest}.safetensors"

    @property
    def text(self) -> str:
        """The key as JSON, with the architecture by its name; stored beside the weights."""
        values = asdict(self)
        for name in ("reported", "pool"):  # have no part in the training
            del values["recipe"][name]
        return json.dumps(values, sort_keys=True, default=lambda network: network.name)


class NetworkStore:
    """A folder of networks, one file each: its tensors as safetensors, all else as its metadata.

    A file appears whole or not at all, so runs may share a folder and may be killed at any time.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, key: NetworkKey) -> TrainedNetwork | None:
        """The network of this key, or ``None`` where it has not been trained yet.

        Raises:
            DamagedNetworkError: its file cannot be read.
        """
        path = self.folder / key.file_name
        if not path.exists():
            return None
        # Here and in `save`, not above: networks that nobody stores need no such library.
        from safetensors import SafetensorError, safe_open

        network = initial_network(key.recipe, key.index, seed=key.seed)
        try:
            with safe_open(path, framework="pt") as file:
                network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
                metadata = file.metadata()
            if metadata["sha256"] != _checksum(network):
                raise ValueError("its weights are not those that were stored")
            # Earlier logs, of other images, are left out; networks of before `seconds` was noted
            # are as good as later ones.
            rows = json.loads(metadata["log"])
            log = tuple(EpochLog(**row) for row in rows if "images" in row)
            seconds = float(metadata.get("seconds", "nan"))
        except (SafetensorError, OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise DamagedNetworkError(
                f"the stored network {path} cannot be read ({error}); delete the file and run "
                "again: that one network is then trained anew"
            ) from error
        return TrainedNetwork(network, log, seconds)

    def save(self, key: NetworkKey, trained: TrainedNetwork) -> None:
        """Store the network under this key, replacing what was there."""
        from safetensors.torch import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / key.file_name
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
        metadata = {
            "key": key.text,
            "log": json.dumps([asdict(row) for row in trained.log]),
            "seconds": str(trained.seconds),
            "sha256": _checksum(trained.network),
        }
        try:
            save_file(trained.network.state_dict(), temporary, metadata)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _checksum(network: Network) -> str:
    """SHA-256 of all parameters and buffers, in their order."""
    digest = sha256()
    for tensor in network.state_dict().values():
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
