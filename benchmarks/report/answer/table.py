"""The table of decisions: each question, what to use, by which measures, and at what cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.report.answer.decision import (
    Decision,
    Relation,
    decisions,
    label,
    networks_of,
    relations,
    single_image,
)
from benchmarks.report.editorial import METRIC_REMARKS, NEEDS, TRAINING_IMAGES
from benchmarks.report.number_format import UNDEFINED, rounded, two_digits
from benchmarks.report.results import Candidate, Quantity, Results
from benchmarks.report.tables.table import Row, Table
from benchmarks.report.timings import main_setup, timed
from benchmarks.vocabulary import SELF_TRAINED

USE, ALSO, KEEP, NONE, RIVAL = "use", "also", "keep", "none", "rival"
"""What is said of a choice: it is recommended; so is a cheaper one, for which alone there is room;
it is the cheapest and no other beats it; nothing is recommended; no test separates it from what is.
"""

FEW = 2
"""Of more choices than these, the cheapest alone is printed."""

RULE = (
    "A choice beats another if tests show it better by some measure and worse by none. The table "
    "has the choice that beats all others; else those that beat the baseline and are beaten by "
    "none (docs/statistics.md)."
)

MEASURES = (
    "It is what the others are compared with, and is itself compared with the next cheapest. As "
    "good: worse by less than a margin, if at all. Of a measure in no column, tests show neither "
    "this nor a difference."
)


@dataclass(frozen=True)
class DecisionRow:
    """A row of ``tables/decision.csv``: what tests say of a choice, as the answer to a question.

    Attributes:
        situation, images: the question.
        verdict: `USE`, `ALSO`, `KEEP`, `NONE` or `RIVAL`.
        recipe, method, members, score: the choice; empty where nothing is recommended.
        use: the choice in words, or why there is none.
        better_by, as_good_by, worse_by: measures, against the cheapest choice, or of that against
            the next cheapest.
        cost: networks to train, what is needed beside them, and the latency of a single image.
    """

    situation: str
    images: str
    verdict: str
    recipe: str = ""
    method: str = ""
    members: str = ""
    score: str = ""
    use: str = ""
    better_by: str = UNDEFINED
    as_good_by: str = UNDEFINED
    worse_by: str = UNDEFINED
    cost: str = UNDEFINED


def decision_rows(results: Results) -> list[DecisionRow]:
    """The rows of all questions, from the results of all recipes."""
    return [row for decision in decisions(results) for row in _rows(results, decision)]


def decision_table(results: Results) -> Table:
    """The same in print, without what is `ALSO` recommended, and without rivals."""
    return Table(
        name="decision",
        caption="Which method to use.",
        group_heading="Situation",
        label_headings=("Judged on", "Use", "Better by", "As good by", "Worse by", "Cost"),
        rows=tuple(
            Row(
                row.situation,
                (row.images, row.use, row.better_by, row.as_good_by, row.worse_by, row.cost),
            )
            for row in decision_rows(results)
            if row.verdict not in (ALSO, RIVAL)
        ),
        remarks=tuple(_remarks(results)),
        widths=(0.1, 0.18, 0.24, 0.16, 0.16, 0.12),
    )


def _rows(results: Results, decision: Decision) -> Iterator[DecisionRow]:
    question = decision.question
    kept = [decision.baseline] if decision.keeps and decision.baseline else []
    if not kept and not decision.chosen:
        why = decision.objection or "tests do not decide"
        compared = f" with {label(results, decision.baseline)}" if decision.baseline else ""
        reason = f"None: {why}{compared if decision.objection else ''}"
        yield DecisionRow(question.situation, question.images, NONE, use=reason)
    count = len(decision.chosen)
    room = count if count <= FEW else 1
    cheapest = f", the cheapest of {count}" if count > FEW else ""
    for verdict, prefix, choices, suffix in (
        (KEEP, "Keep ", kept, ""),
        (USE, "", decision.chosen[:room], cheapest),
        (ALSO, "", decision.chosen[room:], ""),
        (RIVAL, "", decision.rivals, ""),
    ):
        for choice in choices:
            name = label(results, choice, with_recipe=question.retrains)
            yield DecisionRow(
                question.situation,
                question.images,
                verdict,
                *choice,
                use=f"{prefix}{name}{suffix}",
                **_measures(results, decision, choice),
                cost="; ".join(_costs(results, choice, retrains=question.retrains)) or UNDEFINED,
            )


def _measures(results: Results, decision: Decision, choice: Candidate) -> dict[str, str]:
    """By which it is better, as good and worse than the baseline, or that than the next cheapest.

    With the means of both to the same decimals, where they differ: ``NLL ↓ (Clean) 0.135 → 0.106``.
    """
    baseline, second, *_ = decision.tested
    other = second if choice == baseline else baseline
    by_measure = relations(results, choice, other, decision.quantities)
    several = len({quantity.condition for quantity in decision.quantities}) > 1
    columns = {
        Relation.BETTER: "better_by",
        Relation.AS_GOOD: "as_good_by",
        Relation.WORSE: "worse_by",
    }
    measures = {}
    for relation, column in columns.items():
        texts = []
        for quantity in (q for q, by_tests in by_measure.items() if by_tests is relation):
            printed = results.names.printed(quantity.metric)
            condition = f" ({results.label_of(quantity.condition)})" if several else ""
            if relation is Relation.AS_GOOD:
                texts.append(f"{printed.name}{condition}")
            else:
                means = _means(results, (other, choice), quantity)
                texts.append(f"{printed.title}{condition} {means}".rstrip())
        measures[column] = "; ".join(texts) or UNDEFINED
    return measures


def _means(results: Results, choices: Sequence[Candidate], quantity: Quantity) -> str:
    rows = [row for choice in choices if (row := results.value(choice, quantity))]
    half = max(((row["upper"] - row["lower"]) / 2 for row in rows), default=math.nan)
    return " → ".join(rounded(row["value"], half)[0] for row in rows)


def _costs(results: Results, choice: Candidate, *, retrains: bool) -> Iterator[str]:
    timing = single_image(results, choice._replace(score=""))
    if retrains and results.names.recipes:
        count = networks_of(results, choice)
        trained = f"{count} network{'s' if count > 1 else ''}"
        seconds = math.nan if timing is None else float(timing["training_s"])
        time = "" if math.isnan(seconds) else f" ({two_digits(seconds)} s)"
        yield f"{'trains itself' if choice.recipe == SELF_TRAINED else trained}{time}"
    needs = results.names.method(choice.method).needs
    if choice.score and results.names.score(choice.score).fitted:
        needs = (*needs, TRAINING_IMAGES)
    yield from (f"needs {NEEDS.get(need, need)}" for need in dict.fromkeys(needs))
    if timing is not None:
        scored = single_image(results, choice)
        without = " without the score" if scored is None else ""
        yield f"{two_digits(float((timing if scored is None else scored)['p50_ms']))} ms{without}"


def _remarks(results: Results) -> Iterator[str]:
    made = decisions(results)
    baselines = list(dict.fromkeys(decision.baseline for decision in made if decision.baseline))
    yield RULE
    if baselines:
        yield f"The baseline is {' or '.join(label(results, choice) for choice in baselines)}."
        yield MEASURES
    used = {quantity.metric for decision in made for quantity in decision.quantities}
    if classes := len(results.names.task.classes):
        for metric, remark in METRIC_REMARKS.items():
            if metric in used:
                yield remark.format(classes=classes, uniform=math.log(classes))
    setup = main_setup(results.latency)
    if setup is None:
        yield "Latency was not measured in this run."
        return
    timings = (single_image(results, choice) for choice in baselines)
    times = [two_digits(float(timing["p50_ms"])) for timing in timings if timing is not None]
    baseline = f"; the baseline takes {' or '.join(dict.fromkeys(times))} ms" if times else ""
    gpu = timed(results.latency)["device"].str.startswith("cuda").any()
    unmeasured = "" if gpu else " No GPU has been measured."
    yield f"Latency: median of single images on {setup.label}{baseline}.{unmeasured}"
