"""Processes that work for this one: how they begin and end."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from threading import Thread

from benchmarks.process.streams import tolerate_encodings

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""By which a command is interrupted: Ctrl-C, and what a system sends first to end a process."""


@contextmanager
def signals_held_back(*signals: signal.Signals) -> Iterator[None]:
    """Processes that are started in the block do not get signals until `begin_worker` lets them.

    By default these are `SIGNALS`.

    A terminal sends Ctrl-C to every process, and one that is still importing would show a trace.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals or SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@cache
def begin_worker(parent: int) -> None:
    """Prepare a worker, once: it leaves Ctrl-C to its parent, and ends when that has ended.

    Processes that a custom method starts by itself begin as they would anywhere else, and not as
    joblib's.
    """
    import multiprocessing

    tolerate_encodings()
    usual, *_ = multiprocessing.get_all_start_methods()
    multiprocessing.set_start_method(usual, force=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    Thread(target=_end_after, args=(parent,), daemon=True).start()


def end_children() -> None:
    """Kill the processes that this one has started by multiprocessing or joblib."""
    # Not imported, which may be what was interrupted: until it is, there are no children.
    active = getattr(sys.modules.get("multiprocessing"), "active_children", list)
    for child in active():
        with suppress(OSError):
            os.kill(child.pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _end_after(parent: int) -> None:
    """What a killed parent cannot do: end its workers, which else go on for minutes."""
    while os.getppid() == parent:
        time.sleep(0.5)
    end_children()
    os._exit(1)
