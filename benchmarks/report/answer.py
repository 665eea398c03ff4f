"""The answer in sentences: what is best by each measure, and what one network with dropout does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.headline import HEADLINE
from benchmarks.io import write_json
from benchmarks.nouns import Contestant
from benchmarks.report.editorial import ENSEMBLE, PROBABLE, SAMPLED, WITHOUT_BLANKS
from benchmarks.report.number_format import alike, networks
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.pivot import worth_cell
from benchmarks.report.texts import listed
from benchmarks.schema import where
from benchmarks.vocabulary import ANSWER_JSON, CLEAN

NOT_JUDGED = "This run has no answer.csv, as those of version 0.3; the rule judges nothing here."

MOST_NAMES = 6
"""Names in a sentence, before it says how many more there are."""

PURPOSES = {measure.metric: measure.purpose for measure in HEADLINE}
IN_SENTENCES = {"accuracy": "accuracy", "brier": "Brier score"}
"""Measures that are called otherwise than above a column."""


class BestSet(NamedTuple):
    """The set that contains the best of a budget by a measure.

    Attributes:
        stays: the contestants in it, and in which share of redraws each stays, the most first.
        remark: whether one network is in it, or why the set is empty.
    """

    budget: float
    quantity: Quantity
    stays: dict[Contestant, float]
    remark: str

    def sentence(self, results: Results) -> str:
        """For example ``The right class (accuracy, Clean): the best is SWAG (S = 30).``"""
        purpose = PURPOSES[self.quantity.metric].capitalize()
        images = results.label_of(self.quantity.condition)
        names = [results.label(choice) for choice in self.stays]
        if len(names) > MOST_NAMES:
            names[MOST_NAMES:] = [f"{len(names) - MOST_NAMES} more"]
        said = [f"the best is {'one of ' if len(names) > 1 else ''}{listed(names)}"] * bool(names)
        about = f"{purpose} ({_name(results, self.quantity)}, {images})"
        return f"{about}: {'. '.join(filter(None, (*said, self.remark)))}."


def best_sets(results: Results) -> Iterator[BestSet]:
    """Those of each budget by each measure of the headline; none without ``answer.csv``."""
    for budget in results.budgets if not results.answer.empty else ():
        for quantity, own in results.leaders(budget).items():
            rows = ((each, results.standing(each, quantity)) for each in own)
            stays = [(each, row["stays"]) for each, row in rows if row]
            stays.sort(key=lambda pair: (-pair[1], results.label(pair[0])))
            yield BestSet(budget, quantity, dict(stays), _remark(results, budget, quantity, own))


def _remark(results: Results, budget: float, quantity: Quantity, best: list[Contestant]) -> str:
    if not best:
        rows = where(results.answer, budget=budget, metric=quantity.metric)
        reasons = [reason for reason in rows["reason"].unique() if reason]
        return f"not judged{f': {reasons[0]}' if reasons else ''}"
    alone = results.network_alone(budget)
    if alone is None or results.standing(alone, quantity) is None:
        return ""
    is_better = any(results.better(each, quantity) for each in results.judged(budget))
    if alone not in best:
        single = "" if is_better else "; which of the others is better than it is not shown"
        return f"One network is not in this set{single}"
    if is_better:
        return "One network is in this set"
    width = results.detectable_difference(budget, quantity)
    shown = f"; a difference of {width} would have been shown" if width else ""
    return f"Nothing is shown to be better than one network{shown}"


def write_answer(results: Results, folder: Path) -> None:
    """Write the sentences, which README and the page show."""
    write_json(answer(results), folder / ANSWER_JSON)


def answer(results: Results) -> dict[str, Any]:
    """The content of ``answer.json``.

    Its keys: ``short`` (one network with dropout against one without and against many; empty where
    the run has no such), ``best`` (by budget a sentence a measure), and ``blanks`` (what blank
    passes cost; empty where the run cannot tell).
    """
    best: dict[str, list[str]] = {}
    for each in best_sets(results):
        best.setdefault(f"{each.budget:g}", []).append(each.sentence(results))
    least = [v for v in results.contestants if v.budget == results.budgets[0]]
    sampled = [v for v in least if v.method == SAMPLED][-1:]
    return {
        "short": " ".join(chain(*(_on_dropout(results, each) for each in sampled))),
        "best": best,
        "blanks": "".join(_on_blank_passes(results, each) for each in sampled),
    }


def _on_dropout(results: Results, dropout: Contestant) -> Iterator[str]:
    """Whether it is better than one network, its worth, and whether it is as good as many."""
    if results.answer.empty:
        yield NOT_JUDGED
        return
    known = {q: row for q in results.headline if (row := results.standing(dropout, q))}
    against_one: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for quantity, row in known.items():
        if not math.isnan(row["difference"]):
            against_one[results.better(dropout, quantity)].append(_name(results, quantity))
    words = zip(("better", "worse", "not shown to differ"), against_one.values(), strict=True)
    if said := [f"{how} by {listed(names)}" for how, names in words if names]:
        yield f"{results.label(dropout)} against one network: {'; '.join(said)}."
    worth = {_name(results, q): row for q, row in known.items() if row["worth"]}
    sizes = where(results.answer, method=ENSEMBLE)["members"]
    if worth and len(sizes):
        each = [f"{worth_cell(row).text} by {name}" for name, row in worth.items()]
        yield f"Its worth in networks, with 95 % intervals: {', '.join(each)}."
        most = max(map(int, sizes))
        lower = {name: row["worth_lower"] for name, row in worth.items()}
        many = [name for name, text in lower.items() if text and networks(text) >= most]
        yield f"It is shown to be as good as {most} networks by {listed(many) or 'no measure'}."


def _on_blank_passes(results: Results, dropout: Contestant) -> str:
    """What passes cost that drop all channels of a layer, if the run has the contestant without."""
    choices = dropout._replace(method=WITHOUT_BLANKS), dropout, results.network_alone()
    rows = [results.value(each, Quantity(CLEAN, PROBABLE)) for each in choices if each]
    known = [row for row in rows if row]
    if len(known) < len(choices):
        return ""
    half = (known[0]["upper"] - known[0]["lower"]) / 2
    own, article, softmax = alike([row["value"] for row in known], half)
    return (
        f"Some passes of {results.label(dropout)} drop all channels of a layer, and answer every "
        f"image alike. Without them, its NLL of clean images is {own}, with them {article}; one "
        f"network has {softmax}."
    )


def _name(results: Results, quantity: Quantity) -> str:
    """What a measure is called within a sentence."""
    return IN_SENTENCES.get(quantity.metric) or results.names.metric(quantity.metric).label
