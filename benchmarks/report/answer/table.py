"""The table of decisions: each question, what to use, by which measures, and at what cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from benchmarks.report.answer.candidates import cost, label, score_of_single_image, single_image
from benchmarks.report.answer.decision import Decision, decisions
from benchmarks.report.answer.evidence import Evidence, Relation
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
    evidence = Evidence(results)
    return [row for decision in decisions(results) for row in _rows(evidence, decision)]


def decision_table(results: Results) -> Table:
    """The same in print, without what is `ALSO` recommended, and without rivals."""
    headings = ("Judged on", "Use", "Better by", "As good by", "Worse by", "Cost")
    columns = attrgetter("images", "use", "better_by", "as_good_by", "worse_by", "cost")
    return Table(
        name="decision",
        caption="Which method to use.",
        group_heading="Situation",
        label_headings=headings,
        headings=(),
        rows=tuple(
            Row(row.situation, columns(row), ())
            for row in decision_rows(results)
            if row.verdict not in (ALSO, RIVAL)
        ),
        remarks=tuple(_remarks(results)),
        widths=(0.1, 0.18, 0.24, 0.16, 0.16, 0.12),
    )


def _rows(evidence: Evidence, decision: Decision) -> Iterator[DecisionRow]:
    results, question = evidence.results, decision.question
    situation, images = question.situation, question.images
    kept = [decision.baseline] if decision.keeps and decision.baseline else []
    if not kept and not decision.chosen:
        yield DecisionRow(situation, images, NONE, use=f"None: {_reason(results, decision)}")
    count = len(decision.chosen)
    room = count if count <= FEW else 1
    of_many = f", the cheapest of {count}" if count > FEW else ""
    for verdict, prefix, choices, suffix in (
        (KEEP, "Keep ", kept, ""),
        (USE, "", decision.chosen[:room], of_many),
        (ALSO, "", decision.chosen[room:], ""),
        (RIVAL, "", decision.rivals, ""),
    ):
        for choice in choices:
            name = label(results, choice, of_recipe=question.retrains)
            yield DecisionRow(
                situation,
                images,
                verdict,
                *choice,
                use=f"{prefix}{name}{suffix}",
                **_measures(evidence, decision, choice),
                cost="; ".join(_costs(results, choice, retrains=question.retrains)) or UNDEFINED,
            )


def _reason(results: Results, decision: Decision) -> str:
    """Why nothing is recommended."""
    if decision.objection and decision.baseline:
        return f"{decision.objection} with {label(results, decision.baseline)}"
    return decision.objection or "tests do not decide"


def _measures(evidence: Evidence, decision: Decision, choice: Candidate) -> dict[str, str]:
    """Three cells; the baseline is compared with the next cheapest choice."""
    baseline, second, *_ = decision.tested
    other = second if choice == baseline else baseline
    relations = evidence.relations(choice, other, decision.quantities)

    def cell(wanted: Relation, *shown: Candidate) -> str:
        measures = [quantity for quantity, relation in relations.items() if relation is wanted]
        return "; ".join(_measure(evidence, decision, one, shown) for one in measures) or UNDEFINED

    return {
        "better_by": cell(Relation.BETTER, other, choice),
        "as_good_by": cell(Relation.AS_GOOD),
        "worse_by": cell(Relation.WORSE, other, choice),
    }


def _measure(
    evidence: Evidence, decision: Decision, quantity: Quantity, choices: Sequence[Candidate]
) -> str:
    """A measure with the choices' means, to the same decimals: ``NLL ↓ (Clean) 0.135 → 0.106``."""
    results = evidence.results
    rows = [row for choice in choices if (row := results.value(choice, quantity))]
    half = max(((row["upper"] - row["lower"]) / 2 for row in rows), default=math.nan)
    several = len({one.condition for one in decision.quantities}) > 1
    printed = results.names.printed(quantity.metric)
    parts = (
        printed.title if choices else printed.name,
        f"({results.label_of(quantity.condition)})" if several else "",
        " → ".join(rounded(row["value"], half)[0] for row in rows),
    )
    return " ".join(filter(None, parts))


def _costs(results: Results, choice: Candidate, *, retrains: bool) -> Iterator[str]:
    timing = single_image(results, choice.variant)
    if retrains and results.names.recipes:
        networks = cost(results, choice)[0]
        trained = f"{networks} network{'s' if networks > 1 else ''}"
        seconds = math.nan if timing is None else float(timing["training_s"])
        time = "" if math.isnan(seconds) else f" ({two_digits(seconds)} s)"
        yield f"{'trains itself' if choice.recipe == SELF_TRAINED else trained}{time}"
    needs = results.names.method(choice.method).needs
    if choice.score and results.names.score(choice.score).fitted:
        needs = (*needs, TRAINING_IMAGES)
    yield from (f"needs {NEEDS.get(need, need)}" for need in dict.fromkeys(needs))
    # The time of a score has that of its network in it.
    scored = score_of_single_image(results, choice.score) if choice.score else None
    if timing is not None:
        without = " without the score" if choice.score and scored is None else ""
        yield f"{two_digits(float((timing if scored is None else scored)['p50_ms']))} ms{without}"


def _remarks(results: Results) -> Iterator[str]:
    made = decisions(results)
    baselines = list(dict.fromkeys(one.baseline for one in made if one.baseline))
    yield RULE
    if baselines:
        yield f"The baseline is {' or '.join(label(results, one) for one in baselines)}."
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
    timings = (single_image(results, one.variant) for one in baselines)
    times = dict.fromkeys(two_digits(float(one["p50_ms"])) for one in timings if one is not None)
    baseline = f"; the baseline takes {' or '.join(times)} ms" if times else ""
    gpu = timed(results.latency)["device"].str.startswith("cuda").any()
    unmeasured = "" if gpu else " No GPU has been measured."
    yield f"Latency: median of single images on {setup.label}{baseline}.{unmeasured}"
