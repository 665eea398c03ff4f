"""How kernels are compiled: the one place that knows Numba's settings and its cache.

Two kinds of functions run compiled. A `kernel` does one thing in loops of its own and is compiled
once; an `inlined` one only calls others and becomes part of every kernel that calls it. Neither
allocates: all buffers come from outside, and a kernel that would allocate does not compile.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from filelock import FileLock
from llvmlite import binding
from platformdirs import user_cache_dir

KernelFunction = TypeVar("KernelFunction", bound=Callable[..., Any])

SETTINGS = {
    "nogil": True,  # so that threads train one network each
    "error_model": "numpy",  # a division by zero is an infinity, not an exception
    # Sums may be reordered, hence vectorised, but NaN and infinity keep their meaning (neither
    # "nnan" nor "ninf"): a network that diverged must not pass for one that did not.
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
    # No reference counts: with them, every slice of an array would cost two atomic operations.
    "_nrt": False,
}

WARM_UPS = (("train_epoch", "features_gradient"), ("logits_and_features", "sample_logits"))
"""What `warm_up` calls in two parallel processes of about ten seconds each."""


def kernel(function: KernelFunction) -> KernelFunction:
    """Compile a function on its first call, or load what an earlier process has compiled."""
    if CACHE is None:
        return _compiled(function)
    with _numba_caches_in(CACHE):
        return _compiled(function, cache=True)


def inlined(function: KernelFunction) -> KernelFunction:
    """Make a function part of every kernel that calls it."""
    return _compiled(function, inline="always")


@cache
def compile_kernels() -> None:
    """Have all kernels compiled, once for each machine and version; takes about 15 seconds.

    It happens in processes of its own, so that this one, like all later ones, only loads results.
    A process that compiled would run other machine code than one that loads: LLVM optimises a
    kernel a second time as part of its caller, sums come out in another order, and the last bits
    of a trained network would depend on whether it was the first. Where there is no cache, every
    process compiles for itself, and they agree again.
    """
    if CACHE is None or WARMING_UP in os.environ:
        return
    with FileLock(CACHE / "lock"):
        if not kernels_are_cached() and _warm_up():
            (CACHE / COMPLETE).touch()


def kernels_are_cached() -> bool:
    """Whether kernels need only be loaded; if not, the next call takes seconds: announce it."""
    return CACHE is not None and (CACHE / COMPLETE).exists()


def _warm_up() -> bool:
    """Call all kernels, each group in a process of its own; whether all went well."""
    environment = {**os.environ, WARMING_UP: "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    code = "import sys; from methods.engines import lenet5_kernels as k; k.warm_up(*sys.argv[1:])"
    # In sessions of their own: a terminal's Ctrl-C is for this process, which ends them.
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, *group], env=environment, start_new_session=True
        )
        for group in WARM_UPS
    ]
    try:
        codes = [process.wait() for process in processes]
        return not any(codes)
    finally:
        for process in processes:
            process.kill()


def _compiled(function: KernelFunction, **options: Any) -> KernelFunction:
    # Where two processes have each compiled a kernel of one name, LLVM takes both for one kernel,
    # and calls the first that is loaded: so kernels of a factory are named by what they differ in.
    numbers = (format(cell.cell_contents, "d") for cell in function.__closure__ or ())
    function.__qualname__ = "_".join([function.__qualname__, *numbers])
    dispatcher: KernelFunction = numba.njit(**SETTINGS, **options)(function)
    return dispatcher


def _cache_folder() -> Path | None:
    """A writable folder for this state of sources, compiler and processor, or None.

    Numba notices when the file of a kernel changes, but not when that of a kernel it calls does.
    A folder named after all sources holds no stale kernels. ``NUMBA_CACHE_DIR`` goes first.
    """
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    # Numba looks kernels up by path and time of their source, so the folder must, too: a copy of
    # the sources that took it for complete would compile for itself, to other bits.
    stamps = [f"{source.resolve()} {source.stat().st_mtime_ns}" for source in sources]
    processor = f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
    state = [numba.__version__, numba.config.CPU_NAME or processor, *stamps]
    content = b"".join([*(source.read_bytes() for source in sources), *map(str.encode, state)])
    parent = numba.config.CACHE_DIR or user_cache_dir("uncertainty-bench", appauthor=False)
    folder = Path(parent) / f"kernels-{hashlib.sha256(content).hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


@contextmanager
def _numba_caches_in(folder: Path) -> Iterator[None]:
    """Numba chooses a kernel's cache folder when it is defined, by this global setting."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


WARMING_UP = "UNCERTAINTY_BENCH_WARMING_UP"
COMPLETE = "complete"
CACHE = _cache_folder()
"""Where compiled kernels are kept; None where nothing can be written."""
