"""Dask's own words, held back: the suite says in one line what went wrong."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = (
    *("distributed", "distributed.client", "distributed.scheduler", "dask_jobqueue"),
    *("asyncio", "bokeh", "tornado", "tornado.application"),
)
"""Those that would write to the terminal; others are below them."""


@contextmanager
def dask_held_back() -> Iterator[None]:
    """While the block runs, Dask logs and warns of nothing; then its loggers are as before."""
    before = {name: logging.getLogger(name).level for name in LOGGERS}
    with warnings.catch_warnings():
        # Of versions that differ, of ports that are taken, of sockets that a killed worker left.
        warnings.filterwarnings("ignore", module=r"distributed|dask|dask_jobqueue|tornado|asyncio")
        warnings.filterwarnings("ignore", category=ResourceWarning)
        _ignore_mismatches()
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)


def _ignore_mismatches() -> None:
    """Of versions: the suite's own check has a line of its own."""
    from distributed.versions import VersionMismatchWarning

    warnings.filterwarnings("ignore", category=VersionMismatchWarning)
