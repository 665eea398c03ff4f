"""The article's claims in the report: verdicts, what rules compare, what was measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.io import write_whole
from benchmarks.nouns import Names
from benchmarks.report.editorial import CENTRAL, VERDICTS, WEIGHTS
from benchmarks.report.number_format import UNDEFINED, plain, spread
from benchmarks.report.results import Results
from benchmarks.report.tables.table import Cell, Row, Table, markdown
from benchmarks.report.texts import left_out_remark, listed, render
from benchmarks.schema import where
from benchmarks.vocabulary import CLAIMS_MD

NUMBERS = "Mean [minimum to maximum, n], or value (95 % interval)"
COMPARED = "What the rule compares; yes: it is as the claim says"

WHAT = ["metric", "score", "method", "condition", "case"]
"""The columns that say what a row of `claims.csv` is of."""

JudgedClaim = Mapping[str, Any]
"""One of those in `claims.json`."""


def write_claims_page(results: Results, figures: Collection[str], folder: Path) -> None:
    """Write `claims.md`, the claims with verdicts and numbers, if the run has any.

    Args:
        figures: the names of those that the run has, to which it leads.
    """
    if shown := claims_shown(results):
        shown |= {"figures": figures, "markdown": markdown}
        write_whole(folder / CLAIMS_MD, render("claims.md.j2", **shown))


def claims_shown(results: Results) -> dict[str, Any] | None:
    """What `claims.md` and the page show; ``None`` where no claim was judged.

    ``groups`` has claims by the heading of their weight: as in `claims.json`, with their
    ``tables``. ``summary`` is empty where no central claim was tested; ``about`` tells what
    verdicts rest on.
    """
    if not results.claims:
        return None
    setting = results.claims["setting"]
    return {
        "setting": setting,
        "about": setting_text(results, setting),
        "summary": article_answer(results.claims),
        "groups": {
            heading: [{**claim, "tables": claim_tables(results, claim)} for claim in claims]
            for heading, claims in by_weight(results.claims["claims"]).items()
        },
    }


def article_answer(claims: Mapping[str, Any]) -> str:
    """How many of the article's central claims hold, and which, in a few sentences.

    Args:
        claims: the content of `claims.json`; empty where no claim was evaluated.

    Returns:
        Empty where no central claim has a verdict.
    """
    central = [claim for claim in claims.get("claims", []) if claim["weight"] == CENTRAL]
    by_verdict: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
    for claim in central:
        by_verdict.setdefault(claim["verdict"], []).append(f"“{claim['statement']}”")
    if not any(by_verdict[verdict] for verdict in VERDICTS):
        return ""
    sentences = (
        f"Central claims of the article: {len(central)}.",
        f"Networks of the recipe {claims['setting']['recipe']} give these verdicts.",
        *(
            f"{verdict[:1].upper()}{verdict[1:]}: {' '.join(statements)}"
            for verdict, statements in by_verdict.items()
            if statements
        ),
    )
    return " ".join(sentences)


def by_weight(claims: Sequence[JudgedClaim]) -> dict[str, list[JudgedClaim]]:
    """The claims by the heading of their weight, the weightiest first; a claim's order is kept.

    >>> by_weight([{"weight": "check"}, {"weight": "central"}])
    {'Central claims': [{'weight': 'central'}], 'Checks of the setting': [{'weight': 'check'}]}
    """
    groups = {
        heading: [claim for claim in claims if claim["weight"] == weight]
        for weight, heading in WEIGHTS.items()
    }
    return {heading: claims for heading, claims in groups.items() if claims}


def setting_text(results: Results, setting: Mapping[str, Any]) -> str:
    """What the verdicts rest on: how many networks, and which images."""
    ood = listed(setting["ood"])
    sentences = (
        f"Claims are measured on {setting['networks']} networks of `{setting['recipe']}`, trained "
        f"for {setting['epochs']:g} epochs; rules name further ones.",
        f"MC-dropout takes {setting['passes']} passes, unless a rule says otherwise.",
        f"There are {setting['images']:,} clean test images; rotated ones may be fewer.",
        f"The out-of-distribution images are {ood}."
        if ood
        else "There are no out-of-distribution images.",
        left_out_remark(results.left_out),
        "Whole sets of images are predicted by fewer networks; the tables give n.",
        "The listing (`article`) applies a softmax before a loss that applies another; a run by "
        "`article-logits` leaves it out, and the tables of the two runs say what it changes.",
    )
    return " ".join(filter(None, sentences))


def verdict_table(claims: Mapping[str, Any]) -> Table:
    """A line a claim, grouped by weight; `claims.md` tells what each verdict rests on."""
    setting = claims["setting"]
    return Table(
        name="claims",
        caption=f"The article's claims. Networks: {setting['networks']} of the recipe "
        f"{setting['recipe']}.",
        group_heading="Weight",
        label_headings=("Claim", "Verdict"),
        rows=tuple(
            Row(heading, (claim["id"], claim["verdict"]))
            for heading, group in by_weight(claims["claims"]).items()
            for claim in group
        ),
    )


def claim_tables(results: Results, claim: JudgedClaim) -> list[Table]:
    """What the rule compares, and what was measured; those that have a row."""
    answers = {True: ": yes", False: ": no", None: ""}
    compared = {p["what"]: f"{p['shown']}{answers[p['holds']]}" for p in claim["parts"]}
    rows = results.curve("claims")
    own = () if rows.empty else where(rows, claim=claim["id"]).groupby(WHAT, sort=False)
    measured = {_label(results.names, *map(str, what)): _numbers(numbers) for what, numbers in own}
    tables = _table(COMPARED, compared), _table(NUMBERS, measured)
    return [table for table in tables if table.rows]


def _numbers(rows: pd.DataFrame) -> str:
    """A mean and its range over the networks, or a value with its interval, if it has one."""
    lower, upper = rows["lower"].iloc[0], rows["upper"].iloc[0]
    known = rows["value"].dropna().tolist()
    shown = spread(known) if known else UNDEFINED
    return f"{shown} ({plain(lower)} to {plain(upper)})" if pd.notna(lower) else shown


def _label(names: Names, metric: str, score: str, method: str, condition: str, case: str) -> str:
    """What a row is of, in words.

    >>> _label(Names(), "auroc", "predictive_entropy", "softmax", "clean", "minus mc_dropout")
    'auroc by predictive entropy, softmax, clean, minus mc dropout'
    """
    by = f" by {names.score(score).label}" if score else ""
    parts = (
        f"{names.metric(metric).label}{by}",
        names.method(method).label,
        names.condition(condition).label,
        case,
    )
    return ", ".join(part for part in parts if part).replace("_", " ")


def _table(caption: str, texts: Mapping[str, str]) -> Table:
    """Texts by what they are of, without rows of nothing."""
    rows = (Row("", (what,), (Cell(text=text),)) for what, text in texts.items())
    return Table(
        name="",
        caption=caption,
        label_headings=("Quantity",),
        headings=("Value",),
        rows=tuple(row for row in rows if row.cells[0].text != UNDEFINED),
    )
