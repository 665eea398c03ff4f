"""The option ``--cluster``: what it changes of the others, and the workers that it names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from benchmarks.errors import UserError
from benchmarks.run.configuration import Configuration
from benchmarks.run.workspace import Cluster
from benchmarks.vocabulary import LATENCY


def device_of(
    choice: Literal["auto", "cpu", "cuda"], cluster: Path | None
) -> Literal["auto", "cpu", "cuda"]:
    """The device chosen; on a cluster the CPU, whatever this machine has.

    Raises:
        UserError: another is chosen for a cluster.
    """
    if cluster is None:
        return choice
    if choice == "cuda":
        raise UserError("--device cuda: a cluster computes on CPUs; leave out one of the options")
    return "cpu"


def everywhere(location: str) -> str:
    """The place of a custom method, as workers with another working folder find it."""
    file, colon, name = location.rpartition(":")
    return f"{Path(file).resolve()}{colon}{name}" if colon else location


@contextmanager
def cluster_of(
    file: Path | None, configuration: Configuration, only: str | None
) -> Iterator[Cluster | None]:
    """The workers that a file names, ended after the block; ``None`` without a file.

    Raises:
        UserError: it names none, or there is nothing for them to do.
    """
    if file is None:
        yield None
        return
    if only == LATENCY:
        raise UserError("--only latency times methods on this machine; leave out --cluster")
    try:
        from benchmarks.cluster import DaskCluster, read_choice  # of an extra

        choice = read_choice(file)
    except ModuleNotFoundError as error:
        raise UserError(
            f"--cluster needs the library {error.name}; install it with: "
            "python -m pip install 'uncertainty-bench[cluster]'"
        ) from error
    with DaskCluster(choice, kernels=configuration.engine == "numba") as cluster:
        yield cluster
