"""What other papers publish beside what a run has: `published.json` and `published.md`.

The numbers are the rows of `published.csv`. A finding without a number has a rule of its own.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.io import markdown_text, or_none, write_json, write_whole
from benchmarks.nouns import Contestant
from benchmarks.report.editorial import SAMPLED
from benchmarks.report.number_format import UNDEFINED
from benchmarks.report.results import Quantity, Results, TableRow
from benchmarks.report.tables.table import Cell, Row, Table, markdown
from benchmarks.report.texts import render
from benchmarks.schema import where
from benchmarks.vocabulary import CLEAN, FEWEST_REPLICATES, PUBLISHED_JSON, PUBLISHED_MD

WITHIN, NOT_WITHIN = "within tolerance", "not within tolerance"
UNDECIDED = "does not decide"
"""Within a tolerance that is more than half of the distance to the paper's nearest other method."""
NOT_COMPARABLE, NOT_MEASURED = "not comparable", "not measured"
"""Not comparable: theirs is a mean over other sets of images, too, which we have not."""

SAME, ANOTHER = "as they say", "not as they say"
"""The verdicts on findings."""

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
        task, recipe, method, metric: ours.
        epochs: of the recipe; runs of other epochs are not judged.
        members: networks of an ensemble; 1: of a method of one network.
        conditions: of which images; of several the mean over those that the run has.
        lacking: what else they average over, which the suite does not have.
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
    conditions: tuple[str, ...]
    lacking: tuple[str, ...]
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
        subject = attrgetter("paper", "place", "task", "metric", "conditions", "lacking", "score")
        distances = [
            abs(other.published - self.published)
            for other in PUBLISHED
            if subject(other) == subject(self)
            and (other.method, other.members) != (self.method, self.members)
        ]
        return all(self.tolerance <= distance / 2 + 2 * ROUNDING for distance in distances)


def read_numbers() -> tuple[PublishedNumber, ...]:
    """The rows of `published.csv`; of several conditions a space is between two."""
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    for row in rows:
        row |= {name: int(row[name]) for name in ("epochs", "members")}
        row["conditions"] = tuple(row["conditions"].split())
        row["lacking"] = tuple(filter(None, [row["lacking"]]))
        row["published"] = float(row["published"])
    return tuple(PublishedNumber(**row) for row in rows)


PUBLISHED = read_numbers()


def judged(number: PublishedNumber, results: Results) -> dict[str, Any]:
    """Ours beside a published number, as `published.json` has both.

    ``value``, ``lower`` and ``upper`` are ours and its 95 % interval, which is no part of the
    verdict; of a mean over conditions it is as wide as theirs on average, since networks and so
    their errors are the same. ``of`` and ``missing`` are labels of the images that it is of, and of
    others that theirs is of, too. ``why``: why it is not measured or misses theirs, or what must be
    known of it.
    """
    budget = number.members if results.names.method(number.method).counts_networks else 1
    contestant = Contestant(number.method, str(number.members), float(budget))
    by_label = {
        results.label_of(name): results.row(contestant, Quantity(name, number.metric, number.score))
        for name in number.conditions
    }
    rows = {label: row for label, row in by_label.items() if row and math.isfinite(row["value"])}
    missing = (*(label for label in by_label if label not in rows), *number.lacking)
    if why := _not_measured(number, results, by_label, list(rows.values())):
        rows = {}
    value, lower, upper = (
        fmean(row[name] for row in rows.values()) if rows else math.nan
        for name in ("value", "lower", "upper")
    )
    if not rows:
        verdict = NOT_MEASURED
    elif missing:
        verdict = NOT_COMPARABLE
    else:
        near = WITHIN if number.decides else UNDECIDED
        verdict = near if number.admits(value) else NOT_WITHIN
    images = min((int(row["images"]) for row in rows.values()), default=0)
    whole = results.names.task.test_images
    known = (
        why,
        (number.reason or "reason not known yet") if verdict == NOT_WITHIN else "",
        f"only {images:,} of {whole:,} images" if rows and images < whole else "",
        *dict.fromkeys(str(row["reason"]) for row in rows.values()),
    )
    replicates = min((int(row["replicates"]) for row in rows.values()), default=0)
    return {
        **{name: text for name, text in asdict(number).items() if name != "reason"},
        "tolerance": TOLERANCES[number.metric][2],
        **{"value": value, "lower": lower, "upper": upper},
        **{"networks": replicates * number.members, "of": tuple(rows), "missing": missing},
        **{"verdict": verdict, "why": "; ".join(filter(None, known))},
    }


def _not_measured(
    number: PublishedNumber,
    results: Results,
    by_label: Mapping[str, TableRow | None],
    rows: list[TableRow],
) -> str:
    """Why nothing of the run can be compared; empty: it can."""
    recipe = results.names.recipe
    if recipe and recipe.epochs != number.epochs:
        return f"networks were trained for {recipe.epochs:g} of {number.epochs} epochs"
    if number.method not in set(results.summary["method"]):
        return f"the run has no predictions by the method {number.method!r}"
    single = number.members == 1
    if not rows:
        if failed := next(filter(None, by_label.values()), None):
            return str(failed["reason"] or failed["status"])
        kind = "single networks" if single else f"an ensemble of {number.members} networks"
        return f"the run has no value of {kind} for {', '.join(by_label)}"
    replicates = min(int(row["replicates"]) for row in rows)
    if single and replicates < FEWEST_REPLICATES:
        return f"the run has {replicates} networks; at least {FEWEST_REPLICATES} are needed"
    return ""


