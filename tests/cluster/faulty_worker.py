"""What a worker of Dask does first (``--preload``), so that it fails at moments that tests choose.

The files of a folder say what is to happen; each happens once: its file is removed before.
"""

from __future__ import annotations

import errno
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


def before(function: Callable[..., Any], fail: Callable[[], None]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        fail()
        return function(*arguments, **options)

    return call


def in_training() -> None:
    if wished("die in training"):
        os.kill(os.getpid(), signal.SIGKILL)


def in_prediction() -> None:
    if wished("die in prediction"):
        os.kill(os.getpid(), signal.SIGKILL)
    if (WISHES / "always die in prediction").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if wished("full disk"):
        from benchmarks.files import NotWrittenError

        raise NotWrittenError(errno.ENOSPC, os.strerror(errno.ENOSPC), "clean.npz")


def in_unit() -> None:
    """At its beginning: a unit of an earlier command may still be at work."""
    if (WISHES / "kill").exists():
        process = int((WISHES / "kill").read_text())
        if wished("kill"):
            os.kill(process, signal.SIGKILL)


def dask_setup(worker: object) -> None:
    """Called by Dask."""
    from benchmarks import predictions
    from benchmarks.cluster import requirements, unit
    from methods.networks import pool

    pool.train_networks = before(pool.train_networks, in_training)
    unit.require_fit = before(unit.require_fit, in_unit)
    predictions.write_arrays = before(predictions.write_arrays, in_prediction)
    own = requirements.suite_version
    requirements.suite_version = lambda: "0.0.9" if (WISHES / "older").exists() else own()
