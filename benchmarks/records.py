"""Tidy rows: the only format between computing and drawing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from benchmarks.files import written_whole
from benchmarks.statistics import mean_with_interval


@dataclass(frozen=True)
class Measurement:
    """One number (or the reason why there is none) of one replicate.

    Attributes:
        recipe, method, replicate: whose it is.
        members: how many opinions were formed, ``"exact"``, or empty where unknown.
        condition: of which images.
        score: the uncertainty score that a detection or selective measure used, else empty.
        metric: which measure.
        value: the number; ``None`` where there is none.
        images: how many images it was measured on.
        status: ``ok``; ``doubtful`` (measured, but the labels are not well defined);
            ``undefined``, ``unavailable``, ``not applicable`` or ``failed``: no value.
        reason: why the status is not ``ok``, or what else to know.
    """

    recipe: str
    method: str
    replicate: int
    members: str
    condition: str
    score: str
    metric: str
    value: float | None
    images: int
    status: str = "ok"
    reason: str = ""


MEASURED = ("ok", "doubtful")
"""The statuses of rows that have a value."""

OWN_RECIPE = "own"
"""The recipe column of methods that train themselves, in their own way."""

CURVES = "curves"
"""The folder of the tables that only figures need."""

IMAGES = "images.npz"
"""The file with the pictures that figures and page show."""

INDEX = "index.html"
"""The page that shows all of it to people."""

_TEXT = ("recipe", "method", "members", "condition", "score", "metric", "status", "reason")

_KEY = ["recipe", "method", "members", "condition", "score", "metric"]


def as_table(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """The rows as a table, sorted, so that equal runs write equal bytes."""
    columns = [field.name for field in fields(Measurement)]
    table = pd.DataFrame([asdict(row) for row in measurements], columns=columns)
    table["value"] = table["value"].astype(float)
    order = table["members"].map(_members_rank)
    table = table.assign(order=order).sort_values(
        ["recipe", "method", "order", "members", "replicate", "condition", "metric", "score"]
    )
    return table.drop(columns="order").reset_index(drop=True)


def summarise(measurements: pd.DataFrame) -> pd.DataFrame:
    """Mean over replicates with a 95 % interval: ``summary.csv``.

    The interval is Student's t over replicates. It covers the draw of networks and masks, not the
    choice of test images; with a single replicate there is none, and the bounds are empty.
    """
    rows = []
    for key, group in measurements.groupby(_KEY, sort=False, dropna=False):
        measured = group[group["status"].isin(MEASURED)]
        values = measured["value"].to_numpy()
        value, lower, upper = mean_with_interval(values)
        alike = group if measured.empty else measured
        telling = alike[alike["reason"] != ""]
        shown = (alike if telling.empty else telling).iloc[0]
        rows.append(
            dict(zip(_KEY, key, strict=True))
            | {"value": value, "lower": lower, "upper": upper, "replicates": len(values)}
            | {name: shown[name] for name in ("images", "status", "reason")}
        )
    bounds = ["value", "lower", "upper", "replicates", "images", "status", "reason"]
    return pd.DataFrame(rows, columns=_KEY + bounds)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV; numbers are written so that reading them gives the same bits."""
    with written_whole(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote; what is empty text stays empty text."""
    # Python's own float, since pandas before 3 reads some numbers in other bits.
    table = pd.read_csv(
        path,
        dtype=dict.fromkeys(_TEXT, str),
        converters=dict.fromkeys(("value", "lower", "upper"), _number),
        # A method may be called "null", and a column of reasons may be empty: both are text.
        keep_default_na=False,
        na_values="",
    )
    return table.fillna({name: "" for name in _TEXT if name in table})


def _number(text: str) -> float:
    return float(text or "nan")


def _members_rank(members: str) -> float:
    return float(members) if members.isdigit() else float("inf")
