"""Progress of a stage: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from benchmarks.io import terminal_text

Item = TypeVar("Item")

_SHOWN = ContextVar("shown", default=True)


@contextmanager
def progress_shown(shown: bool) -> Iterator[None]:
    """Whether progress is shown within the block: a caller in Python may not want to see any."""
    token = _SHOWN.set(shown)
    try:
        yield
    finally:
        _SHOWN.reset(token)


LINES = 10
"""Lines of a stage, where there is no terminal."""


def tracked(done: Iterable[Item], total: int, stage: str, what: str) -> Iterator[Item]:
    """Yield each item as it is done, and show how many of the total are."""
    console = Console(stderr=True, quiet=not _SHOWN.get())
    if console.is_terminal and not console.quiet:  # else what others print would be lost
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(what),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console) as progress:
            yield from progress.track(done, total=total, description=f"{stage:8}")
        return
    start = time.monotonic()
    for count, item in enumerate(done, start=1):
        if count * LINES // total > (count - 1) * LINES // total:
            seconds = time.monotonic() - start
            text = f"{stage:8} {count} of {total} {what}, {_duration(seconds)}"
            if count < total:
                text += f", {_duration(seconds / count * (total - count))} left"
            console.print(terminal_text(text))
        yield item


def _duration(seconds: float) -> str:
    """Duration to the second below two minutes, else to the minute.

    >>> _duration(99.6), _duration(200)
    ('100 s', '3 min')
    """
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def ask(stage: str, text: str) -> None:
    """Print a question about what was given, or warn of it where no progress is shown."""
    if _SHOWN.get():
        announce(stage, text)
    else:
        warnings.warn(text, stacklevel=2)


def announce(stage: str, text: str) -> None:
    """Print what is being waited for, where no count can show it."""
    Console(stderr=True, quiet=not _SHOWN.get()).print(terminal_text(f"{stage:8} {text}"))
