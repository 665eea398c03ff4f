"""The answer in a few sentences: whether one network with dropout does as well, and what to use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from benchmarks.io import write_json
from benchmarks.report.answer.decision import (
    Relation,
    decisions,
    is_ensemble,
    label,
    networks,
    networks_of,
    relations,
    worth,
)
from benchmarks.report.answer.questions import judged_by
from benchmarks.report.answer.table import DecisionRow, decision_rows
from benchmarks.report.editorial import DROPOUT
from benchmarks.report.results import Quantity, Results
from benchmarks.report.texts import listed
from benchmarks.schema import table_of, write_table
from benchmarks.vocabulary import ANSWER_JSON, DECISION_CSV


def write_answer(results: Results, folder: Path) -> None:
    """Write the sentences, which README shows, and the decisions, which `across` compares."""
    write_json(answer(results), folder / ANSWER_JSON)
    write_table(table_of(DecisionRow, decision_rows(results)), folder, DECISION_CSV, DecisionRow)


def answer(results: Results) -> dict[str, str]:
    """The content of ``answer.json``, from the results of all recipes.

    Its keys: ``reply`` (yes, no, …; empty where the run cannot tell), ``dropout`` (the same in
    sentences), and ``advice`` (what to use).
    """
    reply, dropout = _on_dropout(results)
    return {"reply": reply, "dropout": dropout, "advice": _advice(results)}


def _on_dropout(results: Results) -> tuple[str, str]:
    """One network with dropout left on against the largest ensemble, both of the main recipe.

    Returns:
        The reply, and sentences: the relation of the two by each measure, and the worth in networks
        of the one.
    """
    cannot_tell = "This run cannot tell whether one network with dropout is as good as many:"
    main = results.for_recipe(results.recipes[0])
    choices = [main.candidate(variant) for variant in main.largest]
    ensembles = [choice for choice in choices if is_ensemble(results, choice)]
    sampled = [
        choice
        for choice in choices
        if DROPOUT in results.names.method(choice.method).needs and choice not in ensembles
    ]
    if not sampled or not ensembles:
        missing = "an ensemble" if sampled else "a method that leaves dropout on"
        return "", f"{cannot_tell} it has no values of {missing}."
    dropout, ensemble, quantities = sampled[0], ensembles[0], judged_by(results)
    measured = [q for q in quantities if results.value(dropout, q) or results.value(ensemble, q)]
    by_measure = relations(results, dropout, ensemble, measured)
    if set(by_measure.values()) <= {Relation.UNTESTED}:
        return "", f"{cannot_tell} the two were not compared."
    given = reply(by_measure.values())
    sentences = [
        f"{given}.",
        f"{label(results, dropout, with_recipe=False)} was compared with an ensemble of "
        f"{networks_of(results, ensemble)} networks on {len(by_measure)} measures.",
    ]
    by_relation: dict[Relation, list[Quantity]] = {relation: [] for relation in Relation}
    for quantity, relation in by_measure.items():
        by_relation[relation].append(quantity)
    for relation in (Relation.WORSE, Relation.BETTER, Relation.AS_GOOD):
        if shown := by_relation[relation]:
            sentences += [f"It is {relation} by {_measures(results, shown)}."]
    if number := len(by_relation[Relation.OPEN]):
        sentences += [f"By {number} measures, no difference was found."]
    if number := len(by_relation[Relation.UNTESTED]):
        sentences += [f"By {number} measures, they were not compared."]
    known = (worth(results, dropout, ensemble, quantity) for quantity in quantities)
    if worths := sorted((bounds[0] for bounds in known if bounds), key=networks):
        least, middle, most = (
            text.replace("<", "less than ").replace(">", "more than ")
            for text in (worths[0], median(worths), worths[-1])
        )
        sentences += [
            f"Its worth in networks is {middle} by the median over measures, and ranges from "
            f"{least} to {most}."
        ]
    return given, " ".join(sentences)


def _measures(results: Results, quantities: Sequence[Quantity]) -> str:
    """The metrics with the conditions, such as ``accuracy (Clean), NLL (Clean and Rotated)``."""
    conditions: dict[str, list[str]] = {}
    for quantity in quantities:
        name = results.names.metric(quantity.metric).label
        name = name if name[1:2].isupper() else f"{name[:1].lower()}{name[1:]}"
        conditions.setdefault(name, []).append(results.label_of(quantity.condition))
    return ", ".join(f"{name} ({listed(labels)})" for name, labels in conditions.items())


def reply(by_measure: Collection[Relation]) -> str:
    """Yes: as good or better by all measures. No: worse by most, or by some and as good by none.

    By a measure without a test it is neither.
    """
    counts = Counter(by_measure)
    worse, good = counts[Relation.WORSE], counts[Relation.BETTER] + counts[Relation.AS_GOOD]
    if good == len(by_measure):
        return "Yes"
    if 2 * worse > len(by_measure) or (worse and not good):
        return "No"
    return "In part" if worse else "Not decided"


def median(ordered: Sequence[str]) -> str:
    """Of sorted worths; of two open or different ends in the middle, the range between them.

    >>> median(["<1", "1.2", "1.6", ">50"]), median(["1.2", ">50"]), median(["<1"])
    ('1.4', '1.2 to >50', '<1')
    """
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    if lower == upper:
        return lower
    if lower.startswith("<") or upper.startswith(">"):
        return f"{lower} to {upper}"
    return f"{(float(lower) + float(upper)) / 2:.2g}"


def _advice(results: Results) -> str:
    """The cheapest choice where one network or any number is trained: a sentence a situation."""
    advised: dict[str, list[str]] = {}
    for decision in decisions(results):
        question = decision.question
        if question.milliseconds is not None or question.networks not in (1, None):
            continue
        kept = [decision.baseline] if decision.keeps and decision.baseline else []
        names = [
            label(results, choice, with_recipe=question.retrains)
            for choice in (*kept, *decision.chosen)
        ]
        several = f", the cheapest of {len(names)}" if len(names) > 1 else ""
        text = f"{'keep ' if kept else ''}{names[0]}{several}" if names else "not decided"
        choices = advised.setdefault(question.situation, [])
        choices.append(f"{text} ({question.images.lower()})")
    return " ".join(f"{situation}: {'; '.join(texts)}." for situation, texts in advised.items())
