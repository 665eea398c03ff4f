"""The answer in a few sentences: whether one network with dropout does as well, and what to use."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.io import written_whole
from benchmarks.report.answer.candidates import cost, is_ensemble, label
from benchmarks.report.answer.decision import decisions
from benchmarks.report.answer.evidence import Evidence, Relation, networks
from benchmarks.report.answer.questions import judged_by
from benchmarks.report.answer.table import DecisionRow, decision_rows
from benchmarks.report.editorial import DROPOUT
from benchmarks.report.results import Candidate, Results
from benchmarks.report.texts import render
from benchmarks.schema import table_of, write_table
from benchmarks.vocabulary import ANSWER_JSON, DECISION_CSV


def write_answer(results: Results, folder: Path) -> None:
    """Write the sentences, which README shows, and the decisions, which `across` compares."""
    with written_whole(folder / ANSWER_JSON) as temporary:
        temporary.write_text(_rendered(results), encoding="utf-8")
    write_table(table_of(DecisionRow, decision_rows(results)), folder, DECISION_CSV, DecisionRow)


def answer(results: Results) -> Mapping[str, str]:
    """The content of ``answer.json``, from the results of all recipes.

    Its keys: ``reply`` (yes, no, …; empty where the run cannot tell), ``dropout`` (the same in
    sentences), and ``advice`` (what to use).
    """
    return dict(json.loads(_rendered(results)))


def _rendered(results: Results) -> str:
    return render("answer.json.j2", found=_on_dropout(results), use=_use(results))


def _on_dropout(results: Results) -> dict[str, Any]:
    """One network with dropout left on against the largest ensemble, both of the main recipe.

    Returns:
        ``missing``: why the run cannot tell; else the reply, what ``one`` is called, how many
        ``networks`` it is compared with, the ``measures`` by relation, metric and condition, how
        many there are (``count``), and the least, median and largest ``worth``.
    """
    main, evidence = results.recipes[0], Evidence(results)
    of_main = [Candidate(main, *variant) for variant in results.of_recipe(main).largest]
    ensembles = [choice for choice in of_main if is_ensemble(results, choice)]
    sampled = [
        choice
        for choice in of_main
        if DROPOUT in results.names.method(choice.method).needs and choice not in ensembles
    ]
    if not sampled or not ensembles:
        missing = "an ensemble" if sampled else "a method that leaves dropout on"
        return {"missing": f"it has no values of {missing}"}
    one, many, quantities = sampled[0], ensembles[0], judged_by(results)
    measured = [q for q in quantities if results.value(one, q) or results.value(many, q)]
    relations = evidence.relations(one, many, measured)
    if set(relations.values()) <= {Relation.UNTESTED}:
        return {"missing": "the two were not compared"}
    measures: dict[str, dict[str, list[str]]] = {}
    for quantity, relation in relations.items():
        metric = results.names.printed(quantity.metric).name
        conditions = measures.setdefault(relation, {}).setdefault(metric, [])
        conditions.append(results.label_of(quantity.condition))
    found = (evidence.worth(one, many, quantity) for quantity in quantities)
    worths = sorted((worth[0] for worth in found if worth), key=networks)
    return {
        "reply": reply(relations.values()),
        "one": label(results, one, of_recipe=False),
        "networks": cost(results, many)[0],
        "count": len(relations),
        "measures": measures,
        "worth": (worths[0], median(worths), worths[-1]) if worths else (),
    }


def reply(relations: Collection[Relation]) -> str:
    """Yes: as good or better by all measures. No: worse by most, or by some and as good by none.

    By a measure without a test it is neither.
    """
    counts = Counter(relations)
    worse, good = counts[Relation.WORSE], counts[Relation.BETTER] + counts[Relation.AS_GOOD]
    if good == len(relations):
        return "Yes"
    if 2 * worse > len(relations) or (worse and not good):
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


def _use(results: Results) -> dict[str, dict[str, str]]:
    """By situation and images, the cheapest choice where one network or any number is trained."""
    use: dict[str, dict[str, str]] = {}
    for decision in decisions(results):
        question = decision.question
        if question.milliseconds is not None or question.networks not in (1, None):
            continue
        kept = [decision.baseline] if decision.keeps and decision.baseline else []
        names = [
            label(results, choice, of_recipe=question.retrains)
            for choice in (*kept, *decision.chosen)
        ]
        several = f", the cheapest of {len(names)}" if len(names) > 1 else ""
        text = f"{'keep ' if kept else ''}{names[0]}{several}" if names else "not decided"
        use.setdefault(question.situation, {})[question.images] = text
    return use
