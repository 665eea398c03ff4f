"""Other papers' numbers, the rows of `published.csv`, beside those of a run: a table of the run."""

from __future__ import annotations

import csv
import math
from collections import Counter
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.nouns import Contestant
from benchmarks.report.results import Quantity, Results, TableRow
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.vocabulary import FEWEST_REPLICATES

WITHIN, NOT_WITHIN = "within tolerance", "not within tolerance"
UNDECIDED = "does not decide"
"""Within a tolerance that is more than half of the distance to the paper's nearest other method."""
NOT_MEASURED = "not measured"

TOLERANCES = {
    "accuracy": (0.003, 0, "0.3 points"),
    "auroc": (0.01, 0, "1 point"),
    "mean_confidence": (0.05, 0, "5 points"),
    "ece": (0.005, 0, "0.005"),
    "nll": (0, 0.15, "15 %"),
}
"""How far ours may be from theirs: by so much, by this share of theirs, and how that is written;
fixed before anything was measured."""

ROUNDING = 1e-9
"""Of differences of decimal fractions."""


@dataclass(frozen=True)
class PublishedNumber:
    """A number of a paper, and which of ours it is compared with.

    Attributes:
        paper, place: author and year; the table, or the file of the code.
        what: what they did, in a phrase.
        task, recipe, method, condition, metric: ours.
        epochs: of the recipe; runs of other epochs are not judged.
        members: networks of an ensemble; 1: of a method of one network.
        score: ours; empty where the metric needs none.
        published: theirs, in the metric's unit.
        reason: why ours misses it, found by an experiment; empty: not known yet.
    """

    paper: str
    place: str
    what: str
    task: str
    recipe: str
    epochs: int
    method: str
    members: int
    condition: str
    metric: str
    score: str
    published: float
    reason: str = ""

    @property
    def tolerance(self) -> float:
        """How far ours may be from it."""
        difference, share, _ = TOLERANCES[self.metric]
        return difference + share * self.published + ROUNDING

    def admits(self, ours: float) -> bool:
        """Whether ours is near enough; NaN never is."""
        return abs(ours - self.published) <= self.tolerance

    @property
    def decides(self) -> bool:
        """Whether what is near enough to it is nearer to it than to the paper's other methods."""
        subject = attrgetter("paper", "place", "task", "metric", "condition", "score")
        distances = [
            abs(other.published - self.published)
            for other in PUBLISHED
            if subject(other) == subject(self)
            and (other.method, other.members) != (self.method, self.members)
        ]
        return all(self.tolerance <= distance / 2 + 2 * ROUNDING for distance in distances)


def read_numbers() -> tuple[PublishedNumber, ...]:
    """The rows of `published.csv`."""
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    for row in rows:
        row |= {name: int(row[name]) for name in ("epochs", "members")}
        row["published"] = float(row["published"])
    return tuple(PublishedNumber(**row) for row in rows)


PUBLISHED = read_numbers()


class ComparedNumber(NamedTuple):
    """A published number beside ours.

    Attributes:
        row: ours, a row of the summary; ``None`` where it is not measured.
        remark: why it is not measured or misses theirs, or what must be known of it.
    """

    number: PublishedNumber
    row: TableRow | None
    verdict: str
    remark: str


def compared(number: PublishedNumber, results: Results) -> ComparedNumber:
    """A published number beside ours; the verdict compares the values alone."""
    budget = number.members if results.names.method(number.method).counts_networks else 1
    contestant = Contestant(number.method, str(number.members), float(budget))
    row = results.row(contestant, Quantity(number.condition, number.metric, number.score))
    reason = _why_not_measured(number, row, results)
    if row is None or reason:
        return ComparedNumber(number, None, NOT_MEASURED, reason)
    near = WITHIN if number.decides else UNDECIDED
    verdict = near if number.admits(row["value"]) else NOT_WITHIN
    images, whole = int(row["images"]), results.names.task.test_images
    remarks = (
        (number.reason or "reason not known yet") if verdict == NOT_WITHIN else "",
        f"only {images:,} of {whole:,} images" if images < whole else "",
        str(row["reason"]),
    )
    return ComparedNumber(number, row, verdict, "; ".join(filter(None, remarks)))


def _why_not_measured(number: PublishedNumber, row: TableRow | None, results: Results) -> str:
    """Why the run has nothing to compare with the number; empty where it has."""
    recipe = results.names.recipe
    if recipe and recipe.epochs != number.epochs:
        return f"networks were trained for {recipe.epochs:g} of {number.epochs} epochs"
    if number.method not in set(results.summary["method"]):
        return f"the run has no predictions by the method {number.method!r}"
    single = number.members == 1
    if row is None:
        kind = "single networks" if single else f"an ensemble of {number.members} networks"
        return f"the run has no value of {kind} for {results.label_of(number.condition)}"
    if not math.isfinite(row["value"]):
        return str(row["reason"] or row["status"])
    replicates = int(row["replicates"])
    if single and replicates < FEWEST_REPLICATES:
        return f"the run has {replicates} networks; at least {FEWEST_REPLICATES} are needed"
    return ""


def published_table(results: Results) -> Table | None:
    """Theirs and ours, a row a measured number; what is not measured is told in a remark.

    Returns:
        ``None`` where no paper trains networks by the run's recipe.
    """
    own = results.names.task.name, results.recipe
    numbers = [
        compared(number, results) for number in PUBLISHED if (number.task, number.recipe) == own
    ]
    if not numbers:
        return None
    count = Counter(each.verdict for each in numbers)
    reasons = dict.fromkeys(each.remark for each in numbers if each.row is None)
    not_measured = f"Not measured: {count[NOT_MEASURED]} numbers ({'; '.join(reasons)})."
    return Table(
        name="published",
        caption=f"Other papers' numbers, {results.names.task.label}, within tolerance: "
        f"{count[WITHIN]} of {count[WITHIN] + count[NOT_WITHIN]} that decide, "
        f"{count[UNDECIDED]} that do not",
        label_headings=("Paper", "Where", "What they did", "Metric", "Images"),
        headings=("Theirs", "Ours", "Tolerance", "Verdict"),
        rows=tuple(_row(each, each.row, results) for each in numbers if each.row),
        remarks=(not_measured,) if reasons else (),
    )


def _row(compared_number: ComparedNumber, ours: TableRow, results: Results) -> Row:
    """A line of the table; what must be known of its verdict is a footnote."""
    number, _, verdict, remark = compared_number
    metric, images = results.names.metric(number.metric).label, results.label_of(number.condition)
    cells = (
        Cell(text=f"{number.published:.3f}"),
        Cell(ours["value"], (ours["upper"] - ours["lower"]) / 2),
        Cell(text=TOLERANCES[number.metric][2]),
        Cell(status="ok", reason=remark, text=verdict),
    )
    return Row("", (number.paper, number.place, number.what, metric, images), cells)
