"""The image explorer's data: single images with each method's prediction, and one PNG of all."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.files import or_none
from benchmarks.nouns import Names, Printed, Variant
from benchmarks.report.editorial import REASONS_SHOWN
from benchmarks.report.read.files import Pixels
from benchmarks.report.results import Results
from benchmarks.report.style import Look, css_color, look_in

IN_A_ROW = 20
"""Images in a row of the PNG that holds them all."""


def explorer(results: Results, looks: Mapping[Variant, Look]) -> dict[str, Any] | None:
    """What the page's script is given, and ``sheet``: all images in one PNG, as a data URI.

    ``coloured`` says whether these have colours, which are shown as they are.

    ``None`` where the run chose no images. ``results`` are those of all recipes.
    """
    rows = results.curve("explorer")
    if rows.empty:
        return None
    variants = sorted(
        {Variant(*pair) for pair in zip(rows["method"], rows["members"], strict=True)},
        key=results.names.rank,
    )
    measures = _measures(rows)
    images = [
        _image(group, variants, measures, len(results.names.task.classes))
        for _, group in rows.groupby(["recipe", "condition", "index"], sort=False)
    ]
    conditions = sorted({image["condition"] for image in images}, key=results.names.condition_rank)
    tiles = {image: tile for tile, image in enumerate(_distinct(images))}
    return {
        "sheet": _sheet([results.images.get(image) for image in tiles]),
        "coloured": any(pixels.ndim > 2 for pixels in results.images.values()),
        "columns": IN_A_ROW,
        "rows": -(-len(tiles) // IN_A_ROW),
        "methods": [
            {
                "key": v.key,
                "label": results.names.label(v),
                "color": css_color(look_in(looks, v).color),
                "single": v.members == "1",
            }
            for v in variants
        ],
        "measures": [
            {"key": name, "label": _printed(results.names, name).axis_label} for name in measures
        ],
        "classes": list(results.names.task.classes),
        "conditions": [{"key": c, "label": results.label_of(c)} for c in conditions],
        "recipes": list(results.recipes),
        "main": str(rows["recipe"].mode()[0]),
        "reasons": _reasons(images, results.names),
        "article": _article(images, results.names),
        "images": [image | {"tile": tiles[image["condition"], image["index"]]} for image in images],
    }


def data_uri(png: bytes) -> str:
    """A PNG as an address that needs no file (RFC 2397).

    >>> data_uri(b"png")
    'data:image/png;base64,cG5n'
    """
    return f"data:image/png;base64,{b64encode(png).decode('ascii')}"


def _measures(rows: pd.DataFrame) -> list[str]:
    """The columns of measures: those between what the row is of, and the shares of votes."""
    columns = list(rows.columns)
    return columns[columns.index("replicate") + 1 : columns.index("vote_share_0")]


def _image(
    rows: pd.DataFrame, variants: Sequence[Variant], measures: Sequence[str], classes: int
) -> dict[str, Any]:
    first = rows.iloc[0]
    predictions: list[dict[str, Any] | None] = [None] * len(variants)
    for row in rows.to_dict("records"):
        predictions[variants.index(Variant(row["method"], row["members"]))] = {
            "votes": [row[f"vote_share_{c}"] for c in range(classes)],
            "mean": [row[f"mean_probability_{c}"] for c in range(classes)],
            "measures": [or_none(row[name]) for name in measures],
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


def _article(images: Sequence[Mapping[str, Any]], names: Names) -> dict[str, list[int]]:
    """Which of the article's images are among those of this run, and which are not."""
    there = {image["number"] for image in images if "article" in image["reasons"]}
    wanted = list(map(int, names.task.article_images))
    return {
        "present": [number for number in wanted if number in there],
        "absent": [number for number in wanted if number not in there],
    }


def _printed(names: Names, measure: str) -> Printed:
    """A measure of single images, which is a metric or, as confidence, none."""
    printed = names.printed(measure)
    return printed if printed.name != measure else Printed(measure.capitalize())


def _distinct(images: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], None]:
    return dict.fromkeys((image["condition"], image["index"]) for image in images)


def _reasons(images: Sequence[Mapping[str, Any]], names: Names) -> list[dict[str, str]]:
    given = {reason for image in images for reason in image["reasons"]}
    order = list(REASONS_SHOWN)
    labelled = []
    for reason in sorted(given, key=lambda reason: (order.index(reason.partition(":")[0]), reason)):
        kind, _, method = reason.partition(":")
        of_method = f": {names.method(method).label}" if method else ""
        labelled.append({"key": reason, "label": REASONS_SHOWN[kind] + of_method})
    return labelled


def _sheet(images: Sequence[Pixels | None]) -> str:
    """All images in one PNG; what is missing stays black."""
    rows = -(-len(images) // IN_A_ROW)
    height, width, *colours = next((one.shape for one in images if one is not None), (1, 1))
    sheet = np.zeros((rows * height, IN_A_ROW * width, *colours), dtype=np.uint8)
    for tile, pixels in enumerate(images):
        row, column = divmod(tile, IN_A_ROW)
        if pixels is not None:
            top, left = row * height, column * width
            sheet[top : top + height, left : left + width] = pixels
    with BytesIO() as file:
        Image.fromarray(sheet).save(file, format="png", optimize=True)
        return data_uri(file.getvalue())
