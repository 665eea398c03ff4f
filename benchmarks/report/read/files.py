"""Read the files of a run for the report: tables, the numbers of claims, and images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.errors import UserError
from benchmarks.files import read_json
from benchmarks.nouns import Nouns
from benchmarks.records import QUANTITY_TYPES, Quantity
from benchmarks.stored.arrays import DamagedArraysError, read_arrays
from benchmarks.stored.json_shape import NUMBER, NUMBER_OR_NONE, Exactly, misfit
from benchmarks.stored.listing import path_of, require_as_written
from benchmarks.stored.tables import COLUMNS, read_run_table
from benchmarks.vocabulary import (
    CLAIMS_FOLDER,
    CLAIMS_JSON,
    CURVES_FOLDER,
    IMAGES_NPZ,
    LATENCY_CSV,
    MEASUREMENTS_CSV,
    PARTLY,
    SELF_TRAINED,
)

Pixels = NDArray[np.uint8]

EXPLORER = f"{CURVES_FOLDER}/explorer.csv"

_KINDS = {"str": str, "int | None": int, "float | None": (int, float)}

_QUANTITY = Exactly(
    {f"{one.name}?": _KINDS.get(str(one.type), str) for one in fields(Quantity)}
    | {"label": str, "metric": str, "values": [NUMBER_OR_NONE]}
)

_UNMEASURED = {"recipe": str, "passes?": int}
_MEASURED = {
    **{"recipe": str, "networks": int, "epochs": int, "images": int, "passes": int},
    **{"training_images?": {...: int}, "ood": [str], "unavailable?": [str], "beside?": {...: int}},
}

_PART = {"what": str, "shown": str, "holds": (bool, NoneType)}

_CLAIM = {
    **dict.fromkeys(("id", "statement", "place", "weight", "task", "rule"), str),
    **dict.fromkeys(("against", "verdict", "why", "figure"), str),
    **{"beside": {...: str}, "numbers": {...: [_QUANTITY]}},
    # An earlier version has neither.
    **{"verdicts_beside?": {...: str}, "parts?": {...: [_PART]}},
}

_COMPARED = {"method": str, "measure": str, "values": {...: NUMBER}, "difference?": NUMBER}
_WITH_INTERVAL = {**_COMPARED, **dict.fromkeys(("difference", "lower", "upper"), NUMBER)}

CLAIMS: dict[str, Any] = {
    "setting": lambda value: _MEASURED if _has(value, "networks") else _UNMEASURED,
    "claims": [_CLAIM],
    "double_softmax": lambda value: {
        "rows?": [lambda row: _WITH_INTERVAL if _has(row, "lower") else _COMPARED],
        **({"claim": str, "image": int} if _has(value, "rows") else {}),
    },
}
"""The shape of `claims.json`."""

_EARLIER_VERDICTS = {"partly": PARTLY}
"""What an earlier version calls a verdict."""


def _has(value: object, name: str) -> bool:
    return isinstance(value, dict) and name in value


def read_latency(folder: Path) -> pd.DataFrame:
    """``latency.csv``; empty if nothing was timed there."""
    return read_if_there(folder, LATENCY_CSV)


def read_if_there(folder: Path, name: str) -> pd.DataFrame:
    """A table of a run; empty where there is no such file, and never was."""
    if path_of(folder, name).exists():
        return read_run_table(folder, name)
    require_as_written(folder, name)
    return pd.DataFrame()


def read_claims(folder: Path) -> dict[str, Any]:
    """``claims.json``; empty where no claim was judged.

    Raises:
        UserError: it is damaged.
    """
    require_as_written(folder, CLAIMS_JSON)
    content = read_json(folder / CLAIMS_JSON)
    if content and (wrong := misfit(content, CLAIMS)):
        raise UserError(f"{folder / CLAIMS_JSON} is damaged: {wrong}; delete it and run again")
    for claim in content.get("claims", ()):
        claim["verdict"] = _EARLIER_VERDICTS.get(claim["verdict"], claim["verdict"])
    return content


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


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of a run that there are, by their paths in its folder; others are not the run's.

    All but the measurements, of which the summary has the means.
    """
    names = [name for name in COLUMNS if name != MEASUREMENTS_CSV]
    tables = {name: read_if_there(folder, name) for name in names}
    return {name: table for name, table in tables.items() if len(table.columns)}


