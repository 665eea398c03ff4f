"""The answer in a few sentences: whether one network with dropout does as well, and what to use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.files import written_whole
from benchmarks.report.answer.candidates import cost, label
from benchmarks.report.answer.decision import decisions
from benchmarks.report.answer.dropout import OneAndMany, one_and_many
from benchmarks.report.answer.table import DecisionRow, decision_rows
from benchmarks.report.results import Results
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
    found = one_and_many(results)
    return render("answer.json.j2", found=found, told=_told(results, found), use=_use(results))


def _told(results: Results, found: OneAndMany) -> dict[str, Any]:
    """What the template says of one network with dropout and many; ``measures``: by relation."""
    if found.missing:
        return {}
    measures: dict[str, dict[str, list[str]]] = {}
    for quantity, relation in found.relations.items():
        metric = results.names.printed(quantity.metric).name
        conditions = measures.setdefault(relation, {}).setdefault(metric, [])
        conditions.append(results.label_of(quantity.condition))
    return {
        "one": label(results, found.one, of_recipe=False),
        "networks": cost(results, found.many)[0],
        "measures": measures,
    }


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
