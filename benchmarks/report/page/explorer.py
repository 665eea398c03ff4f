"""The image explorer's data: single images and what each method thinks of them, and one picture."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.report.figures.claims import COUNTED
from benchmarks.report.names import (
    METHODS,
    METRICS,
    Metric,
    Variant,
    condition_label,
    condition_rank,
)
from benchmarks.report.page.chart import color, key, looks_of
from benchmarks.report.page.data_uri import data_uri
from benchmarks.report.results import Pixels, Results
from benchmarks.report.style import Look

SIDE, IN_A_ROW = 28, 20
"""Pixels of a picture, and pictures in a row of the one that holds them all."""

MEASURES = {
    "confidence": Metric("Confidence"),
    **{
        name: METRICS[name]
        for name in (
            *("predictive_entropy", "expected_entropy"),
            *("mutual_information", "pairwise_disagreement"),
        )
    },
}

_CLASSES = range(10)

_REASONS = {
    "article": "Shown in the article",
    "high-disagreement": "Members disagree most",
    "wrong": "Misclassified with most confidence",
    "divergent": "The methods' votes differ most",
    "sample": "Sample of an out-of-distribution set",
}


def explorer(results: Results, looks: Mapping[Variant, Look]) -> dict[str, Any] | None:
    """What the page's script is given, and ``sheet``: all pictures in one, as a data URI.

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
    places = {place: i for i, place in enumerate(_distinct(images))}
    return {
        "sheet": _sheet([results.images.get(place) for place in places]),
        "columns": IN_A_ROW,
        "rows": -(-len(places) // IN_A_ROW),
        "methods": [
            {
                "key": key(v),
                "label": v.label,
                "color": color(looks_of(looks, v)),
                "single": v.members == "1",
            }
            for v in variants
        ],
        "measures": [{"key": name, "label": m.axis_label} for name, m in MEASURES.items()],
        "conditions": [{"key": c, "label": condition_label(c)} for c in conditions],
        "recipes": [recipe for recipe, _ in Counter(rows["recipe"]).most_common()],
        "reasons": _reasons(images),
        "article": _article(images),
        "images": [
            image | {"picture": places[image["condition"], image["index"]]} for image in images
        ],
    }


def _image(rows: pd.DataFrame, variants: Sequence[Variant]) -> dict[str, Any]:
    first = rows.iloc[0]
    opinions: list[dict[str, Any] | None] = [None] * len(variants)
    for row in rows.to_dict("records"):
        opinions[variants.index(Variant(row["method"], row["members"]))] = {
            "votes": [row[f"vote_share_{c}"] for c in _CLASSES],
            "mean": [row[f"mean_probability_{c}"] for c in _CLASSES],
            "measures": [_or_none(row[name]) for name in MEASURES],
        }
    label = _or_none(first["label"])
    return {
        "recipe": first["recipe"],
        "condition": first["condition"],
        "index": int(first["index"]),
        "place": int(first["place"]),
        "label": None if label is None else int(label),
        "why": first["why"].split(";"),
        "divergence": _or_none(first["divergence"]),
        "opinions": opinions,
    }


def _or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else float(value)


def _article(images: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Which of the article's images were judged in this run, and which were not."""
    judged = {image["place"] for image in images if "article" in image["why"]}
    places = [place for place, _ in COUNTED.values()]
    return {
        "judged": [place for place in places if place in judged],
        "absent": [place for place in places if place not in judged],
    }


def _distinct(images: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], None]:
    return dict.fromkeys((image["condition"], image["index"]) for image in images)


def _reasons(images: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    found = {why for image in images for why in image["why"]}
    order = list(_REASONS)
    labelled = []
    for why in sorted(found, key=lambda why: (order.index(why.partition(":")[0]), why)):
        kind, _, method = why.partition(":")
        of_method = f": {METHODS.get(method, method)}" if method else ""
        labelled.append({"key": why, "label": _REASONS[kind] + of_method})
    return labelled


def _sheet(pictures: Sequence[Pixels | None]) -> str:
    """All pictures in one PNG; what is missing stays black."""
    rows = -(-len(pictures) // IN_A_ROW)
    sheet = np.zeros((rows * SIDE, IN_A_ROW * SIDE), dtype=np.uint8)
    for place, pixels in enumerate(pictures):
        row, column = (SIDE * part for part in divmod(place, IN_A_ROW))
        if pixels is not None:
            sheet[row : row + SIDE, column : column + SIDE] = pixels
    with BytesIO() as file:
        Image.fromarray(sheet).save(file, format="png", optimize=True)
        return data_uri(file.getvalue())
