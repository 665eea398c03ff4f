"""Rows and tables: the only format between computing and drawing."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import pandas as pd

from benchmarks.errors import UserError
from benchmarks.files import content_of, or_none, written_whole


@dataclass(frozen=True)
class Measurement:
    """One metric of one replicate under one condition, or the reason why it has no value.

    Attributes:
        recipe, method, replicate: of which networks and method.
        members: the number of members, ``"exact"``, or empty if unknown.
        condition: on which images.
        score: the uncertainty score of a detection or selective metric, else empty.
        metric: its name.
        value: the number; ``None`` if there is none.
        images: on how many images.
        status: ``ok``; ``ill-defined labels`` (measured against labels that are not well defined);
            ``undefined``, ``unavailable``, ``not applicable`` or ``failed``: no value.
        reason: why the status is not ``ok``, or a remark.
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


class Interval(NamedTuple):
    """A 95 % interval around a number of the summary.

    Attributes:
        half_width: NaN if there is no interval.
        reason: why there is none.
        note: what the reader must know of it.
    """

    half_width: float
    reason: str = ""
    note: str = ""

    def around(self, value: float) -> tuple[float, float, float]:
        """Value and bounds, to as many decimals as give the half-width four digits.

        >>> Interval(0.0123456).around(0.2)
        (0.2, 0.18765, 0.21235)
        """
        if not self.half_width > 0:
            return value, math.nan, math.nan
        decimals = 3 - math.floor(math.log10(self.half_width))
        lower, upper = value - self.half_width, value + self.half_width
        return round(value, decimals), round(lower, decimals), round(upper, decimals)


Key = tuple[str, str, str, str, str, str]
"""Recipe, method, members, condition, score and metric: the key of a row of the summary."""


@dataclass(frozen=True)
class Quantity:
    """What a number of a claim is; its rule, figures and texts find it by these fields.

    Only those fields are given that tell a quantity from the others of its claim.

    Attributes:
        label: what tables call it.
        metric: what is computed: a metric's name, or another one.
        score: the uncertainty score by which images are ranked.
        method, other_method: the method, and the one that is subtracted from it.
        pair: which two predictions are compared, where methods do not tell.
        condition, dataset: the evaluated images: a condition or a group of them, and its label.
        image: the number of a single test image.
        class_number: the class that is voted for.
        split, epoch: training or validation images, and after which epoch.
        training_set: what the networks were trained on, as tables call it.
        engine: what computes.
        networks: how many there are.
        lower_edge, upper_edge: of a bin.
        bound: which bound of an interval, where it is not the value itself.
    """

    label: str
    metric: str
    score: str = ""
    method: str = ""
    other_method: str = ""
    pair: str = ""
    condition: str = ""
    dataset: str = ""
    image: int | None = None
    class_number: int | None = None
    split: str = ""
    epoch: Literal["", "first", "last"] = ""
    training_set: str = ""
    engine: str = ""
    networks: int | None = None
    lower_edge: float | None = None
    upper_edge: float | None = None
    bound: Literal["", "lower", "upper"] = ""

    def entry(self, values: Iterable[float]) -> dict[str, Any]:
        """The quantity with its values, as `claims.json` has it.

        >>> Quantity("votes for 0", "votes", class_number=0).entry([3.0, math.nan])
        {'label': 'votes for 0', 'metric': 'votes', 'class_number': 0, 'values': [3.0, None]}
        """
        given = {name: value for name, value in asdict(self).items() if value not in ("", None)}
        return {**given, "values": [or_none(value) for value in values]}

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """The quantity of such an entry.

        >>> Quantity.of({"label": "ECE, clean", "metric": "ece", "values": [0.5]}).metric
        'ece'
        """
        return cls(**{name: value for name, value in entry.items() if name != "values"})


QUANTITY_TYPES: dict[str, str] = {
    field.name: {"int | None": "Int64", "float | None": "float"}.get(str(field.type), "object")
    for field in fields(Quantity)
}
"""What columns of a quantity's fields hold."""


_TEXT = (
    *("recipe", "method", "members", "condition", "score", "metric", "status", "reason"),
    *("family", "split", "other_recipe", "other_method", "other_members"),
    *("ensemble_recipe", "ensemble", "worth", "worth_lower", "worth_upper"),
    *("device", "device_name", "engine", "mode", "clock", "stopped_because"),
    *("torch_version", "cuda_version", "numba_version"),
)


def as_table(measurements: Iterable[Measurement]) -> pd.DataFrame:
    """The rows as a table in a fixed order, so that equal runs write equal bytes."""
    columns = [field.name for field in fields(Measurement)]
    table = pd.DataFrame([vars(row) for row in measurements], columns=columns)
    table["value"] = table["value"].astype(float)
    order = table["members"].map(members_rank)
    table = table.assign(order=order).sort_values(
        ["recipe", "method", "order", "members", "replicate", "condition", "metric", "score"]
    )
    return table.drop(columns="order").reset_index(drop=True)


def members_text(members: int | None) -> str:
    """How tables write the number of a prediction's members: ``None`` is the exact distribution.

    >>> members_text(100), members_text(None)
    ('100', 'exact')
    """
    return "exact" if members is None else str(members)


def members_rank(members: str) -> float:
    """Sort key of a number of members; what is no number comes last."""
    return float(members) if members.isdigit() else math.inf


def where(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The rows with these values in the columns of these names.

    >>> where(pd.DataFrame({"a": [1, 1, 2], "b": [3, 4, 4]}), a=1, b=4)
       a  b
    1  1  4
    """
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV; numbers are read back to the same bits."""
    with written_whole(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote; empty text stays empty text.

    Raises:
        UserError: the file is not such a table.
    """
    table = _read_csv(
        path,
        dtype=dict.fromkeys(_TEXT, str),
        # Python's own float, since pandas before 3 reads some numbers in other bits.
        converters=dict.fromkeys(("value", "lower", "upper"), _number),
        # A method may be called "null", and a column of reasons may be empty: both are text.
        na_values="",
    )
    return table.fillna({name: "" for name in _TEXT if name in table})


def read_texts(path: Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote, its numbers as text.

    Raises:
        UserError: the file is not such a table.
    """
    return _read_csv(path, dtype=str)


def _read_csv(path: Path, **options: Any) -> pd.DataFrame:
    try:
        content = content_of(path)
        if not content.endswith(b"\n"):
            raise ValueError("it ends within a row")
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table: pd.DataFrame = pd.read_csv(
                BytesIO(content), index_col=False, keep_default_na=False, **options
            )
            return table
    except FileNotFoundError as error:
        raise UserError(f"there is no {path}; run again without --only to write it") from error
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{path} is damaged ({why}); delete it and run again") from error


def _number(text: str) -> float:
    return float(text or "nan")
