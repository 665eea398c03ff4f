"""Runs whose predictions are made up, so that no network is trained; the rest is computed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.report import write_report
from benchmarks.report.figures import drawn_figures
from benchmarks.report.results import Results
from tests.made_up import CLAIMS, make_up
from tests.report.support import page_of

MakeRun = Callable[..., Path]


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """See `make_up`."""
    return lambda **changes: make_up(tmp_path_factory.mktemp("run"), **changes)


@pytest.fixture(scope="session")
def measured(make_run: MakeRun) -> Path:
    """A run with a custom method and a condition without data."""
    return make_run(custom=True, unavailable={"ood-gaussian_noise": "Name or service not known"})


@pytest.fixture(scope="session")
def of_both(make_run: MakeRun) -> Path:
    """A run of two recipes and its page, with claims."""
    folder = make_run(recipes=("standard", "article"))
    figures = drawn_figures(Results.load(folder))  # not those of claims, which are made up
    (folder / "claims.json").write_text(json.dumps(CLAIMS), encoding="utf-8")
    page_of(folder, figures)
    return folder


@pytest.fixture(scope="session")
def reported(measured: Path) -> Path:
    """The same, with its tables and figures."""
    write_report(measured)
    return measured
