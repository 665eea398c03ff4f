"""`published.json` and `published.md`: other papers' numbers and findings, ours, the verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.escaping import markdown_text
from benchmarks.files import or_none, write_json, written_whole
from benchmarks.report.number_format import UNDEFINED, rounded
from benchmarks.report.published import FINDINGS, PUBLISHED
from benchmarks.report.published.finding import Ours, PublishedFinding
from benchmarks.report.published.verdict import (
    NOT_COMPARABLE,
    NOT_MEASURED,
    NOT_WITHIN,
    WITHIN,
    Judged,
    judged,
)
from benchmarks.report.results import Results
from benchmarks.report.texts import render
from benchmarks.vocabulary import PUBLISHED_JSON, PUBLISHED_MD

Found = tuple[PublishedFinding, Ours]


def write_published(results: Results, folder: Path) -> None:
    """Judge the task's published numbers and findings, if the run has measured any of them."""
    task, verdicts = results.names.task.name, _verdicts(results)
    found = [(one, ours) for one in FINDINGS if one.task == task and (ours := one.judge(results))]
    if not verdicts and not found:
        return
    write_json(content(verdicts, found), folder / PUBLISHED_JSON)
    with written_whole(folder / PUBLISHED_MD) as temporary:
        temporary.write_text(page(verdicts, found, results), encoding="utf-8")


def _verdicts(results: Results) -> list[Judged]:
    """On the task's numbers; none where the run has none of their recipes."""
    numbers = [one for one in PUBLISHED if one.task == results.names.task.name]
    if not {one.recipe for one in numbers}.intersection(results.recipes):
        return []
    return [judged(one, results) for one in numbers]


def comparable_numbers(results: Results, link: str) -> str:
    """The numbers that are comparable, and why some are missed, in Markdown.

    Args:
        link: to the run's `published.md`.
    """
    comparable = [one for one in _verdicts(results) if one.verdict in (WITHIN, NOT_WITHIN)]
    return render(
        "published-summary.md.j2",
        link=link,
        count=counted(comparable),
        lines=[_line(one, results) for one in comparable],
        misses=[(_name(one, results), one.reason) for one in comparable if one.reason],
    )


def content(verdicts: Sequence[Judged], found: Sequence[Found]) -> dict[str, Any]:
    """What `published.json` holds."""
    return {
        "count": counted(verdicts),
        "numbers": [_entry(one) for one in verdicts],
        "findings": [
            {
                **{"paper": one.paper, "place": one.place, "says": one.says, "rule": one.rule},
                **{"ours": ours.says, "verdict": ours.verdict},
            }
            for one, ours in found
        ],
    }


def counted(verdicts: Sequence[Judged]) -> dict[str, int]:
    """How many numbers have each verdict."""
    counts = Counter(one.verdict for one in verdicts)
    verdicts_in_order = (WITHIN, NOT_WITHIN, NOT_COMPARABLE, NOT_MEASURED)
    return {verdict: counts[verdict] for verdict in verdicts_in_order}


def page(verdicts: Sequence[Judged], found: Sequence[Found], results: Results) -> str:
    """The same in Markdown."""
    return render(
        "published.md.j2",
        task=results.names.task.label,
        count=counted(verdicts),
        lines=[_line(one, results) for one in verdicts],
        found=[_finding(one, ours) for one, ours in found],
        misses=[(_name(one, results), one.reason) for one in verdicts if one.reason],
        unmeasured=[(_name(one, results), one.why) for one in verdicts if not one.networks],
        remarks=[(_name(one, results), one.why) for one in verdicts if one.networks and one.why],
    )


def _finding(one: PublishedFinding, ours: Ours) -> list[str]:
    cells = (f"{one.paper}, {one.place}", ours.verdict, one.says, ours.says, one.rule)
    return list(map(markdown_text, cells))


def _entry(one: Judged) -> dict[str, Any]:
    numbers = {name: or_none(getattr(one, name)) for name in ("value", "lower", "upper")}
    theirs = asdict(one.number)
    return {
        **{name: value for name, value in theirs.items() if name not in ("value", "reason")},
        "published": one.number.value,
        **numbers,
        "networks": one.networks,
        "of": one.conditions,
        "missing": one.missing,
        "verdict": one.verdict,
        "why": one.why,
        "reason": one.reason,
    }


def _name(one: Judged, results: Results) -> str:
    """What a sentence calls a number."""
    metric = results.names.metric(one.number.metric).label
    return markdown_text(f"{one.number.paper}, {one.number.place}, {one.number.what}: {metric}")


def _line(one: Judged, results: Results) -> list[str]:
    metric, half_width = results.names.metric(one.number.metric), (one.upper - one.lower) / 2
    of = ", ".join(one.conditions)
    without = f" (without {', '.join(one.missing)})" if one.conditions and one.missing else ""
    ours = " ± ".join(filter(None, rounded(one.value, half_width))) if one.networks else UNDEFINED
    cells = (
        *(one.number.paper, one.number.place, one.number.what),
        *(metric.label, f"{of}{without}" or UNDEFINED),
        *(f"{one.number.value:.3f}", ours, str(one.networks or UNDEFINED)),
        *(one.number.tolerance.label, one.verdict),
    )
    return list(map(markdown_text, cells))
