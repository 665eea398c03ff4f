"""The article's claims and their verdicts, from `claims.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.nouns import Names
from benchmarks.report.claims_page import (
    DOUBLE_SOFTMAX,
    about_double_softmax,
    about_recipes,
    by_weight,
    double_softmax_table,
    others,
    same_numbers,
    setting_text,
)
from benchmarks.report.number_format import UNDEFINED
from benchmarks.report.numbers.claims import part_rows, quantities
from benchmarks.report.published import SAME
from benchmarks.report.read.files import read_claims
from benchmarks.report.texts import article_answer
from benchmarks.vocabulary import FIGURES_FOLDER, PUBLISHED_JSON, VERDICTS


class Figure(NamedTuple):
    """A figure that claims name: of which recipe, and its path beside the page."""

    recipe: str
    path: str


def claims(folder: Path) -> dict[str, Any] | None:
    """What the template shows, from the run's folder; ``None`` where no claim was judged.

    ``summary`` is empty where no central claim was tested; ``judged`` counts all claims that were,
    of ``count``; ``groups`` has claims by the heading of
    their weight. A claim is as in `claims.json`, but for its
    ``others`` (verdicts by other recipes), ``recipes``, ``numbers`` (pairs of a quantity and its
    cells by each recipe), ``compared`` (likewise, of what the rule compares) and ``figures``, by
    recipe, first that of the verdict. ``same``: an earlier claim whose numbers it has.
    """
    content = read_claims(folder)
    if not content:
        return None
    recipes, rows = double_softmax_table(content["double_softmax"].get("rows", ()))
    same = same_numbers(content["claims"])
    return {
        "groups": {
            heading: [_claim(claim, folder, same) for claim in some]
            for heading, some in by_weight(content["claims"]).items()
        },
        "count": len(content["claims"]),
        "judged": sum(claim["verdict"] in VERDICTS for claim in content["claims"]),
        "summary": article_answer(content),
        "setting": " ".join([*about_recipes(content["setting"]), setting_text(content["setting"])]),
        "double_softmax": rows
        and {
            "title": DOUBLE_SOFTMAX,
            "about": about_double_softmax(content["setting"]),
            **content["double_softmax"],
            "recipes": recipes,
            "rows": rows,
        },
    }


def published(folder: Path, names: Names) -> dict[str, Any] | None:
    """Other papers' numbers with ours, from `published.json`; ``None`` where the run has none.

    ``finding``: how many agree; ``rows``: the cells of each number; ``findings``: what papers show
    without a number, and ours.
    """
    path = folder / PUBLISHED_JSON
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    count, found = content["count"], content.get("findings", [])
    compared = count["within tolerance"] + count["not within tolerance"]
    same = sum(one["verdict"] == SAME for one in found)
    agreeing = []
    if compared:
        agreeing.append(f"numbers within tolerance: {count['within tolerance']} of {compared}")
    if found:
        agreeing.append(f"findings that agree: {same} of {len(found)}")
    return {
        "finding": "; ".join(agreeing) or "none could be compared",
        "findings": found,
        "rows": [
            (
                *(f"{one['paper']}, {one['place']}", one["what"]),
                names.metric(one["metric"]).label,
                f"{one['published']:.3f}",
                UNDEFINED if one["value"] is None else f"{one['value']:.3f}",
                one["verdict"],
            )
            for one in content["numbers"]
        ],
    }


def _claim(claim: Mapping[str, Any], folder: Path, same_as: Mapping[str, str]) -> dict[str, Any]:
    """A claim as the template shows it.

    Args:
        same_as: of claims whose numbers an earlier one has, that one.
    """
    same = same_as.get(claim["id"], "")
    return {
        **claim,
        "kind": claim["verdict"].replace(" ", "-"),  # as a class of the style sheet
        "others": others(claim),
        "recipes": list(claim["numbers"]),
        "compared": part_rows(claim),
        "numbers": [] if same else list(quantities(claim)),
        "same": same,
        "figures": list(_figures(claim, folder)),
    }


def _figures(claim: Mapping[str, Any], folder: Path) -> Iterator[Figure]:
    for recipe in claim["numbers"]:
        path = folder / FIGURES_FOLDER / f"{claim['figure']}-{recipe}.png"
        if path.exists():
            yield Figure(recipe, path.relative_to(folder).as_posix())
