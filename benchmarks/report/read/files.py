"""Read the files of a run for the report: tables, the numbers of claims, and images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.arrays import DamagedArraysError, read_arrays
from benchmarks.io import UserError, path_of, read_json
from benchmarks.schema import TABLES, read_table
from benchmarks.vocabulary import (
    CLAIMS_FOLDER,
    CLAIMS_JSON,
    CURVES_FOLDER,
    IMAGES_NPZ,
    LATENCY_CSV,
)

Pixels = NDArray[np.uint8]


def read_latency(folder: Path) -> pd.DataFrame:
    """``latency.csv``; empty if nothing was timed there."""
    return read_if_there(folder, LATENCY_CSV)


def read_if_there(folder: Path, name: str) -> pd.DataFrame:
    """A table of a run; empty where there is no such file."""
    if path_of(folder, name).exists():
        return read_table(folder, name)
    return pd.DataFrame()


def read_claims(folder: Path) -> dict[str, Any]:
    """``claims.json``; empty where no claim was judged.

    Raises:
        UserError: it is damaged, or of another version.
    """
    path = folder / CLAIMS_JSON
    content = read_json(path)
    if content and "beside" not in content.get("setting", {}):
        raise UserError(f"{path} is of another version of the suite; run --only claims again")
    return content


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of a run that there are, by their paths in its folder.

    Raises:
        UserError: one is damaged, or a file among the curves is none of a run.
    """
    in_folders = (
        path.relative_to(folder).as_posix().removesuffix(".gz")
        for place in (CURVES_FOLDER, CLAIMS_FOLDER)
        for path in sorted(folder.glob(f"{place}/[!.]*.csv*"))
    )
    tables = {name: read_if_there(folder, name) for name in (*TABLES, *in_folders)}
    tables = {name: table for name, table in tables.items() if len(table.columns)}
    for name, table in tables.items():
        if name not in TABLES and "recipe" not in table:
            raise UserError(f"{folder / name} is no file of a run; delete it, or move it elsewhere")
    return tables


def curves_in(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables in folders by their files' names; those of claims have ``claims-`` in front."""
    places = {f"{CURVES_FOLDER}/": "", f"{CLAIMS_FOLDER}/": "claims-"}
    return {
        prefix + name.removeprefix(place).removesuffix(".csv"): table
        for name, table in tables.items()
        for place, prefix in places.items()
        if name.startswith(place)
    }


def read_images(folder: Path, *parts: str) -> dict[tuple[str, int], Pixels]:
    """Images by condition and index; none where there is no such file.

    Args:
        parts: where in the run's folder the file lies.
    """
    path = folder.joinpath(*parts, IMAGES_NPZ)
    if not path.exists():
        return {}
    try:
        arrays = read_arrays(path)
    except DamagedArraysError as error:
        raise UserError(f"{path} is damaged ({error}); delete it and run again") from error
    pairs = zip(arrays["condition"].tolist(), arrays["index"].tolist(), strict=True)
    return dict(zip(pairs, arrays["pixels"], strict=True))
