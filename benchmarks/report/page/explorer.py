"""The image explorer's data: single images with each method's prediction, and one PNG of all."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.files import or_none
from benchmarks.report.names import (
    METHODS,
    METRICS,
    Metric,
    Variant,
    condition_label,
    condition_rank,
)
from benchmarks.report.page.chart import color, key
from benchmarks.report.results import Pixels, Results
from benchmarks.report.style import Look, look_in
from benchmarks.vocabulary import EXPLORED_MEASURES, PECULIAR, TYPICAL

SIDE, IN_A_ROW = 28, 20
"""Pixels of an image's side, and images in a row of the PNG that holds them all."""

MEASURES = {name: METRICS.get(name, Metric(name.capitalize())) for name in EXPLORED_MEASURES}

_CLASSES = range(10)

_REASONS = {
    "article": "Shown in the article",
    "high-disagreement": "Members disagree most",
    "wrong": "Misclassified with the highest confidence",
    "divergent": "The methods' votes differ most",
    "sample": "Sample of an out-of-distribution set",
}


def explorer(results: Results, looks: Mapping[Variant, Look]) -> dict[str, Any] | None:
    """What the page's script is given, and ``sheet``: all images in one PNG, as a data URI.

    ``None`` where the run chose no images. ``results`` are those of all recipes.
    """
    rows = results.curve("explorer")
    if rows.empty:
        return None
    variants = sorted(
        {Variant(*pair) for pair in zip(rows["method"], rows["members"], strict=True)},
        key=lambda variant: variant.rank,
    )
    images = [
        _image(group, variants)
        for _, group in rows.groupby(["recipe", "condition", "index"], sort=False)
    ]
    conditions = sorted({image["condition"] for image in images}, key=condition_rank)
    tiles = {image: tile for tile, image in enumerate(_distinct(images))}
    return {
        "sheet": _sheet([results.images.get(image) for image in tiles]),
        "columns": IN_A_ROW,
        "rows": -(-len(tiles) // IN_A_ROW),
        "methods": [
            {
                "key": key(v),
                "label": v.label,
                "color": color(look_in(looks, v)),
                "single": v.members == "1",
            }
            for v in variants
        ],
        "measures": [{"key": name, "label": m.axis_label} for name, m in MEASURES.items()],
        "conditions": [{"key": c, "label": condition_label(c)} for c in conditions],
        "recipes": [recipe for recipe, _ in Counter(rows["recipe"]).most_common()],
        "reasons": _reasons(images),
        "article": _article(images),
        "images": [image | {"tile": tiles[image["condition"], image["index"]]} for image in images],
    }


def data_uri(png: bytes) -> str:
    """A PNG as an address that needs no file (RFC 2397).

    >>> data_uri(b"png")
    'data:image/png;base64,cG5n'
    """
    return f"data:image/png;base64,{b64encode(png).decode('ascii')}"


def _image(rows: pd.DataFrame, variants: Sequence[Variant]) -> dict[str, Any]:
    first = rows.iloc[0]
    predictions: list[dict[str, Any] | None] = [None] * len(variants)
    for row in rows.to_dict("records"):
        predictions[variants.index(Variant(row["method"], row["members"]))] = {
            "votes": [row[f"vote_share_{c}"] for c in _CLASSES],
            "mean": [row[f"mean_probability_{c}"] for c in _CLASSES],
            "measures": [or_none(row[name]) for name in MEASURES],
        }
    label = or_none(first["label"])
    return {
        "recipe": first["recipe"],
        "condition": first["condition"],
        "index": int(first["index"]),
        "number": int(first["number"]),
        "label": None if label is None else int(label),
        "reasons": first["reasons"].split(";"),
        "divergence": or_none(first["divergence"]),
        "predictions": predictions,
    }


def _article(images: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Which of the article's images are among those of this run, and which are not."""
    numbers = {image["number"] for image in images if "article" in image["reasons"]}
    return {
        "present": [number for number in (TYPICAL, PECULIAR) if number in numbers],
        "absent": [number for number in (TYPICAL, PECULIAR) if number not in numbers],
    }


def _distinct(images: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], None]:
    return dict.fromkeys((image["condition"], image["index"]) for image in images)


def _reasons(images: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    given = {reason for image in images for reason in image["reasons"]}
    order = list(_REASONS)
    labelled = []
    for reason in sorted(given, key=lambda reason: (order.index(reason.partition(":")[0]), reason)):
        kind, _, method = reason.partition(":")
        of_method = f": {METHODS.get(method, method)}" if method else ""
        labelled.append({"key": reason, "label": _REASONS[kind] + of_method})
    return labelled


def _sheet(images: Sequence[Pixels | None]) -> str:
    """All images in one PNG; what is missing stays black."""
    rows = -(-len(images) // IN_A_ROW)
    sheet = np.zeros((rows * SIDE, IN_A_ROW * SIDE), dtype=np.uint8)
    for tile, pixels in enumerate(images):
        row, column = (SIDE * part for part in divmod(tile, IN_A_ROW))
        if pixels is not None:
            sheet[row : row + SIDE, column : column + SIDE] = pixels
    with BytesIO() as file:
        Image.fromarray(sheet).save(file, format="png", optimize=True)
        return data_uri(file.getvalue())
