"""Read the files of a run for the report: tables, the numbers of claims, and images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.records import QUANTITY_TYPES, read_table
from benchmarks.vocabulary import LATENCY_CSV

Pixels = NDArray[np.uint8]


def read_latency(folder: Path) -> pd.DataFrame:
    """``latency.csv``; empty if nothing was timed there."""
    return read_if_there(folder / LATENCY_CSV)


def read_if_there(path: Path) -> pd.DataFrame:
    """A table; empty where there is no such file."""
    return read_table(path) if path.exists() else pd.DataFrame()


def claims_numbers(claims: Mapping[str, Any] | None) -> pd.DataFrame:
    """The numbers of `claims.json`, a row a network, with a column for each field of a quantity."""
    rows = [
        {"recipe": recipe, "claim": claim["id"], "figure": claim["figure"]}
        | {**entry, "network": network, "value": value}
        for claim in (claims or {"claims": []})["claims"]
        for recipe, numbers in claim["numbers"].items()
        for entry in numbers
        for network, value in enumerate(entry["values"])
    ]
    columns = ["recipe", "claim", "figure", *QUANTITY_TYPES, "network", "value"]
    numbers = pd.DataFrame(rows, columns=columns).astype(QUANTITY_TYPES | {"value": "float"})
    return numbers.rename(columns={"label": "quantity"})


def read_tables(folder: Path, prefix: str = "") -> dict[str, pd.DataFrame]:
    """The tables in a folder by their files' names, with a prefix."""
    return {f"{prefix}{path.stem}": read_table(path) for path in sorted(folder.glob("*.csv"))}


def read_images(path: Path) -> dict[tuple[str, int], Pixels]:
    """Images by condition and index; none where there is no such file."""
    if not path.exists():
        return {}
    with np.load(path) as file:
        pairs = zip(file["condition"].tolist(), file["index"].tolist(), strict=True)
        return dict(zip(pairs, file["pixels"], strict=True))
