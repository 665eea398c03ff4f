"""Rows of the tables below a claim: what its rule compares, and every quantity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.report.number_format import UNDEFINED, spread
from benchmarks.schema import Quantity
from benchmarks.vocabulary import VOTES

Row = tuple[str, list[str]]
"""What a row is of, and its cells, one a recipe."""

Values = Sequence[float | None]
"""One a network; ``None`` where undefined."""

ONE_DECIMAL = {VOTES, "classes_with_votes", "training_seconds", "p50_ms"}
"""The metrics whose means have one decimal: counts of votes, and times."""

WITHOUT_VALUE = {"lower": "> ", "upper": "< "}
"""What is known of a value of which only one bound is."""


def part_rows(claim: Mapping[str, Any]) -> list[Row]:
    """What the rule compares, with whether it is as the claim says; one without it is shown."""
    parts = claim["parts"]
    by_recipe = [
        {one["what"]: _cell(one) for one in parts.get(recipe, ())} for recipe in claim["numbers"]
    ]
    rows = dict.fromkeys(what for of_recipe in by_recipe for what in of_recipe)
    return [(what, [one.get(what, UNDEFINED) for one in by_recipe]) for what in rows]


def quantities(claim: Mapping[str, Any]) -> Iterator[Row]:
    """Each quantity with its mean and range over the networks, by each recipe.

    A value and its bounds are one row, and so is the accuracy in a bin of agreeing votes, of whose
    images and correct images the numbers are. Rows without any value are left out, and those of
    `part_rows`.
    """
    told = {what for what, _ in part_rows(claim)}
    by_recipe = [_of_recipe(entries) for entries in claim["numbers"].values()]
    for label in dict.fromkeys(label for one in by_recipe for label in one):
        cells = [one.get(label, UNDEFINED) for one in by_recipe]
        if label not in told and set(cells) != {UNDEFINED}:
            yield label, cells


def _of_recipe(entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """By label, what the table shows."""
    numbers = {Quantity.of(entry): entry["values"] for entry in entries}
    by_fields = {replace(quantity, label=""): values for quantity, values in numbers.items()}
    rows = {}
    for quantity, values in numbers.items():
        fields = replace(quantity, label="")
        if quantity.bound:
            if replace(fields, bound="") not in by_fields:
                rows[quantity.label] = WITHOUT_VALUE[quantity.bound] + _spread(quantity, values)
        elif quantity.lower_edge is None:
            ends = [by_fields.get(replace(fields, bound=end), ()) for end in ("lower", "upper")]
            known = [_spread(quantity, end) for end in ends if any(one is not None for one in end)]
            interval = f" ({' to '.join(known)})" if len(known) == 2 else ""
            rows[quantity.label] = _spread(quantity, values) + interval
        elif quantity.metric == "correct":
            images = by_fields[replace(fields, metric="images")]
            rows[_as_accuracy(quantity.label)] = spread(_ratios(values, images))
    return rows


def _spread(quantity: Quantity, values: Values) -> str:
    return spread(values, 1 if quantity.metric in ONE_DECIMAL else None)


def _as_accuracy(label: str) -> str:
    """What correct images are a share of, as tables call it.

    >>> _as_accuracy("correct, 45°, agreement 0.9–1.0")
    'accuracy, 45°, agreement 0.9–1.0'
    """
    return label.replace("correct", "accuracy", 1)


def _ratios(counts: Values, of: Values) -> list[float | None]:
    return [
        one / total if one is not None and total else None
        for one, total in zip(counts, of, strict=False)
    ]


def _cell(part: Mapping[str, Any]) -> str:
    if part["holds"] is None:
        return str(part["shown"])
    return f"{part['shown']}: {'yes' if part['holds'] else 'no'}"
