"""Write what was found: a page in Markdown, the summary as JSON, statements and ranks as CSV."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

import pandas as pd

from benchmarks.across.rankings import (
    ORDERED,
    Orders,
    RankCorrelation,
    in_order,
    network_choices,
    orders,
    rank_correlations,
)
from benchmarks.across.settings import Setting, in_common, left_out
from benchmarks.across.statements import Statement, dependence, statements
from benchmarks.files import write_json, written_whole
from benchmarks.nouns import Names
from benchmarks.report.read.across import fingerprints
from benchmarks.report.tables.formats import markdown
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.report.texts import listed
from benchmarks.schema import write_table
from benchmarks.vocabulary import ACROSS_JSON, ACROSS_MD

STATEMENTS_CSV, RANKINGS_CSV, ORDERS_CSV = "statements.csv", "rankings.csv", "orders.csv"

FILES = ACROSS_MD, ACROSS_JSON, STATEMENTS_CSV, RANKINGS_CSV, ORDERS_CSV

BETWEEN = {
    "network": "two networks of one task",
    "task": "two tasks with one network",
    "both": "two tasks with two networks",
}
"""What a pair of settings tells apart, by its kind."""

DIFFERING = {
    "data set": "data sets",
    "network": "networks",
    "both": "data sets and between networks",
}
"""Between what answers differ, in words; see `dependence`."""


def write_across(settings: Sequence[Setting], folder: Path, runs: Sequence[Path] = ()) -> str:
    """Write the files, and return the summary in a few sentences.

    Args:
        runs: the folders of the runs, for the pages of the runs, which then tell the summary.
    """
    missing, settings = left_out(settings), in_common(settings)
    said, correlations = list(statements(settings)), list(rank_correlations(settings))
    names = settings[0].results.names
    kept = list(orders(settings))
    summary = " ".join([in_words(said, correlations, settings), *in_order(kept)])
    tables = [
        statements_table(said, settings, missing),
        *orders_tables(kept, len(settings), names),
        *rankings_tables(correlations, names),
    ]
    told = ["# Across tasks and networks", summary, " ".join(network_choices(settings))]
    text = "\n".join([*(f"{one}\n" for one in told if one), *map(markdown, tables)])
    with written_whole(folder / ACROSS_MD) as temporary:
        temporary.write_text(text, encoding="utf-8")
    write_json({"runs": fingerprints(runs), "summary": summary}, folder / ACROSS_JSON)
    write_table(_frame(said, settings), folder, STATEMENTS_CSV)
    for rows, kind, name in (
        (correlations, RankCorrelation, RANKINGS_CSV),
        (kept, Orders, ORDERS_CSV),
    ):
        table = pd.DataFrame(list(map(asdict, rows)), columns=list(kind.__dataclass_fields__))
        write_table(table.round(4), folder, name)
    return summary


def in_words(
    said: Sequence[Statement],
    correlations: Sequence[RankCorrelation],
    settings: Sequence[Setting],
) -> str:
    """What differs between data sets and what between networks: answers, then rankings."""
    found = Counter[str](dependence(one, settings) for one in said)
    same = found["nothing"]
    clauses = [f"{same} {'is' if same == 1 else 'are'} the same in all {len(settings)} settings"]
    for kind, between in DIFFERING.items():
        if found[kind]:
            verb = "" if len(clauses) > 1 else "differs " if found[kind] == 1 else "differ "
            clauses.append(f"{found[kind]} {verb}between {between}")
    if unknown := found["not known"]:
        clauses.append(f"{unknown} cannot be decided by the runs")
    averages = [
        f"{fmean(known):.2f} between {between}"
        for kind, between in BETWEEN.items()
        if kind != "both"
        if (known := [c.value for c in correlations if c.kind == kind and not math.isnan(c.value)])
    ]
    first = (
        f"Of {len(said)} answers (is dropout as good as many networks? which method when?), "
        f"{listed(clauses)}."
    )
    if not averages:
        return first
    return (
        f"{first} The rank correlation of methods, averaged over measures, is {listed(averages)}."
    )


def statements_table(
    said: Sequence[Statement], settings: Sequence[Setting], missing: Sequence[str] = ()
) -> Table:
    """A row a statement: in which settings it holds, between which it differs, and each answer.

    Args:
        missing: labels of what is left out, since not all settings have it.
    """
    return Table(
        name="statements",
        caption="Headline statements, and in which settings they hold.",
        group_heading="",
        label_headings=(
            "Question",
            "Differs between",
            "Most common answer",
            "Holds",
            *said[0].answers,
        ),
        headings=(),
        rows=tuple(
            Row(
                "",
                (
                    *(one.question, _between(one, settings)),
                    *(_most_common(one), one.holds, *_answers(one)),
                ),
                (),
            )
            for one in said
        ),
        remarks=(
            "An answer counts as the same if it names the same methods, of the same sizes. Several "
            "methods are named where no test separates them (docs/statistics.md). Nothing: "
            "methods were tested, and none can be recommended. Differs between: data sets, if two "
            "tasks with one network have different answers; networks, if two networks of one task "
            "have. A test that finds a difference in one setting and none in another is enough.",
            *([f"Left out, since not all settings have them: {listed(missing)}."] * bool(missing)),
        ),
    )


def orders_tables(kept: Sequence[Orders], settings: int, names: Names) -> Iterator[Table]:
    """A row a measure; none where no pair was tested in every setting."""
    if kept:
        yield Table(
            name="orders",
            caption=f"Pairs of methods, and whether tests order them alike in {settings} settings.",
            group_heading="",
            label_headings=("Images", "Measure"),
            headings=(
                *("Pairs tested", f"Same order in all {settings}", "In some, reversed in none"),
                *("Reversed", "Not ordered"),
            ),
            rows=tuple(
                Row(
                    "",
                    (one.images, names.printed(one.metric).name),
                    tuple(Cell(text=str(getattr(one, kind))) for kind in ("pairs", *ORDERED)),
                )
                for one in kept
            ),
            remarks=(
                "A pair has an order in a setting if a test says that one method is better there. "
                "Reversed: one is better in a setting, the other in another one.",
            ),
        )


def rankings_tables(correlations: Sequence[RankCorrelation], names: Names) -> Iterator[Table]:
    """A table a kind of pairs of settings: a row a measure, a column a pair."""
    for kind in BETWEEN:
        if of_kind := [one for one in correlations if one.kind == kind]:
            yield _rankings_table(kind, of_kind, names)


def _rankings_table(kind: str, correlations: Sequence[RankCorrelation], names: Names) -> Table:
    pairs = list(dict.fromkeys((one.one, one.other) for one in correlations))
    measures = dict.fromkeys((one.images, one.metric) for one in correlations)
    found = {(one.images, one.metric, one.one, one.other): one for one in correlations}
    return Table(
        name=f"rankings-{kind}",
        caption=f"Spearman's rank correlation of methods between {BETWEEN[kind]} (95 % interval).",
        group_heading="",
        label_headings=("Images", "Measure"),
        headings=tuple(f"{one}\n{other}" for one, other in pairs),
        rows=tuple(
            Row(
                "",
                (images, names.printed(metric).name),
                tuple(_cell(found.get((images, metric, *pair))) for pair in pairs),
            )
            for images, metric in measures
        ),
        remarks=(
            "Over methods at the sizes of tables, networks with and without dropout apart, as far "
            "as both settings have them. Intervals take methods as drawn from many, so that "
            "methods that are alike make them too narrow. Two names of images: each setting's own, "
            "such as means over other angles.",
        ),
    )


def _between(statement: Statement, settings: Sequence[Setting]) -> str:
    found = dependence(statement, settings)
    return DIFFERING.get(found, "—" if found == "nothing" else found)


def _most_common(statement: Statement) -> str:
    return "; or: ".join(statement.most_common) or "none"


def _answers(statement: Statement) -> list[str]:
    return [answer or "not decided" for answer in statement.answers.values()]


def _cell(found: RankCorrelation | None) -> Cell:
    if found is None or math.isnan(found.value):
        return Cell()
    if math.isnan(found.lower):
        return Cell(text=f"{found.value:.2f}")
    return Cell(text=f"{found.value:.2f} ({found.lower:.2f} to {found.upper:.2f})")


def _frame(said: Sequence[Statement], settings: Sequence[Setting]) -> pd.DataFrame:
    rows = [
        {
            "question": one.question,
            "differs_between": _between(one, settings),
            "answer": "; ".join(one.most_common),
            "holds": one.holds,
            **one.answers,
        }
        for one in said
    ]
    return pd.DataFrame(rows)