def rotated_digit(results: Results) -> tuple[bool, str] | None:
    """The class with most votes, angle by angle, and how far passes disagree."""
    votes = where(results.curve("example_image"), method=SAMPLED, budget=1.0)
    # Rotated further than by 90°, a 1 becomes a 1 again.
    rotated = [c for c in results.severities.get("rotated", []) if c.severity <= 90]
    conditions = [CLEAN, *(condition.name for condition in rotated)]
    if votes.empty or len(conditions) < 3 or not set(conditions) <= set(votes["condition"]):
        return None
    votes = where(votes, replicate=min(votes["replicate"]))
    passes = max(votes["members"], key=int)
    shares = [
        where(votes, members=passes, condition=name).sort_values("class")["vote_share"].to_numpy()
        for name in conditions
    ]
    classes = [int(np.argmax(share)) for share in shares]
    differ = [1 - float(np.square(share).sum()) for share in shares]
    changes = [pair for pair in pairwise(number == 1 for number in classes) if pair[0] != pair[1]]
    spreads = max(differ[1:-1]) > max(differ[0], differ[-1])
    return changes == [(True, False)] and spreads, (
        f"from 0° to {rotated[-1].severity:g}°, most votes of {passes} passes (network 0) "
        f"are for {', '.join(map(str, classes))}; the chance that two passes "
        f"differ is {', '.join(f'{chance:.2f}' for chance in differ)}"
    )


SHIFTS = ("rotated", "translated")
"""Groups of severities."""

SCALED, VANILLA = "temperature scaling", "vanilla"

CHOICES = {
    "ensemble": Contestant("deep_ensemble", "10", 10.0),
    "dropout": Contestant("mc_dropout", "100"),
    SCALED: Contestant("temperature_scaling", "1"),
    VANILLA: Contestant("softmax", "1"),
}
"""Names of methods in Ovadia et al., and ours."""


def order_under_shift(results: Results) -> tuple[bool, str] | None:
    """By the Brier score under each shift, the methods from the best to the worst.

    Their LeNet has dropout for that method alone.
    """
    agrees, orders, recipe = True, [], results.names.recipe
    if recipe is None or recipe.dropout:
        return None
    for group in SHIFTS:
        shifts = [shift for shift in results.severities.get(group, []) if shift.labels == "valid"]
        brier = {}
        for name, contestant in CHOICES.items():
            rows = [results.row(contestant, Quantity(shift.name, "brier")) for shift in shifts]
            brier[name] = fmean(row["value"] if row else math.nan for row in rows or [None])
        if not all(map(math.isfinite, brier.values())):
            return None
        agrees &= max(brier["ensemble"], brier["dropout"]) < brier[SCALED] < brier[VANILLA]
        order = ", ".join(
            f"{name} {brier[name]:.3f}" for name in sorted(brier, key=brier.__getitem__)
        )
        orders.append(f"{group} by {shifts[0].label} to {shifts[-1].label}: {order}")
    return agrees, f"the Brier score from the best method to the worst: {'; '.join(orders)}"


@dataclass(frozen=True)
class Finding:
    """What a paper shows in a figure or says, without a number that could be compared.

    Attributes:
        says, rule: what they found, and by what ours is judged.
        judge: whether a run finds the same, and what it finds; ``None``: it has not measured this.
    """

    paper: str
    place: str
    says: str
    rule: str
    task: str
    judge: Callable[[Results], tuple[bool, str] | None]


FINDINGS = (
    Finding(
        paper="Gal & Ghahramani 2016",
        place="figure 4",
        says="A 1 is rotated in twelve steps. The first orientations are classified as 1, later "
        "ones as other digits. In between, 100 passes of dropout spread more.",
        rule="The votes of MC-dropout with one network for one test image, a 1, from 0° to 90°: "
        "most are for 1 at first, for another digit from some angle on, and passes disagree more "
        "at an angle in between than at either end.",
        task="mnist",
        judge=rotated_digit,
    ),
    Finding(
        paper="Ovadia et al. 2019",
        place="section 4.1 and figure 1",
        says="On rotated and translated digits, nearly all methods have a better Brier score than "
        "temperature scaling; the plain network (vanilla) does not.",
        rule="Under both shifts, by the mean over severities (rotations with valid labels), the "
        "ensemble of ten and dropout have a lower Brier score than temperature scaling, and the "
        "plain network has a higher one. Their stochastic variational and last-layer methods are "
        "not compared.",
        task="mnist",
        judge=order_under_shift,
    ),
)


LABELS = "Paper", "Where", "What they did", "Metric", "Images"
COLUMNS = "Theirs", "Ours", "Networks", "Tolerance", "Verdict"
"""Of the table of numbers."""


