"""The answer in a few sentences: whether one network with dropout does as well, and what to use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path

from benchmarks.io import write_json
from benchmarks.report.answer.decision import (
    answered,
    judged_by,
    label,
    network_alone,
)
from benchmarks.report.answer.table import (
    DecisionRow,
    chosen,
    decision_rows,
    difference_text,
    why_none,
)
from benchmarks.report.answer.worth import networks, typical_worth
from benchmarks.report.editorial import DROPOUT, ENSEMBLE, WITHOUT_BLANKS
from benchmarks.report.number_format import alike
from benchmarks.report.results import Candidate, Quantity, Results
from benchmarks.report.texts import listed
from benchmarks.schema import table_of, write_table
from benchmarks.vocabulary import ANSWER_JSON, CLEAN, DECISION_CSV, Verdict

IN_WORDS = {
    Verdict.WORSE: "worse",
    Verdict.WORSE_WITHIN: "worse, but within the margin,",
    Verdict.AS_GOOD: "as good",
    Verdict.BETTER_WITHIN: "better, but within the margin,",
    Verdict.BETTER: "better",
}
"""Of verdicts that decide, in the order in which they are told."""


def write_answer(results: Results, folder: Path) -> None:
    """Write the sentences, which README shows, and the decisions."""
    write_json(answer(results), folder / ANSWER_JSON)
    write_table(table_of(DecisionRow, decision_rows(results)), folder, DECISION_CSV, DecisionRow)


def answer(results: Results) -> dict[str, str | list[str]]:
    """The content of ``answer.json``.

    Its keys: ``reply`` (yes, no, …; empty where the run cannot tell), ``short`` (the same with the
    worth in networks), ``dropout`` (with every measure), ``blanks`` (what blank passes cost; empty
    where the run cannot tell), ``advice`` (what to use: a text a situation), and ``budget`` (see
    `on_budgets` and `worth_of_one_training`).
    """
    reply, short, dropout, blanks = _on_dropout(results)
    return {
        "reply": reply,
        "short": short,
        "dropout": dropout,
        "blanks": blanks,
        "advice": _advice(results),
        "budget": f"{on_budgets(results)} {worth_of_one_training(results)}".strip(),
    }


def on_budgets(results: Results) -> str:
    """By how many measures more networks, and one that trains longer, are tied with the best.

    Of the largest budget; empty where a run has but one.
    """
    made = [d for d in answered(results) if (d.question.budget or 0) > 1]
    if not made:
        return ""
    budget = max(decision.question.budget or 0 for decision in made)
    own = [decision for decision in made if decision.question.budget == budget]
    more, longer = Candidate(ENSEMBLE, f"{budget:g}", budget), own[0].baseline
    if more == longer:
        return ""
    standings = [by for decision in own for by in decision.standings.values()]
    count, other = (
        sum(choice in known and known[choice].is_tied for known in standings)
        for choice in (more, longer)
    )
    return (
        f"Of what the training of {budget:g} networks buys, {label(results, more)} is tied with "
        f"the best by {count} of {len(standings)} measures, {label(results, longer)} by {other}."
    )


def worth_of_one_training(results: Results) -> str:
    """How much of what the training of one network buys is worth more than it, and which most."""
    bought = (d.candidates for d in answered(results) if d.question.budget == 1)
    worth = {
        choice: known
        for choice in chain.from_iterable(bought)
        if (known := typical_worth(results, choice, ENSEMBLE))
    }
    if not worth:
        return ""
    best = max(worth, key=lambda choice: worth[choice].number)
    more = sum(bool(known.lower) and networks(known.lower) > 1 for known in worth.values())
    return (
        f"Of {len(worth)} ways to spend the training of one network, {more or 'none'} "
        f"{'is' if more <= 1 else 'are'} worth more than it by the 95 % limits; "
        f"{label(results, best)} is worth most, {worth[best].interval} networks."
    )


def _on_dropout(results: Results) -> tuple[str, str, str, str]:
    """One network with dropout left on against the largest ensemble, of networks of budget 1.

    Returns:
        The reply; a sentence or two with the worth in networks of the one; sentences with the
        verdict on the two by each measure; and a sentence on blank passes.
    """
    cannot_tell = "This run cannot tell whether one network with dropout is as good as many:"
    methods = {variant: results.names.method(variant.method) for variant in results.largest}
    ensembles = [variant for variant, method in methods.items() if method.counts_networks]
    sampled = [
        variant
        for variant, method in methods.items()
        if DROPOUT in method.needs and (method.size or method.exact) and not method.counts_networks
    ]
    if not sampled or not ensembles:
        missing = "an ensemble" if sampled else "a method that leaves dropout on"
        why = f"{cannot_tell} it has no values of {missing}."
        return "", why, why, ""
    dropout, ensemble = results.candidate(sampled[0]), results.candidate(ensembles[0])
    quantities = judged_by(results)
    verdicts = {
        quantity: tested.verdict
        for quantity in quantities
        if (tested := results.comparison(dropout, ensemble, quantity))
    }
    if not any(verdicts.values()):
        why = f"{cannot_tell} the two were not compared."
        return "", why, why, ""
    given = reply(verdicts.values())
    short = " ".join([f"{given}.", *_worth(results, dropout, ensemble.method)])
    sentences = [
        f"{label(results, dropout)} was compared with an ensemble of {ensemble.members} networks "
        f"on {len(verdicts)} measures.",
    ]
    for verdict, words in IN_WORDS.items():
        if measures := [quantity for quantity, said in verdicts.items() if said == verdict]:
            sentences += [f"It is {words} by {_measures(results, measures)}."]
    counted = Counter(verdicts.values())
    for said, result in ((Verdict.OPEN, "no difference was found"), ("", "there is no interval")):
        if number := counted[said]:
            sentences += [f"By {number} measure{'s' if number > 1 else ''}, {result}."]
    return given, short, " ".join([short, *sentences]), _on_blank_passes(results, dropout)


def _worth(results: Results, dropout: Candidate, ensemble: str) -> Iterator[str]:
    """The worth in networks by the median over measures, and by which it is the least and most."""
    if worth := typical_worth(results, dropout, ensemble):
        count = re.sub(r"(?<![\d.])1 networks$", "one network", f"{worth.median} networks")
        limits = f" (95 % limits: {worth.lower} to {worth.upper})" if worth.lower else ""
        least, *_, most = [*worth.by_measure] * 2
        ends = [
            f"{worth.by_measure[q]} ({_name(results, q.metric)}, {results.label_of(q.condition)})"
            for q in (least, most)
        ]
        said = (
            f"{label(results, dropout)} is worth {count} by the median of {len(worth.by_measure)} "
            f"measures{limits}"
        )
        if worth.by_measure[least] != worth.by_measure[most]:
            said += f"; by single measures, from {ends[0]} to {ends[1]}"
        yield f"{said}.".replace("<", "less than ").replace(">", "more than ")


def _on_blank_passes(results: Results, dropout: Candidate) -> str:
    """What passes cost that drop all channels of a layer, if the run has the variant without."""
    without = dropout._replace(method=WITHOUT_BLANKS)
    by, alone = Quantity(CLEAN, "nll"), network_alone(results)
    tested = results.comparison(without, dropout, by)
    rows = [results.value(choice, by) for choice in (without, dropout, alone) if choice]
    if tested is None or len(rows) < 3 or not all(rows):
        return ""
    own, article, softmax = alike(
        [row["value"] for row in rows if row], (tested.upper - tested.lower) / 2
    )
    return (
        f"Some passes of {label(results, dropout)} drop all channels of a layer, and answer every "
        f"image alike. Without them, its NLL of clean images is {own}, with them {article} "
        f"(difference {difference_text(tested)}); that of the network alone is {softmax}."
    )


def _measures(results: Results, quantities: Sequence[Quantity]) -> str:
    """The metrics with the conditions, such as ``accuracy (Clean), NLL (Clean and Rotated)``."""
    conditions: dict[str, list[str]] = {}
    for quantity in quantities:
        name = _name(results, quantity.metric)
        conditions.setdefault(name, []).append(results.label_of(quantity.condition))
    return ", ".join(f"{name} ({listed(labels)})" for name, labels in conditions.items())


def _name(results: Results, metric: str) -> str:
    """What a metric is called within a sentence."""
    name = results.names.metric(metric).label
    return name if name[1:2].isupper() else f"{name[:1].lower()}{name[1:]}"


def reply(verdicts: Collection[str]) -> str:
    """Yes: as good or better by all measures. No: worse by most, or by some and as good by none.

    What lies within the margin is as good. By a measure without an interval it is neither.
    """
    counts = Counter(verdicts)
    worse, undecided = counts[Verdict.WORSE], counts[Verdict.OPEN] + counts[""]
    good = len(verdicts) - worse - undecided
    if good == len(verdicts):
        return "Yes"
    if 2 * worse > len(verdicts) or (worse and not good):
        return "No"
    return "In part" if worse else "Not decided"


def _advice(results: Results) -> list[str]:
    """What to use: for each situation a sentence a question that has an answer."""
    advised: dict[str, list[str]] = {}
    for decision in answered(results):
        used = [chosen(decision, choice) for choice in decision.recommended]
        text = f"use {'; or '.join(used)}" if used else why_none(decision)
        sentences = advised.setdefault(decision.question.situation, [])
        sentences.append(f"{decision.question.images}: {text}.")
    return [
        " ".join(filter(None, (situation and f"{situation}.", *sentences)))
        for situation, sentences in advised.items()
    ]
