"""How tests are collected and run; what they share is in `tests.fixtures`."""

from __future__ import annotations

import os
from collections.abc import Generator
from importlib.util import find_spec

import pytest
from _pytest.doctest import DoctestModule

# Tests compare bits: torch must not pick another kernel for another thread count.
os.environ.setdefault("OMP_NUM_THREADS", "1")

NO_CLUSTER = [name for name in ("distributed", "yaml") if find_spec(name) is None]
"""What of the extra `cluster` is not installed."""

collect_ignore = ["cluster"] if NO_CLUSTER else []


@pytest.hookimpl(trylast=True)  # coverage has begun
def pytest_sessionstart(session: pytest.Session) -> None:
    """The process that deals tests out to others starts at once: it needs no torch."""
    if not session.config.getoption("numprocesses", None):
        session.config.pluginmanager.import_plugin("tests.fixtures")


def pytest_report_header() -> str | None:
    return f"tests/cluster is left out: no {', '.join(NO_CLUSTER)}" if NO_CLUSTER else None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Tests have no doctests: `--doctest-ignore-import-errors` would hide one that cannot start."""
    return [one for one in (yield) if type(one) is not DoctestModule]
