"""`claims.md`: every statement of the article with its verdict, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.report.digits import UNDEFINED, plain, rounded, spread
from benchmarks.report.names import METHODS, condition_label

INTRODUCTION = (
    "Statements of the article *An Overview of Epistemic Uncertainty in Deep Learning*, in our "
    "words, each measured on networks trained as the article's listing trains them. Thresholds "
    "were fixed before anyone looked; verdicts are computed from the numbers below, which are "
    "those of `claims.json`. Where a rule counts networks, a claim is *reproduced* if it holds for "
    "at least half of them, *partly* from a tenth. The article's initialisation is not legible in "
    "its listing: Xavier-uniform weights and zero biases are assumed."
)


DOUBLE_SOFTMAX = "What the double softmax costs"

ABOUT_DOUBLE_SOFTMAX = (
    "The recipes `article` and `article-logits` differ in the loss alone. The difference is the "
    "former less the latter, paired by network, with a 95 % interval (Student's t) over them; the "
    "ensemble is one, and has none."
)


def claims_page(claims: Mapping[str, Any]) -> str:
    """The page in Markdown, from the content of `claims.json`."""
    parts = [
        "# The article, claim by claim",
        INTRODUCTION,
        setting_text(claims["setting"]),
        _overview(claims["claims"]),
        *(_claim(claim) for claim in claims["claims"]),
    ]
    if "networks" in claims["setting"]:
        parts.append(_without_sampling(claims["setting"]["recipe"]))
    if claims["double_softmax"]:
        parts.append(_double_softmax(claims["double_softmax"]))
    return "\n\n".join(parts) + "\n"


def setting_text(setting: Mapping[str, Any]) -> str:
    """What the verdicts rest on: how many networks, and which images."""
    if "networks" not in setting:
        return f"Nothing was measured: there are no networks of the recipe `{setting['recipe']}`."
    missing = _listed(setting["unavailable"])
    beside = [f"{networks} of `{recipe}`" for recipe, networks in setting["beside"].items()]
    return (
        f"Here: {setting['networks']} networks of the recipe `{setting['recipe']}`, "
        f"{setting['epochs']} epochs, {setting['passes']} passes, {setting['images']:,} clean test "
        "images and the same turned; out-of-distribution images: "
        f"{_listed(setting['ood']) or 'none'}{f' (not to be had: {missing})' if missing else ''}."
        + (
            f" Beside them, {' and '.join(beside)} were asked about turned and "
            "out-of-distribution images."
            if beside
            else ""
        )
    )


def _listed(conditions: Sequence[str]) -> str:
    return ", ".join(map(condition_label, conditions))


def _overview(claims: Sequence[Mapping[str, Any]]) -> str:
    lines = ["| claim | verdict | what it rests on |", "|---|---|---|"]
    lines += [
        f"| [{claim['id']}](#{claim['id']}) | *{claim['verdict']}* | {_cell(claim['why'])} |"
        for claim in claims
    ]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Of a table."""
    return text.replace("|", "\\|")


def _claim(claim: Mapping[str, Any]) -> str:
    lines = [
        f"## {claim['id']}",
        "",
        f"> {claim['statement']}",
        "",
        f"In the article: {claim['place']}.",
        "",
        f"**Rule.** {claim['rule']}",
        "",
        f"**Verdict: *{claim['verdict']}*.** {claim['why']}.",
    ]
    if claim["remark"]:
        lines += ["", claim["remark"]]
    for recipe, why in claim["beside"].items():
        lines += ["", f"By the recipe `{recipe}`: {why}."]
    if claim["numbers"]:
        lines += ["", *_numbers(claim["numbers"])]
    for recipe in claim["numbers"] if claim["figure"] else ():
        name = f"{claim['figure']}-{recipe}"
        lines += ["", f"[Figure, `{recipe}`](figures/{name}.png)"]
    return "\n".join(lines)


def _numbers(numbers: Mapping[str, Mapping[str, list[float | None]]]) -> Iterator[str]:
    """A line a quantity: its mean over the networks, and least to most, by each recipe."""
    yield f"| | {' | '.join(f'`{recipe}`' for recipe in numbers)} |"
    yield f"|---|{'---:|' * len(numbers)}"
    names = dict.fromkeys(name for some in numbers.values() for name in some)
    for name in names:
        cells = [spread(some.get(name, [])) for some in numbers.values()]
        yield f"| {name} | {' | '.join(cells)} |"


def _without_sampling(recipe: str) -> str:
    spread, error = (
        f"[table](tables/{name}-{recipe}.md), [figure](figures/{name}-{recipe}.png)"
        for name in ("claims-spread", "claims-monte-carlo-error")
    )
    return (
        "## Count plots without sampling\n\n"
        "All 2²² sub-networks of every network vote on images 61 and 591, and those of one network "
        "on the most disputed images. By what the votes of a class scatter, the draw of the "
        f"network or that of 100 passes: {spread}. How far samples of T passes are off: {error}. "
        "Every vote and measure, exact and sampled: [exact.csv](claims/exact.csv)."
    )


def _double_softmax(rows: Sequence[Mapping[str, Any]]) -> str:
    recipes, lines = double_softmax_table(rows)
    return "\n".join(
        [
            f"## {DOUBLE_SOFTMAX}",
            "",
            f"{ABOUT_DOUBLE_SOFTMAX} What it does to image 591 stands [there](#image-591).",
            "",
            f"| method | measure | {' | '.join(f'`{name}`' for name in recipes)} | difference |",
            f"|---|---|{'---:|' * (len(recipes) + 1)}",
            *(f"| {' | '.join(line)} |" for line in lines),
        ]
    )


def double_softmax_table(
    rows: Sequence[Mapping[str, Any]],
) -> tuple[list[str], list[list[str]]]:
    """The recipes, and lines of method, measure, a cell a recipe, and the difference."""
    of_all = dict.fromkeys(name for row in rows for name in row)
    recipes = [name for name in of_all if name not in ("method", "measure", *_DIFFERENCE)]
    return recipes, [
        [
            *(METHODS[row["method"]], row["measure"]),
            *(plain(row[recipe]) if recipe in row else UNDEFINED for recipe in recipes),
            _difference(row),
        ]
        for row in rows
    ]


_DIFFERENCE = ("difference", "lower", "upper")


def _difference(row: Mapping[str, Any]) -> str:
    if "difference" not in row:
        return UNDEFINED
    if "lower" not in row:
        return rounded(row["difference"])[0]
    return " ± ".join(rounded(row["difference"], (row["upper"] - row["lower"]) / 2))