def write_published(results: Results, folder: Path) -> None:
    """Write the task's numbers and findings with ours, if the run has measured any of them."""
    if shown := published_shown(results):
        numbers = [
            number | {name: or_none(number[name]) for name in ("value", "lower", "upper")}
            for number in shown["numbers"]
        ]
        content = {"count": shown["count"], "numbers": numbers, "findings": shown["findings"]}
        write_json(content, folder / PUBLISHED_JSON)
        texts = {name: shown[name] for name in ("count", "numbers")} | {
            "task": results.names.task.label,
            "table": markdown(shown["table"]),
            "findings": [
                {name: markdown_text(text) for name, text in finding.items()}
                for finding in shown["findings"]
            ],
        }
        write_whole(folder / PUBLISHED_MD, render("published.md.j2", **texts))


def published_shown(results: Results) -> dict[str, Any] | None:
    """What files and the page show; ``None`` where the run has measured nothing of it.

    ``numbers``: theirs with ours; ``count``: how many of these have each verdict; ``table``: the
    same in print; ``findings``: what papers show without a number, and ours; ``agreeing``: how many
    of both agree, in words.
    """
    numbers, findings = _judged_numbers(results), []
    for finding in FINDINGS:
        if finding.task == results.names.task.name and (ours := finding.judge(results)):
            theirs = {name: getattr(finding, name) for name in ("paper", "place", "says", "rule")}
            findings.append(theirs | {"ours": ours[1], "verdict": SAME if ours[0] else ANOTHER})
    if not numbers and not findings:
        return None
    verdicts = Counter(number["verdict"] for number in numbers)
    compared = verdicts[WITHIN] + verdicts[NOT_WITHIN]
    same = sum(finding["verdict"] == SAME for finding in findings)
    agreeing = (
        f"numbers within tolerance: {verdicts[WITHIN]} of {compared}" if compared else "",
        f"numbers that do not decide: {verdicts[UNDECIDED]}" if verdicts[UNDECIDED] else "",
        f"findings that agree: {same} of {len(findings)}" if findings else "",
    )
    return {
        "count": {
            verdict: verdicts[verdict]
            for verdict in (WITHIN, NOT_WITHIN, UNDECIDED, NOT_COMPARABLE, NOT_MEASURED)
        },
        "numbers": numbers,
        "table": _table(numbers, results),
        "findings": findings,
        "agreeing": "; ".join(filter(None, agreeing)) or "none could be compared",
    }


def comparable_numbers(results: Results, link: str) -> str:
    """The numbers that are comparable, and why some are missed, in Markdown.

    Args:
        link: to the run's `published.md`.
    """
    numbers = [
        number | ({"why": ""} if number["verdict"] in (WITHIN, UNDECIDED) else {})
        for number in _judged_numbers(results)
        if number["verdict"] in (WITHIN, NOT_WITHIN, UNDECIDED)
    ]
    count = Counter(number["verdict"] for number in numbers)
    return (
        f"{count[WITHIN]} of {count[WITHIN] + count[NOT_WITHIN]} numbers are within tolerance; "
        f"{count[UNDECIDED]} more are within one of more than half of the distance to the paper's "
        f"nearest other method, and do not decide. [published.md]({link}) also has what is not "
        "comparable or not measured.\n\n"
        f"{markdown(_table(numbers, results, without=('Where', 'Networks', 'Tolerance')))}"
    )


def _judged_numbers(results: Results) -> list[dict[str, Any]]:
    """Those of the task and of networks that are trained by the run's recipe."""
    own = results.names.task.name, results.recipe
    return [judged(number, results) for number in PUBLISHED if (number.task, number.recipe) == own]


def _table(
    numbers: Sequence[Mapping[str, Any]], results: Results, without: Collection[str] = ()
) -> Table:
    """A row a number; what must be known of some is a footnote."""
    labels = tuple(heading for heading in LABELS if heading not in without)
    headings = tuple(heading for heading in COLUMNS if heading not in without)
    rows = []
    for number in numbers:
        images = ", ".join(number["of"])
        lacking = f" (without {', '.join(number['missing'])})" if number["missing"] else ""
        texts = {
            "Paper": number["paper"],
            "Where": number["place"],
            "What they did": number["what"],
            "Metric": results.names.metric(number["metric"]).label,
            "Images": f"{images}{lacking}" if images else UNDEFINED,
        }
        half_width = (number["upper"] - number["lower"]) / 2
        cells = {
            "Theirs": Cell(text=f"{number['published']:.3f}"),
            "Ours": Cell(number["value"], half_width) if images else Cell(),
            "Networks": Cell(text=str(number["networks"] or UNDEFINED)),
            "Tolerance": Cell(text=number["tolerance"]),
            "Verdict": Cell(status="ok", reason=number["why"], text=number["verdict"]),
        }
        named = tuple(texts[heading] for heading in labels)
        rows.append(Row("", named, tuple(cells[heading] for heading in headings)))
    return Table(name="published", label_headings=labels, headings=headings, rows=tuple(rows))
