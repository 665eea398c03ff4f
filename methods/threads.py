"""How many threads torch computes with, for as long as a block lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


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
