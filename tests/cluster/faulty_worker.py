"""What a worker of Dask does first (``--preload``), so that it fails where tests say.

The files of a folder say what is to happen; what happens once: its file is removed before.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Dask runs a copy of this file, elsewhere.
WISHES = Path(os.environ.get("WISHES", "/nowhere"))


def wished(name: str) -> bool:
    """Whether this is to happen now; of several processes in one alone."""
    try:
        (WISHES / name).unlink()
    except FileNotFoundError:
        return False
    return True


def dying(function: Callable[..., Any], where: str) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if wished(f"die in {where}") or (WISHES / f"always die in {where}").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)

    return call


def dask_setup(worker: object) -> None:
    """Called by Dask."""
    from benchmarks import predictions
    from methods.networks import pool

    pool.train_networks = dying(pool.train_networks, "training")
    predictions.packed = dying(predictions.packed, "prediction")