def curves_in(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables in folders by their files' names; those of claims have ``claims-`` in front."""
    places = {f"{CURVES_FOLDER}/": "", f"{CLAIMS_FOLDER}/": "claims-"}
    return {
        prefix + name.removeprefix(place).removesuffix(".csv"): table
        for name, table in tables.items()
        for place, prefix in places.items()
        if name.startswith(place)
    }


def require_known(folder: Path, tables: Mapping[str, pd.DataFrame], nouns: Nouns) -> None:
    """Stop where a table of a run names what its nouns do not have.

    Raises:
        UserError: it does.
    """
    methods = {one.name for one in nouns.methods}
    recipes = {one.name for one in nouns.recipes} | {SELF_TRAINED}
    known = {
        **dict.fromkeys(("recipe", "ensemble_recipe"), ("recipes", recipes)),
        # An earlier version names one recipe for both sides of a comparison.
        "other_recipe": ("recipes", recipes | {""}),
        **dict.fromkeys(("method", "other_method", "ensemble"), ("methods", methods)),
        "condition": ("conditions", {one.name for one in nouns.conditions}),
        "metric": ("metrics", {one.name for one in nouns.metrics}),
    }
    for name, table in tables.items():
        for column in known.keys() & set(table):
            kind, names = known[column]
            if strange := sorted(set(table[column].unique()) - names):
                raise UserError(
                    f"{folder / name} is damaged: {kind}.csv has no {strange[0]!r}; delete it and "
                    "run again"
                )
    explorer = tables.get(EXPLORER, pd.DataFrame())
    classes = range(len(nouns.tasks[0].classes)) if nouns.tasks and len(explorer) else ()
    columns = [f"{what}_{c}" for what in ("vote_share", "mean_probability") for c in classes]
    if missing := [name for name in columns if name not in explorer]:
        raise UserError(
            f"{folder / EXPLORER} is damaged: it has no column {missing[0]!r}; delete it and run "
            "again"
        )


def read_images(folder: Path, *parts: str) -> dict[tuple[str, int], Pixels]:
    """Images by condition and index; none where there is no such file.

    Args:
        parts: where in the run's folder the file lies.
    """
    path = folder.joinpath(*parts, IMAGES_NPZ)
    require_as_written(folder, "/".join((*parts, IMAGES_NPZ)))
    if not path.exists():
        return {}
    try:
        arrays = read_arrays(path)
        if wrong := _misfit_of_images(arrays):
            raise DamagedArraysError(wrong)
    except DamagedArraysError as error:
        raise UserError(f"{path} is damaged ({error}); delete it and run again") from error
    pairs = zip(arrays["condition"].tolist(), arrays["index"].tolist(), strict=True)
    return dict(zip(pairs, arrays["pixels"], strict=True))


def _misfit_of_images(arrays: Mapping[str, NDArray[Any]]) -> str:
    kinds = {"pixels": "u", "condition": "U", "index": "iu", "label": "iu"}
    for name, kind in kinds.items():
        if name not in arrays:
            return f"it has no {name!r}"
        if arrays[name].dtype.kind not in kind:
            return f"{name} is of the type {arrays[name].dtype}"
    pixels = arrays["pixels"]
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or pixels.shape[3:] not in ((), (3,)):
        return f"pixels is {pixels.shape} of {pixels.dtype}"
    others = {name: arrays[name].shape for name in kinds if name != "pixels"}
    differing = [name for name, shape in others.items() if shape != pixels.shape[:1]]
    return f"{differing[0]} is of other images than pixels" if differing else ""
