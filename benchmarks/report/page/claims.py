"""The article's claims and their verdicts, from `claims.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.files import read_json
from benchmarks.report.claims_page import (
    ABOUT_DOUBLE_SOFTMAX,
    DOUBLE_SOFTMAX,
    double_softmax_table,
    setting_text,
)
from benchmarks.report.number_format import spread
from benchmarks.report.page.explorer import data_uri
from benchmarks.report.texts import article_answer
from benchmarks.vocabulary import CLAIMS_JSON


class Numbers(NamedTuple):
    """A quantity, and its spread over the networks of each recipe."""

    name: str
    spreads: tuple[str, ...]


class Figure(NamedTuple):
    """A figure: whose, its path beside the page, and its bytes as an address."""

    recipe: str
    path: str
    uri: str


class Claim(NamedTuple):
    """A claim as the page shows it; its figures by recipe, first that of the verdict."""

    id: str
    statement: str
    place: str
    rule: str
    verdict: str
    why: str
    remarks: tuple[str, ...]
    recipes: tuple[str, ...]
    numbers: tuple[Numbers, ...]
    figures: tuple[Figure, ...]

    @property
    def kind(self) -> str:
        """The verdict as a class of the style sheet."""
        return self.verdict.replace(" ", "-")


class DoubleSoftmax(NamedTuple):
    """The effect of the article's double softmax: the text of `claims.md`, and its table."""

    title: str
    about: str
    recipes: list[str]
    rows: list[list[str]]


class Claims(NamedTuple):
    """All claims, their summary (empty where none was tested), and their setting."""

    claims: tuple[Claim, ...]
    summary: str
    setting: str
    double_softmax: DoubleSoftmax | None


def claims(folder: Path) -> Claims | None:
    """Read from the run's folder; ``None`` where no claim was judged."""
    content = read_json(folder / CLAIMS_JSON)
    if not content:
        return None
    double_softmax = content["double_softmax"]
    return Claims(
        tuple(_claim(row, folder) for row in content["claims"]),
        article_answer(content),
        setting_text(content["setting"]),
        DoubleSoftmax(DOUBLE_SOFTMAX, ABOUT_DOUBLE_SOFTMAX, *double_softmax_table(double_softmax))
        if double_softmax
        else None,
    )


def _claim(row: Mapping[str, Any], folder: Path) -> Claim:
    beside = [f"With the recipe {recipe}: {why}." for recipe, why in row.get("beside", {}).items()]
    numbers: Mapping[str, Mapping[str, list[float | None]]] = row.get("numbers", {})
    names = dict.fromkeys(name for some in numbers.values() for name in some)
    return Claim(
        **{name: row[name] for name in ("id", "statement", "place", "rule", "verdict", "why")},
        remarks=tuple(filter(None, (row.get("remark", ""), *beside))),
        recipes=tuple(numbers),
        numbers=tuple(
            Numbers(name, tuple(spread(some.get(name, [])) for some in numbers.values()))
            for name in names
        ),
        figures=tuple(_figures(row, folder)),
    )


def _figures(row: Mapping[str, Any], folder: Path) -> Iterator[Figure]:
    for recipe in row.get("numbers", {}):
        path = f"figures/{row.get('figure')}-{recipe}.png"
        if (folder / path).exists():
            yield Figure(recipe, path, data_uri((folder / path).read_bytes()))
