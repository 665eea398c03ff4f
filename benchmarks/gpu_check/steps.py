"""The steps of a check: none stops the others, and none takes longer than it may."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

from benchmarks.errors import UserError
from benchmarks.run.failure import without_folders

Result = TypeVar("Result")


class OutOfTime(KeyboardInterrupt):
    """A step was interrupted as by Ctrl-C, so that nobody takes it for the failure of a method."""


def attempted(
    name: str, work: Callable[[], Result], seconds: float, failures: list[str]
) -> Result | None:
    """The result of a step; ``None`` if it failed, with one line more in ``failures``."""
    try:
        with _time_limit(seconds):
            return work()
    except OutOfTime:
        failures.append(f"{name}: not done after {seconds:g} s")
    except UserError:
        raise
    # Whatever the card makes of it: that is what is checked.
    except Exception as error:
        reason = without_folders(" ".join(f"{type(error).__name__}: {error}".split()))
        failures.append(f"{name}: {reason}")
    return None


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the block after so many seconds, as soon as Python is back from the card."""
    before = signal.signal(signal.SIGALRM, _out_of_time)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _out_of_time(_signal: int, _frame: object) -> NoReturn:
    raise OutOfTime
