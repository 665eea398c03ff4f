"""`claims.md`: every statement of the article with its verdict, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.report.number_format import UNDEFINED, plain, rounded
from benchmarks.report.numbers.claims import part_rows, quantities
from benchmarks.report.tables.remarks import left_out_remark, training_images_remark
from benchmarks.report.texts import render, sentences
from benchmarks.vocabulary import PECULIAR, TYPICAL, WEIGHTS

DOUBLE_SOFTMAX = "The effect of the double softmax"

RECIPES = {
    "article-logits": "`article-logits` leaves out the listing's extra softmax.",
    "standard": "`standard` is this suite's own recipe. It leaves out the extra softmax, too, and "
    "shuffles the images.",
}
"""What the recipes beside the article's are."""


class OtherVerdict(NamedTuple):
    """What the rule gives for a recipe beside the article's."""

    recipe: str
    verdict: str
    why: str


def claims_page(claims: Mapping[str, Any]) -> str:
    """The page in Markdown, from the content of `claims.json`."""
    recipes, lines = double_softmax_table(claims["double_softmax"].get("rows", ()))
    judged, setting = claims["claims"], claims["setting"]
    return render(
        "claims.md.j2",
        groups=by_weight(judged),
        setting=setting,
        setting_text=setting_text(setting),
        beside=list(setting.get("beside", ())),
        about_recipes=about_recipes(setting),
        others=others,
        verdict_by=verdict_by,
        quantities=quantities,
        part_rows=part_rows,
        same_numbers=same_numbers(judged),
        images=(TYPICAL, PECULIAR),
        double_softmax_title=DOUBLE_SOFTMAX,
        about_double_softmax=about_double_softmax(setting),
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


def about_recipes(setting: Mapping[str, Any]) -> list[str]:
    """A sentence on each recipe beside the article's that the run has."""
    return [RECIPES[name] for name in setting.get("beside", ()) if name in RECIPES]


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


def others(claim: Mapping[str, Any]) -> list[OtherVerdict]:
    """The verdicts by the recipes beside the article's."""
    return [
        OtherVerdict(recipe, claim["verdicts_beside"][recipe], f"{why.rstrip('.')}.")
        for recipe, why in claim["beside"].items()
    ]


def verdict_by(claim: Mapping[str, Any], recipe: str) -> str:
    """The verdict by a recipe beside the article's, for a table."""
    verdict: str = claim["verdicts_beside"].get(recipe, UNDEFINED)
    return verdict


def same_numbers(claims: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """By claim, an earlier one that has the same numbers.

    >>> same_numbers([{"id": one, "numbers": {"article": [1]}} for one in ("a", "b")])
    {'b': 'a'}
    """
    same: dict[str, str] = {}
    for position, claim in enumerate(claims):
        for earlier in claims[:position]:
            if claim["numbers"] and claim["numbers"] == earlier["numbers"]:
                same.setdefault(claim["id"], earlier["id"])
    return same


def about_double_softmax(setting: Mapping[str, Any]) -> str:
    """What the table of the double softmax compares, and on which networks."""
    return sentences(
        "double_softmax.j2",
        networks=setting.get("beside", {}).get("article-logits"),
        of_claims=setting.get("networks"),
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


def _difference(row: Mapping[str, Any]) -> str:
    if "difference" not in row:
        return UNDEFINED
    if "lower" not in row:
        return rounded(row["difference"])[0]
    return " ± ".join(rounded(row["difference"], (row["upper"] - row["lower"]) / 2))
