"""Ctrl-C and SIGTERM: the same ending at any moment."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import RLock, Thread
from types import FrameType
from typing import Any, NoReturn

from benchmarks.process.children import SIGNALS, end_children

GRACE = 5.0
"""Seconds in which an interrupted command may put its files in order."""


class Interruption:
    """The signals that interrupt a command, from `install` to the end of the process.

    While the command works, the first one raises `KeyboardInterrupt` there, so that it stops in
    good order. A second one, one that is not obeyed within `GRACE`, as in a long computation or a
    method that catches everything, and one at any other time end the process at once.

    Args:
        message: printed at the end of the process.

    Attributes:
        by: the signal that was raised; ``None`` before.
        before: called before the process ends.
    """

    def __init__(self, message: str) -> None:
        self.by: int | None = None
        self.before: Callable[[], object] | None = None
        self._message = message
        self._works, self._told, self._lock = False, False, RLock()
        self._handled: list[signal.Signals] = []

    def install(self) -> None:
        """Handle the signals that are not ignored, as they are behind ``nohup``."""
        self._handled = [one for one in SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
        for one in self._handled:
            signal.signal(one, self._on_signal)
        sys.unraisablehook = self._on_unraisable
        if os.name == "posix":
            reading, writing = os.pipe()
            os.set_blocking(writing, False)
            signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
            Thread(target=self._watch, args=(reading,), daemon=True).start()
            os.register_at_fork(after_in_child=_handle_as_others_do)

    @contextmanager
    def raised(self) -> Iterator[None]:
        """While the block runs, a signal is raised."""
        self._works = True
        try:
            yield
        finally:
            self._works = False

    def ignore(self) -> None:
        """Ignore the signals: the work is done.

        While Python clears away everything it handles none, and one would kill the process.
        """
        for one in self._handled:
            signal.signal(one, signal.SIG_IGN)

    def leave(self, signum: int) -> NoReturn:
        """End the process, and those that it started, without what Python does at its end.

        Threads may be at work, under whose feet Python would clear away everything.
        """
        with self._lock:
            if not self._told:
                self._told = True
                self._tell()
            if self.before is not None:
                self.before()
            end_children()
            os._exit(128 + signum)

    def _tell(self) -> None:
        # A progress bar hides the cursor. Not by `print`, which may have been interrupted itself.
        cursor = "\x1b[?25h\n" if os.isatty(2) else ""
        with suppress(OSError):
            os.write(2, f"{cursor}{self._message}\n".encode())

    def _on_signal(self, signum: int, _frame: FrameType | None) -> None:
        if not self._works or self.by is not None:
            self.leave(signum)
        self.by = signum
        raise KeyboardInterrupt(signum)

    def _watch(self, reading: int) -> None:
        """Leave where the main thread does not: it may be anywhere but in Python."""
        while (signum := os.read(reading, 1)[0]) not in self._handled:
            pass
        if self._works:
            select.select([reading], [], [], GRACE)
        self.leave(signum)

    def _on_unraisable(self, error: Any) -> None:
        """Python only prints what is raised while it frees an object."""
        if self.by is not None and issubclass(error.exc_type, KeyboardInterrupt):
            self.leave(self.by)
        sys.__unraisablehook__(error)


def _handle_as_others_do() -> None:
    """Of a process that a custom method has forked: it ends by itself, and not the command."""
    with suppress(ValueError):  # not the main thread
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, lambda signum, _: os._exit(128 + signum))
