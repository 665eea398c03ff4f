"""`claims.md`: every statement of the article with its verdict, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.records import Quantity
from benchmarks.report.names import left_out_remark, training_images_remark
from benchmarks.report.number_format import UNDEFINED, plain, rounded, spread
from benchmarks.report.texts import render, sentences
from benchmarks.vocabulary import PECULIAR, TYPICAL, WEIGHTS

DOUBLE_SOFTMAX = "The effect of the double softmax"

ABOUT_DOUBLE_SOFTMAX = (
    "The recipe `article` applies a softmax before a loss that applies another; `article-logits` "
    "does not, and is otherwise the same. The difference is `article` minus `article-logits`, "
    "paired by network, with a 95 % interval (Student's t) over networks. There is one ensemble, "
    "so its difference has no interval."
)


def claims_page(claims: Mapping[str, Any]) -> str:
    """The page in Markdown, from the content of `claims.json`."""
    recipes, lines = double_softmax_table(claims["double_softmax"].get("rows", ()))
    return render(
        "claims.md.j2",
        groups=by_weight(claims["claims"]),
        setting=claims["setting"],
        setting_text=setting_text(claims["setting"]),
        quantities=quantities,
        images=(TYPICAL, PECULIAR),
        double_softmax_title=DOUBLE_SOFTMAX,
        about_double_softmax=ABOUT_DOUBLE_SOFTMAX,
        recipes=recipes,
        double_softmax=claims["double_softmax"],
        lines=lines,
    )


def by_weight(claims: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The claims by the heading of their weight, the weightiest first; a claim's order is kept.

    >>> by_weight([{"weight": "check"}, {"weight": "central"}])
    {'Central claims': [{'weight': 'central'}], 'Checks of the setting': [{'weight': 'check'}]}
    """
    groups = {
        heading: [claim for claim in claims if claim["weight"] == weight]
        for weight, heading in WEIGHTS.items()
    }
    return {heading: some for heading, some in groups.items() if some}


def setting_text(setting: Mapping[str, Any]) -> str:
    """What the verdicts rest on: how many networks, and which images."""
    return sentences(
        "setting.j2",
        setting=setting,
        left_out=left_out_remark(setting.get("unavailable", ())),
        trained_on=training_images_remark(setting.get("training_images", {})),
        beside=[
            f"{networks} networks of `{recipe}`"
            for recipe, networks in setting.get("beside", {}).items()
        ],
    )


def double_softmax_table(
    rows: Sequence[Mapping[str, Any]],
) -> tuple[list[str], list[list[str]]]:
    """The recipes, and lines of method, measure, a value by each recipe, and the difference."""
    recipes = list(dict.fromkeys(recipe for row in rows for recipe in row["values"]))
    return recipes, [
        [
            *(row["method"], row["measure"]),
            *(plain(row["values"][r]) if r in row["values"] else UNDEFINED for r in recipes),
            _difference(row),
        ]
        for row in rows
    ]


def quantities(claim: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Each quantity with its mean and range over the networks, by each recipe."""
    numbers = [
        {Quantity.of(entry): entry["values"] for entry in entries}
        for entries in claim["numbers"].values()
    ]
    for quantity in dict.fromkeys(quantity for of_recipe in numbers for quantity in of_recipe):
        yield quantity.label, [spread(of_recipe.get(quantity, [])) for of_recipe in numbers]


def _difference(row: Mapping[str, Any]) -> str:
    if "difference" not in row:
        return UNDEFINED
    if "lower" not in row:
        return rounded(row["difference"])[0]
    return " ± ".join(rounded(row["difference"], (row["upper"] - row["lower"]) / 2))
