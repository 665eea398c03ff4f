"""Trained networks on disk: each is trained once and used by every method."""

from __future__ import annotations

import errno
import json
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

from methods.networks.log import EpochLog
from methods.networks.network import Network
from methods.networks.recipes import Recipe
from methods.networks.training import TrainedNetwork, initial_network

HALF_WRITTEN = ".*.safetensors.*.part"
"""How a file is called before it is whole."""

AN_HOUR = 60 * 60
"""Seconds after which no process is still writing a file."""


class NotStoredError(OSError):
    """A network could not be stored: a fault of the disk or of its folder, of nothing else."""


@dataclass(frozen=True)
class NetworkKey:
    """What a trained network depends on.

    Attributes:
        recipe: how it was trained, and its architecture.
        seed, index: the pool's seed and the network's number in the pool.
        fingerprint: SHA-256 of the training tensors.
        engine: what trained it, with its version.
        kept: what was done further, and when the network was kept; empty: nothing.
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
        kept = f"-{self.kept.split()[0]}" if self.kept else ""
        return f"{self.recipe.name}{kept}-seed{self.seed}-{self.index:03d}-{digest}.safetensors"

    @property
    def text(self) -> str:
        """The key as JSON, with the architecture by its name; stored beside the weights."""
        values = asdict(self)
        for name in ("reported", "pool"):  # have no part in the training
            del values["recipe"][name]
        if not self.recipe.l2_penalty:  # keys of networks that were stored before there was one
            del values["recipe"]["l2_penalty"]
        if not self.kept:  # keys of networks that were stored before there was anything further
            del values["kept"]
        return json.dumps(values, sort_keys=True, default=lambda network: network.name)


class NetworkStore:
    """A folder of networks, one file each: its tensors as safetensors, all else as its metadata.

    A file appears whole or not at all, so runs may share a folder and may be killed at any time.
    A folder that has all networks may be a read-only one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, key: NetworkKey) -> TrainedNetwork | None:
        """The network of this key, or ``None`` where it is to be trained.

        It is where there is none, and, with one line, where the file is damaged, or holds another
        network; it is then removed.
        """
        path = self.folder / key.file_name
        if not path.exists():
            return None
        # Here and in `save`, not above: networks that nobody stores need no such library.
        from safetensors import SafetensorError, safe_open

        network = initial_network(key.recipe, key.index, seed=key.seed)
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata()
                if metadata["key"] != key.text:
                    raise ValueError("it holds another network")
                network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
            if metadata["sha256"] != _checksum(network):
                raise ValueError("its weights are not those that were stored")
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
            "sha256": _checksum(trained.network),
        }
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


def _checksum(network: Network) -> str:
    """SHA-256 of all parameters and buffers, in their order."""
    digest = sha256()
    for tensor in network.state_dict().values():
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
