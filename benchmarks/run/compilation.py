"""The kernels of the fast engine, compiled and announced before the first stage needs them."""

from __future__ import annotations

from benchmarks.progress import announce


def compile_once() -> None:
    """Compile the kernels if they are not cached yet; announced, since it takes seconds."""
    # Imported here, since methods can be timed where there is no Numba.
    from methods.engines.lenet5_kernels import CACHE, compile_kernels, kernels_are_cached

    if CACHE is None:
        announce("compile", "no cache can be written: each process compiles the kernels anew")
    elif not kernels_are_cached():
        announce("compile", "the kernels, once on this machine: about 15 s")
        compile_kernels()
