"""What a worker must have in common with this machine, or numbers would be none of one run."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import distributed

from benchmarks.run.compilation import compile_once
from benchmarks.run.custom_method import load_method, sha256_of_file
from benchmarks.run.record import PREDICTIONS
from methods.engines.machine import COMPUTE, suite_version, version_of

PATIENCE = 5.0
"""Seconds within which a shared file system shows a new file."""


class UnfitWorkerError(Exception):
    """A worker that cannot do units of this run; the message says what it has, or lacks."""


@dataclass(frozen=True)
class Requirements:
    """What is required of a worker.

    Attributes:
        versions: pairs of what has a version, and that of this machine.
        shared: a file that this run has just written.
        networks: the folder of networks.
        methods: pairs of the place of a custom method, and the SHA-256 of its file.
        kernels: whether the kernels are needed.
    """

    versions: tuple[tuple[str, str], ...]
    shared: Path
    networks: Path
    methods: tuple[tuple[str, str], ...]
    kernels: bool


def requirements(
    shared: Path, networks: Path, methods: Sequence[str], *, kernels: bool
) -> Requirements:
    """Those of this machine; see `Requirements`."""
    files = tuple((location, sha256_of_file(location)) for location in methods)
    return Requirements(_versions(), shared, networks, files, kernels)


def misfit(required: Requirements, dask_worker: distributed.Worker) -> str:
    """Called on a worker, which Dask hands over: what is wrong with it; empty: nothing."""
    here = dict(_versions())
    for what, version in required.versions:
        if here[what] != version:
            return f"has {what} {here[what]}, and this is {version}; install the same there"
    threads = dask_worker.state.nthreads
    if threads != 1:
        return f"has {threads} threads, by which bits differ; start it with --nthreads 1"
    for folder in (required.shared, required.networks):
        if not _appears(folder):
            return (
                f"does not see {folder.name!r} in {folder.parent}, which is here; use a folder "
                "that all share, or divide the run by --shard"
            )
    for location, digest in required.methods:
        file = Path(location.rpartition(":")[0])
        if not file.is_file() or sha256_of_file(location) != digest:
            return f"has no file {file} such as that here; copy it there"
    return ""


@cache
def require_fit(required: Requirements) -> None:
    """Called on a worker before its first unit: it may have joined later than others.

    Raises:
        UnfitWorkerError: it is not.
    """
    if wrong := misfit(required, distributed.get_worker()):
        raise UnfitWorkerError(wrong)
    load_method.cache_clear()  # of an earlier run: the file may be another by now
    if required.kernels:
        compile_once()


def _versions() -> tuple[tuple[str, str], ...]:
    libraries = (*COMPUTE, "distributed")
    return (
        ("uncertainty-bench", suite_version()),
        ("predictions of meaning", str(PREDICTIONS)),
        ("Python", ".".join(platform.python_version_tuple()[:2])),
        *((name, version_of(name) or "none") for name in libraries),
    )


def _appears(path: Path) -> bool:
    """Whether it is there, also where another machine has just written it."""
    until = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True
