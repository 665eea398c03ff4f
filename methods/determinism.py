"""What numbers depend on beside their inputs: seeds, the number of threads, and the machine."""

from __future__ import annotations

import platform
import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch

from methods.version import suite_version


def derive_seed(*parts: str | int) -> int:
    """A seed in [0, 2^63) that depends on every part: SHA-256 of their textual form.

    Streams that differ in any part are independent for all practical purposes, and none depends
    on the order in which others are drawn.

    >>> derive_seed("network", 0, 1) == derive_seed("network", 0, 1)
    True
    >>> derive_seed("network", 0, 1) == derive_seed("network", 0, 2)
    False
    """
    return int.from_bytes(sha256(repr(parts).encode()).digest()[:8], "big") >> 1


def seed_generators(seed: int) -> None:
    """Seed the global random generators of torch, NumPy and Python."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    random.seed(seed)


@contextmanager
def random_state_kept() -> Iterator[None]:
    """After the block, the global random generators are as they were before.

    >>> before = torch.get_rng_state()
    >>> with random_state_kept():
    ...     seed_generators(7)
    >>> torch.equal(torch.get_rng_state(), before)
    True
    """
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    # Asking for the state of an unused GPU would take memory there.
    in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    gpus = range(torch.cuda.device_count()) if in_use else ()
    with torch.random.fork_rng(gpus):
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Run the block with so many intra-op torch threads.

    >>> with torch_threads(1):
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run the block, or as a decorator the function, with a single intra-op torch thread.

    For a unit of work, whose bits must not depend on the machine's core count.
    """
    with torch_threads(1):
        yield


COMPUTE = ("torch", "numpy", "numba")
"""The libraries whose versions decide the bits of networks and predictions."""


@cache
def machine() -> str:
    """This machine in one line, without its name: processor, Python, libraries and the suite.

    Each network and prediction file has it, so that a run that mixes machines can say so.
    """
    libraries = [f"{name} {version_of(name)}" for name in COMPUTE if version_of(name)]
    return ", ".join(
        (
            processor() or platform.machine(),
            f"Python {platform.python_version()}",
            *libraries,
            f"uncertainty-bench {suite_version()}",
        )
    )


def processor() -> str:
    """The processor's model name, as far as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def version_of(library: str) -> str | None:
    """The installed version; ``None`` without one: not every stage needs all libraries."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None
