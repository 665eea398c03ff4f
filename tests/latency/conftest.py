"""Short timings, and a run in which all has been timed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.latency.stage import time_methods
from benchmarks.latency.stopwatch import Limits
from benchmarks.run.configuration import PRESETS
from tests.latency.support import run_in


@pytest.fixture(scope="module", autouse=True)
def in_little_time() -> Iterator[None]:
    short = Limits(seconds=0.02, fewest=10)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("quick", "full"):
            patch.setitem(PRESETS, name, replace(PRESETS[name], limits=short))
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, in_little_time: None) -> Path:
    """A folder in whose `out` all has been timed."""
    folder = tmp_path_factory.mktemp("finished")
    assert time_methods(*run_in(folder)) == []
    return folder
