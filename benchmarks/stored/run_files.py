"""The record and the tables of a run, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.files import read_json
from benchmarks.records import read_table
from benchmarks.vocabulary import (
    CLAIMS_FOLDER,
    COMPARISONS_CSV,
    CURVES_FOLDER,
    LATENCY_CSV,
    RUN_JSON,
    SCORE_COMPARISONS_CSV,
    SCORE_LATENCY_CSV,
    SCORE_WORTH_CSV,
    SUMMARY_CSV,
    TRAINING_CSV,
    WORTH_CSV,
)

_OF_CURVES = (
    *("reliability", "histograms", "roc", "risk_coverage", "example_image", "high_disagreement"),
    *("replicates", "sampling_error", "explorer"),
)
_OF_CLAIMS = ("exact", "spread", "training_seconds")

TABLES = (
    *(SUMMARY_CSV, COMPARISONS_CSV, WORTH_CSV, SCORE_COMPARISONS_CSV, SCORE_WORTH_CSV),
    *(TRAINING_CSV, LATENCY_CSV, SCORE_LATENCY_CSV),
    *(f"{CURVES_FOLDER}/{name}.csv" for name in _OF_CURVES),
    *(f"{CLAIMS_FOLDER}/{name}.csv" for name in _OF_CLAIMS),
)
"""The tables that the report reads, by their paths in the folder of a run.

All but the measurements, of which the summary has the means.
"""


def read_run_json(folder: Path) -> dict[str, Any]:
    """The record of the run in a folder; empty where there is none.

    Raises:
        UserError: it is damaged.
    """
    return read_json(folder / RUN_JSON, "restore it, or choose another folder with --out")


def path_of(folder: Path, name: str) -> Path:
    """Where a file of a run stands: gzipped, with ``.gz`` behind its name, if only so.

    >>> path_of(Path("nowhere"), "worth.csv").name
    'worth.csv'
    """
    path, zipped = folder / name, folder / f"{name}.gz"
    return zipped if zipped.is_file() and not path.is_file() else path


def read_run_table(folder: Path, name: str) -> pd.DataFrame:
    """A table of a run, by its path in the run's folder; it may be gzipped.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    return read_table(path_of(folder, name))
