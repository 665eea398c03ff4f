"""The global state as it was, or as usual, for as long as a block lasts."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch

from methods.global_state.settings import NUMERICAL, OTHERS


@contextmanager
def preserved_global_state() -> Iterator[None]:
    """After the block, the global state of torch, NumPy and Python is what it was before.

    It covers what numbers depend on, such as torch's default type, threads and modes, the random
    generators and NumPy's errors, and what later code relies on: warnings' filters, the working
    folder, environment variables, signals' handlers. Folders that were added to ``sys.path`` stay,
    behind those that were there, since functions may import from them later.

    >>> with preserved_global_state():
    ...     torch.set_default_dtype(torch.float64)
    >>> torch.get_default_dtype()
    torch.float32
    """
    with ExitStack() as stack:
        # torch's modes of gradients are then as before, too.
        stack.enter_context(torch.inference_mode(torch.is_inference_mode_enabled()))
        stack.enter_context(warnings.catch_warnings())
        stack.callback(torch.set_rng_state, torch.get_rng_state())
        if _uses_cuda():
            stack.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
        stack.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002
        stack.callback(random.setstate, random.getstate())
        for setting in (*NUMERICAL, *OTHERS):
            stack.callback(setting.make, setting.read())
        yield


@contextmanager
def usual_numerics() -> Iterator[None]:
    """Run the block, or as a decorator the function, with what numbers depend on as usual.

    For what all methods share, such as stored networks: they must not depend on who asks first.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(mode=False))
        for setting in NUMERICAL:
            stack.callback(setting.make, setting.read())
            setting.make(setting.usual)
        yield


def seed_generators(seed: int) -> None:
    """Seed the global random generators of torch, NumPy and Python."""
    torch.default_generator.manual_seed(seed)
    if _uses_cuda():
        torch.cuda.manual_seed_all(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    random.seed(seed)


def _uses_cuda() -> bool:
    return torch.cuda.is_initialized()  # type: ignore[no-untyped-call,no-any-return]
