"""`claims.md`: every statement of the article with its verdict, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.report.names import METHODS, condition_label, left_out_remark
from benchmarks.report.number_format import UNDEFINED, plain, rounded, spread
from benchmarks.report.texts import render, sentences
from benchmarks.vocabulary import PECULIAR, SUBSET, TYPICAL

DOUBLE_SOFTMAX = "The effect of the double softmax"

ABOUT_DOUBLE_SOFTMAX = (
    "The recipe `article` applies a softmax before a loss that applies another; `article-logits` "
    "does not, and is otherwise the same. The difference is `article` minus `article-logits`, "
    "paired by network, with a 95 % interval (Student's t) over networks. There is one ensemble, "
    "so its difference has no interval."
)

_DIFFERENCE = ("difference", "lower", "upper")


def claims_page(claims: Mapping[str, Any]) -> str:
    """The page in Markdown, from the content of `claims.json`."""
    recipes, lines = double_softmax_table(claims["double_softmax"])
    return render(
        "claims.md.j2",
        claims=claims["claims"],
        setting=claims["setting"],
        setting_text=setting_text(claims["setting"]),
        quantities=quantities,
        images=(TYPICAL, PECULIAR),
        double_softmax_title=DOUBLE_SOFTMAX,
        about_double_softmax=ABOUT_DOUBLE_SOFTMAX,
        recipes=recipes,
        double_softmax=lines,
    )


def setting_text(setting: Mapping[str, Any]) -> str:
    """What the verdicts rest on: how many networks, and which images."""
    large = [name for name in setting.get("unavailable", ()) if not name.startswith(SUBSET)]
    return sentences(
        "setting.j2",
        setting=setting,
        ood=[condition_label(name) for name in setting.get("ood", ())],
        left_out=left_out_remark([condition_label(name) for name in large]),
        beside=[
            f"{networks} networks of `{recipe}`"
            for recipe, networks in setting.get("beside", {}).items()
        ],
    )


def double_softmax_table(
    rows: Sequence[Mapping[str, Any]],
) -> tuple[list[str], list[list[str]]]:
    """The recipes, and lines of method, measure, a value by each recipe, and the difference."""
    columns = dict.fromkeys(name for row in rows for name in row)
    recipes = [name for name in columns if name not in ("method", "measure", *_DIFFERENCE)]
    return recipes, [
        [
            *(METHODS[row["method"]], row["measure"]),
            *(plain(row[recipe]) if recipe in row else UNDEFINED for recipe in recipes),
            _difference(row),
        ]
        for row in rows
    ]


def quantities(claim: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Each quantity with its mean and range over the networks, by each recipe."""
    numbers: Mapping[str, Mapping[str, list[float | None]]] = claim.get("numbers", {})
    for name in dict.fromkeys(name for of_recipe in numbers.values() for name in of_recipe):
        yield name, [spread(of_recipe.get(name, [])) for of_recipe in numbers.values()]


def _difference(row: Mapping[str, Any]) -> str:
    if "difference" not in row:
        return UNDEFINED
    if "lower" not in row:
        return rounded(row["difference"])[0]
    return " ± ".join(rounded(row["difference"], (row["upper"] - row["lower"]) / 2))
