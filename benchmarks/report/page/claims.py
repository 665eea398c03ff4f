"""The article's claims and their verdicts, from `claims.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.nouns import Names
from benchmarks.report.claims import (
    about_recipes,
    by_weight,
    claim_tables,
    effect_tables,
    setting_text,
)
from benchmarks.report.number_format import UNDEFINED
from benchmarks.report.published import SAME
from benchmarks.report.results import Results
from benchmarks.report.texts import article_answer
from benchmarks.vocabulary import PUBLISHED_JSON


def claims(results: Results) -> dict[str, Any] | None:
    """What the template shows; ``None`` where no claim was judged.

    ``summary`` is empty where no central claim was tested; ``groups`` has claims by the heading of
    their weight. A claim is as in `claims.json`, with its ``tables``.
    """
    content = results.claims
    if not content:
        return None
    setting = content["setting"]
    return {
        "groups": {
            heading: [{**claim, "tables": claim_tables(results, claim)} for claim in some]
            for heading, some in by_weight(content["claims"]).items()
        },
        "summary": article_answer(content),
        "setting": f"{about_recipes(setting)} {setting_text(setting)}",
        "effect": effect_tables(results),
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
