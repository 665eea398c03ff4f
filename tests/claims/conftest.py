"""A small run by the article's recipe, on real data, with everything that claims need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.run import stages
from benchmarks.run.stages import run_stages
from tests import runs
from tests.claims.support import lighten, run_in, write_latency


@pytest.fixture(scope="module")
def small_mnist() -> Iterator[None]:
    """600 images to train with and 600 to test, so that there is one of number 591."""
    with runs.small_mnist(training=600, test=600) as patch:
        patch.setattr(stages, "write_report", lambda *_: None)
        # Other tests time methods; this saves time.
        patch.setitem(stages.STAGES, "latency", lambda *_: [])
        lighten(patch)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, small_mnist: None) -> Path:
    """A folder with a finished run in `out` and its networks in `networks`."""
    folder = tmp_path_factory.mktemp("finished")
    assert run_stages(*run_in(folder), "train") == []
    write_latency(folder)
    assert run_stages(*run_in(folder)) == []
    return folder
