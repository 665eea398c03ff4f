"""The file that ``--cluster`` names: which backend, and its options."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.errors import UserError

LOCAL, ADDRESS = "local", "address"

QUEUES = {
    "htcondor": "HTCondorCluster",
    "lsf": "LSFCluster",
    "moab": "MoabCluster",
    "oar": "OARCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "slurm": "SLURMCluster",
}
"""The queues, and the class of dask-jobqueue for each."""

BACKENDS = (LOCAL, ADDRESS, *QUEUES)

KEYS = ("backend", "workers", "wait", "options")

MOST = 10_000
"""Workers: a larger number is a typing error."""

FIVE_MINUTES, HOUR = 300.0, 3600.0

INSTALL = "install it with: python -m pip install 'uncertainty-bench[cluster]'"


@dataclass(frozen=True)
class ClusterChoice:
    """What the user chose.

    Attributes:
        file: where it stands, for messages.
        backend: one of `BACKENDS`.
        workers: how many workers of this machine, or jobs of a queue; ``None``: a worker a core,
            or as many as a scheduler has.
        wait: seconds without any worker after which the run ends.
        options: for the class of Dask, by name.
    """

    file: Path
    backend: str
    workers: int | None = None
    wait: float = FIVE_MINUTES
    options: dict[str, Any] = field(default_factory=dict)


def read_choice(file: Path) -> ClusterChoice:
    """The choice in a YAML file.

    Raises:
        UserError: there is no such file, or it says what no backend understands.
    """
    content = _content(file)
    if unknown := [key for key in content if key not in KEYS]:
        raise UserError(f"{_at(file)}: unknown key {unknown[0]!r}; choose from {', '.join(KEYS)}")
    backend = content.get("backend")
    if backend not in BACKENDS:
        raise UserError(
            f"{_at(file)}: backend: {backend!r} is none; choose from {', '.join(BACKENDS)}"
        )
    given = content.get("options")
    options = {} if given is None else given
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        raise UserError(f"{_at(file)}: options: expected names with values, as 'memory: 4GB'")
    workers = _workers(file, backend, content.get("workers"))
    if backend == ADDRESS and not isinstance(options.get("address"), str):
        raise UserError(
            f"{_at(file)}: options: expected the address of a scheduler, such as "
            "'address: tcp://10.0.0.1:8786'"
        )
    wait = content.get("wait", HOUR if backend in QUEUES else FIVE_MINUTES)
    if isinstance(wait, bool) or not isinstance(wait, (int, float)) or not 0 < wait < 1e7:
        raise UserError(f"{_at(file)}: wait: {wait!r} is no number of seconds above 0")
    return ClusterChoice(file, backend, workers, float(wait), options)


def _content(file: Path) -> dict[Any, Any]:
    needed = ("yaml", "distributed")
    if missing := [name for name in needed if find_spec(name) is None]:
        raise UserError(f"--cluster needs the library {missing[0]}; {INSTALL}")
    import yaml  # here, not above: it comes with the extra `cluster`

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UserError(f"{_at(file)}: the file cannot be read ({why})") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UserError(f"{_at(file)}: this is no YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise UserError(f"{_at(file)}: expected keys with values, first 'backend: local'")
    return content


def _workers(file: Path, backend: str, workers: Any) -> int | None:
    if backend == ADDRESS and workers is not None:
        raise UserError(f"{_at(file)}: workers: the scheduler has its own; leave it out")
    if backend in QUEUES and workers is None:
        raise UserError(f"{_at(file)}: workers is missing; say how many jobs to keep in the queue")
    if workers is None:
        return None
    if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= MOST:
        raise UserError(
            f"{_at(file)}: workers: {workers!r}; expected a whole number from 1 to {MOST:,}"
        )
    return workers


def _at(file: Path) -> str:
    return f"--cluster {file}"
