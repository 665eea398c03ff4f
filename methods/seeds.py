"""Seeds for independent random streams, hashed from what each stream is for."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import numpy as np
import torch


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
    of_numpy, of_python = np.random.get_state(), random.getstate()  # noqa: NPY002
    # Asking for the state of an unused GPU would take memory there.
    in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    gpus = range(torch.cuda.device_count()) if in_use else ()
    with torch.random.fork_rng(gpus):
        try:
            yield
        finally:
            np.random.set_state(of_numpy)  # noqa: NPY002
            random.setstate(of_python)
