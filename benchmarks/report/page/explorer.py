"""The images of the explorer, each with the votes of every method; see `run.shown_images`."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Hashable, Mapping
from io import BytesIO
from operator import itemgetter
from typing import Any, NamedTuple

import pandas as pd
from PIL import Image

from benchmarks.nouns import Variant
from benchmarks.report.read.files import Pixels
from benchmarks.report.results import Results

Row = dict[Hashable, Any]
"""Of ``image_votes.csv``: the votes of a method on an image for a class."""


class Votes(NamedTuple):
    """The votes of a method on an image.

    Attributes:
        predicted: the name of the class with the highest mean probability.
        is_right: whether that is the label; ``None`` without one.
        shares: by name of a class, in percent, the most first.
    """

    method: str
    predicted: str
    is_right: bool | None
    shares: dict[str, float]


class Shown(NamedTuple):
    """An image with all methods' votes.

    Attributes:
        label: the name of its class; empty where it has none.
        number: of the image in its data set.
        picture: a PNG as an address (RFC 2397); empty where the run has no pixels of it.
        coloured: whether it is shown as it is; grey images are dark on light, as in figures.
        apart: the methods that predict another class than most do.
    """

    condition: str
    label: str
    number: int
    picture: str
    coloured: bool
    votes: tuple[Votes, ...]
    apart: tuple[str, ...]


def explorer(results: Results) -> list[Shown]:
    """The images, by condition; none where the run chose none. ``results`` are of all recipes."""
    by_image: dict[int, dict[Variant, list[Row]]] = {}
    for row in results.curve("image_votes").to_dict("records"):
        of_image = by_image.setdefault(row["rank"], {})
        of_image.setdefault(Variant(row["method"], row["members"]), []).append(row)
    return [_shown(results, by_image[rank]) for rank in sorted(by_image)]


def _shown(results: Results, by_variant: Mapping[Variant, list[Row]]) -> Shown:
    variants = sorted(sorted(by_variant), key=results.names.rank)
    votes = tuple(_votes(results, variant, by_variant[variant]) for variant in variants)
    ((common, _),) = Counter(one.predicted for one in votes).most_common(1)
    first = by_variant[variants[0]][0]
    pixels = results.images.get((first["condition"], int(first["index"])))
    return Shown(
        condition=results.label_of(first["condition"]),
        label="" if pd.isna(first["label"]) else results.names.class_name(int(first["label"])),
        number=int(first["number"]),
        picture="" if pixels is None else _picture(pixels),
        coloured=pixels is not None and pixels.ndim > 2,
        votes=votes,
        apart=tuple(one.method for one in votes if one.predicted != common),
    )


def _votes(results: Results, variant: Variant, rows: list[Row]) -> Votes:
    """``rows``: one a class."""
    best = max(rows, key=itemgetter("mean_probability"))
    cast = sorted(rows, key=itemgetter("vote_share", "mean_probability"), reverse=True)
    return Votes(
        method=results.names.method(variant.method).label,
        predicted=results.names.class_name(int(best["class"])),
        is_right=None if pd.isna(best["label"]) else bool(best["class"] == best["label"]),
        shares={
            results.names.class_name(int(row["class"])): round(100 * float(row["vote_share"]), 1)
            for row in cast
            if row["vote_share"] > 0
        },
    )


def _picture(pixels: Pixels) -> str:
    with BytesIO() as file:
        Image.fromarray(pixels).save(file, format="png", optimize=True)
        return f"data:image/png;base64,{b64encode(file.getvalue()).decode('ascii')}"
