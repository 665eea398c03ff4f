"""The verdict on a published number, from the summary of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from benchmarks.nouns import Variant
from benchmarks.report.published.number import PublishedNumber
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.vocabulary import FEWEST_REPLICATES

WITHIN, NOT_WITHIN = "within tolerance", "not within tolerance"
NOT_MEASURED = "not measured"
NOT_COMPARABLE = "not comparable"
"""Theirs is a mean over other sets of images, too, which this run or the suite has not."""

REASON_UNKNOWN = "reason not known yet"


@dataclass(frozen=True)
class Judged:
    """A published number with ours.

    Attributes:
        number: theirs.
        verdict: `WITHIN`, `NOT_WITHIN`, `NOT_COMPARABLE` or `NOT_MEASURED`.
        value, lower, upper: ours with its 95 % interval; NaN where there is none.
        networks: over how many it is a mean, or how many an ensemble has; 0: not measured.
        conditions: labels of the images that it is of.
        missing: labels of others that theirs is of, too.
        why: why it is not measured, or what must be known of it.
    """

    number: PublishedNumber
    verdict: str
    value: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    networks: int = 0
    conditions: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    why: str = ""

    @property
    def reason(self) -> str:
        """Why it misses theirs; empty where it does not."""
        return (self.number.reason or REASON_UNKNOWN) if self.verdict == NOT_WITHIN else ""


def judged(number: PublishedNumber, results: Results) -> Judged:
    """Judge ours by the tolerance; the interval is told, and is no part of the verdict."""
    if why := _objection(number, results):
        return Judged(number, NOT_MEASURED, why=why)
    own = results.of_recipe(number.recipe)
    variant = Variant(number.method, str(number.members))
    found = {
        name: own.find(variant, Quantity(name, number.metric, number.score))
        for name in number.conditions
    }
    rows = {name: row for name, row in found.items() if row and math.isfinite(row["value"])}
    labels = {name: results.label_of(name) for name in number.conditions}
    missing = (*(labels[name] for name in found if name not in rows), *number.lacking)
    if not rows:
        return Judged(number, NOT_MEASURED, missing=missing, why=_absent(number, found, labels))
    replicates = min(int(row["replicates"]) for row in rows.values())
    if number.members == 1 and replicates < FEWEST_REPLICATES:
        few = f"the run has {replicates} networks; at least {FEWEST_REPLICATES} are needed"
        return Judged(number, NOT_MEASURED, missing=missing, why=few)
    value, lower, upper = _mean(list(rows.values()))
    near = WITHIN if number.tolerance.admits(number.value, value) else NOT_WITHIN
    return Judged(
        number,
        NOT_COMPARABLE if missing else near,
        *(value, lower, upper),
        networks=replicates * number.members,
        conditions=tuple(labels[name] for name in rows),
        missing=missing,
        why=_remark(rows.values(), results),
    )


def _objection(number: PublishedNumber, results: Results) -> str:
    """Why no number of the run can be judged; empty: one may be."""
    if number.recipe not in results.recipes:
        return f"the run has no networks of the recipe {number.recipe!r}"
    epochs = {one.name: one.epochs for one in results.names.recipes}.get(number.recipe)
    if epochs != number.epochs:
        return f"networks were trained for {epochs} of {number.epochs} epochs"
    if number.method not in set(results.of_recipe(number.recipe).summary["method"]):
        return f"the run has no predictions by the method {number.method!r}"
    return ""


def _absent(
    number: PublishedNumber,
    found: Mapping[str, Mapping[str, Any] | None],
    labels: Mapping[str, str],
) -> str:
    reasons = [str(row["reason"] or row["status"]) for row in found.values() if row]
    if reasons:
        return reasons[0]
    of = f"an ensemble of {number.members} networks" if number.members > 1 else "single networks"
    return f"the run has no value of {of} for {', '.join(labels.values())}"


def _mean(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float, float]:
    """Over conditions; its interval is as wide as they are on average.

    So it is if their errors are the same ones, as the networks' are, and narrower otherwise.
    """
    value, lower, upper = (fmean(row[name] for row in rows) for name in ("value", "lower", "upper"))
    return value, lower, upper


def _remark(rows: Any, results: Results) -> str:
    """What the summary tells of the rows, and whether they are of fewer images than there are."""
    images, every = min(int(row["images"]) for row in rows), results.names.task.test_images
    fewer = f"only {images:,} of {every:,} images" if images < every else ""
    remarks = (fewer, *(str(row["reason"]) for row in rows))
    return "; ".join(dict.fromkeys(filter(None, remarks)))
