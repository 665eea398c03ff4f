"""A small run by the article's recipe, on real data, with everything that claims need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.claims import exact, predictor, training_sets, writing
from benchmarks.claims.statements import imitation
from benchmarks.run import stages
from benchmarks.run.stages import run_stages
from tests import runs
from tests.claims.support import run_in, write_latency


@pytest.fixture(scope="module")
def small_mnist() -> Iterator[None]:
    """600 images to train with and 600 to test, so that there is one of number 591."""
    with runs.small_mnist(training=600, test=600) as patch:
        patch.setattr(stages, "write_report", lambda _: None)
        # Other tests time methods; this saves time.
        patch.setattr(stages, "time_methods", lambda *_: [])
        patch.setattr(imitation, "MANY_PASSES", 30)
        # To enumerate all sub-networks takes seconds a network.
        patch.setattr(
            writing, "write_exact", lambda one: exact.write_exact(replace(one, networks=3))
        )
        patch.setattr(predictor, "OUTSIDE", 2)
        patch.setattr(predictor, "CHOOSING", 3)
        patch.setitem(training_sets.SIZES, "article-1000", 100)
        patch.setitem(training_sets.SIZES, "article-10000", 300)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, small_mnist: None) -> Path:
    """A folder with a finished run in `out` and its networks in `networks`."""
    folder = tmp_path_factory.mktemp("finished")
    assert run_stages(*run_in(folder), "train") == []
    write_latency(folder)
    assert run_stages(*run_in(folder)) == []
    return folder
