"""Runs of the stage `latency`, and their tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmarks.latency.stage import time_methods
from benchmarks.run.configuration import Configuration
from benchmarks.schema import read_table
from tests.runs import QUICK, Run, run_of

SMALL = replace(QUICK, members=(2, 3), passes=(2, 4), batch_sizes=(1, 2, 4))


def run_in(folder: Path, configuration: Configuration = SMALL) -> Run:
    """A run of few members and small batches."""
    return run_of(configuration, folder)


def timed(folder: Path, configuration: Configuration = SMALL) -> pd.DataFrame:
    """The rows of a run without failures."""
    run = run_in(folder, configuration)
    assert time_methods(*run) == []
    return table_of(run)


def table_of(run: Run) -> pd.DataFrame:
    """The rows that a run wrote."""
    return read_table(run.workspace.out, "latency.csv")
