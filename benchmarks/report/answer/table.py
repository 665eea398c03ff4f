"""The table of decisions: each question, what to use, how good it is, and at what cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.report.answer.decision import (
    Decision,
    answered,
    decisions,
    is_network_alone,
    label,
    single_image,
)
from benchmarks.report.editorial import METRIC_REMARKS, NEEDS, TRAINING_IMAGES
from benchmarks.report.number_format import UNDEFINED, alike, two_digits
from benchmarks.report.results import Candidate, Quantity, Results, Tested
from benchmarks.report.tables.table import Row, Table
from benchmarks.report.timings import main_setup, timed

USE, TIED, NONE = "use", "tied", "none"
"""What is said of a choice: it is recommended; it is tied with the best by all measures, and not
recommended; there is none."""

TIES = (
    "A method is tied with the best by a measure if none of the question is better, nor guessing."
)

RULE = (
    f"{TIES} Recommended is the network alone, if it is tied by all measures. Else it is the "
    "cheapest method that is tied by all and better than the network alone by one: by training, "
    "then by time (docs/statistics.md)."
)


@dataclass(frozen=True)
class DecisionRow:
    """A row of ``tables/decision.csv``: a choice, as the answer to a question.

    Attributes:
        question: its name.
        situation, images: the question in words.
        verdict: `USE`, `TIED` or `NONE`.
        method, members, budget, score: the choice; empty where there is none.
        use: the choice in words, or why there is none.
        effects: what it changes by each measure, against the network alone.
        best: the best where it is another one, by which measures, likewise.
        cost: networks to train, what is needed beside them, and the latency of a single image.
    """

    question: str
    situation: str
    images: str
    verdict: str
    method: str = ""
    members: str = ""
    budget: float | None = None
    score: str = ""
    use: str = ""
    effects: str = UNDEFINED
    best: str = UNDEFINED
    cost: str = UNDEFINED


def decision_rows(results: Results) -> list[DecisionRow]:
    """The rows of all questions."""
    return [row for decision in decisions(results) for row in _rows(decision)]


def decision_table(results: Results) -> Table | None:
    """What is recommended, or why nothing is."""
    rows = [row for row in decision_rows(results) if row.verdict != TIED]
    if not rows:
        return None
    return Table(
        name="decision",
        caption="Which method to use.",
        group_heading="Situation",
        label_headings=("Judged on", "Use", "What it changes", "Best, if another", "Cost"),
        rows=tuple(
            Row(row.situation, (row.images, row.use, row.effects, row.best, row.cost))
            for row in rows
        ),
        remarks=tuple(_remarks(results)),
        widths=(0.1, 0.18, 0.3, 0.26, 0.12),
    )


def chosen(decision: Decision, choice: Candidate) -> str:
    """What is recommended, in words, and by which measures if not by all."""
    measures = decision.recommended[choice]
    by = ", ".join(_measure(decision, quantity) for quantity in measures)
    is_by_all = len(measures) == len(decision.standings)
    return f"{_named(decision.results, choice)}{'' if is_by_all else f', by {by}'}"


def _use(decision: Decision, choice: Candidate) -> str:
    """The same, and how many methods are not better, or as good."""
    text, tied = chosen(decision, choice), decision.tied()
    if choice not in tied:
        return text
    is_priced = decision.results.recipe
    if len(decision.candidates) > 1 and (choice == decision.baseline or not is_priced):
        return f"{text}: of {len(decision.candidates)} methods, no other is shown to be better"
    return f"{text}, one of {len(tied)} tied with the best" if len(tied) > 1 else text


def why_none(decision: Decision) -> str:
    """Why nothing is recommended."""
    if any(map(decision.tied, decision.standings)):
        baseline = label(decision.results, decision.baseline)
        return f"None: no method that is tied with the best is better than {baseline}"
    standings = [known for by in decision.standings.values() for known in by.values()]
    if any(known.is_worse_than_guessing for known in standings):
        return "None: the best are worse than guessing"
    if standings:
        return "None: intervals contradict each other"
    in_time = decision.question.milliseconds is not None
    return f"None: no method {'is known to answer in time' if in_time else 'was compared'}"


def _named(results: Results, choice: Candidate) -> str:
    """A choice, and whether it is the network alone."""
    alone = ", the network alone" if is_network_alone(results, choice) else ""
    return f"{label(results, choice)}{alone}"


def _rows(decision: Decision) -> Iterator[DecisionRow]:
    question, results = decision.question, decision.results
    place = question.name, question.situation, question.images
    if not decision.recommended:
        yield DecisionRow(*place, NONE, use=why_none(decision))
    for choice in dict.fromkeys([*decision.recommended, *decision.tied()]):
        is_used = choice in decision.recommended
        yield DecisionRow(
            *place,
            USE if is_used else TIED,
            **choice._asdict(),
            use=_use(decision, choice) if is_used else _named(results, choice),
            effects="; ".join(_effects(decision, choice)) or UNDEFINED,
            best=" ".join(_best(decision, choice)) or UNDEFINED,
            cost="; ".join(_costs(results, choice)) or UNDEFINED,
        )


def _effects(decision: Decision, choice: Candidate) -> Iterator[str]:
    if choice != decision.baseline:
        for quantity in decision.standings:
            yield f"{_measure(decision, quantity)}{_effect(decision, choice, quantity)}"


def _best(decision: Decision, choice: Candidate) -> Iterator[str]:
    by_candidate: dict[str, list[str]] = {}
    for quantity in decision.standings:
        best, measure = decision.best(quantity), _measure(decision, quantity)
        if best is None:
            by_candidate.setdefault("None, as the best are worse than guessing", []).append(measure)
        elif best != choice and not _are_equal(decision, best, choice, quantity):
            change = "" if best == decision.baseline else _effect(decision, best, quantity)
            named = by_candidate.setdefault(label(decision.results, best), [])
            named.append(f"{measure}{change}")
    yield from (f"{name}: {'; '.join(measures)}." for name, measures in by_candidate.items())


def _are_equal(decision: Decision, left: Candidate, right: Candidate, quantity: Quantity) -> bool:
    """Whether two do not differ at all, such as by accuracy a network at any temperature."""
    tested = decision.compared(left, right, quantity)
    return tested is not None and tested.difference == 0


def _effect(decision: Decision, choice: Candidate, quantity: Quantity) -> str:
    """What a choice changes against the baseline, with the interval and the verdict.

    Both means are left out: they may be of other networks than their difference.
    """
    tested = decision.compared(choice, decision.baseline, quantity)
    if tested is None:
        return ": not compared"
    verdict = f" ({tested.verdict})" if tested.verdict else ""
    return f" {difference_text(tested)}{verdict}"


def difference_text(tested: Tested) -> str:
    """A difference with its interval.

    >>> difference_text(Tested(0.0061, 0.0021, 0.0101, "better"))
    '+0.006, 0.002 to 0.010'
    >>> difference_text(Tested(-0.61, -1.2, -0.02, "better"))
    '−0.6, −1.2 to −0.0'
    """
    bounds = tested.lower, tested.upper
    half = (tested.upper - tested.lower) / 2
    difference, *shown = alike([tested.difference, *bounds], half)
    sign = "+" if tested.difference > 0 and difference.strip("0.") else ""
    # On which side of 0 a bound lies is the verdict.
    signed = (
        text if text.strip("0.") or not bound else f"{'+' if bound > 0 else '−'}{text}"
        for bound, text in zip(bounds, shown, strict=True)
    )
    interval = "" if math.isnan(half) else f", {' to '.join(signed)}"
    return f"{sign}{difference}{interval}"


def _measure(decision: Decision, quantity: Quantity) -> str:
    """A metric, with its images where there are several."""
    printed = decision.results.names.printed(quantity.metric)
    several = len({judged.condition for judged in decision.standings}) > 1
    images = f" ({decision.results.label_of(quantity.condition)})" if several else ""
    return f"{printed.title}{images}"


def _costs(results: Results, choice: Candidate) -> Iterator[str]:
    timing = single_image(results, choice._replace(score=""))
    method, seconds = results.names.method(choice.method), math.nan
    if results.recipe:
        if timing is not None and results.names.each(choice.variant) == 1:  # what was timed
            seconds = float(timing["training_s"])
        time = "" if math.isnan(seconds) else f" ({two_digits(seconds)} s)"
        trained = f"{choice.budget:g} network{'s' if choice.budget > 1 else ''}"
        yield f"{trained if method.pooled else 'trains itself'}{time}"
    needs = method.needs
    if choice.score and results.names.score(choice.score).fitted:
        needs = (*needs, TRAINING_IMAGES)
    yield from (f"needs {NEEDS.get(need, need)}" for need in dict.fromkeys(needs))
    if timing is not None:
        scored = single_image(results, choice)
        without = " without the score" if scored is None else ""
        yield f"{two_digits(float((timing if scored is None else scored)['p50_ms']))} ms{without}"


def _remarks(results: Results) -> Iterator[str]:
    made = answered(results)
    yield RULE if results.recipe else TIES
    if baselines := dict.fromkeys(label(results, decision.baseline) for decision in made):
        yield (
            f"Differences are to {' or '.join(baselines)}, on shared networks where there are any, "
            "with 95 % intervals that hold all differences of a question by the measure at once."
        )
    used = {quantity.metric for decision in made for quantity in decision.standings}
    if classes := len(results.names.task.classes):
        for metric, remark in METRIC_REMARKS.items():
            if metric in used:
                yield remark.format(classes=classes, uniform=math.log(classes))
    if not results.recipe:
        return
    setup = main_setup(results.latency)
    if setup is None:
        yield "Latency was not measured in this run."
        return
    gpu = timed(results.latency)["device"].str.startswith("cuda").any()
    unmeasured = "" if gpu else " No GPU has been measured."
    yield f"Latency: median of single images on {setup.label}.{unmeasured}"
