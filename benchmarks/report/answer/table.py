"""The table of decisions: a user's situation, what to use, what it gains and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log

from benchmarks.report.answer.decision import Decision, decisions
from benchmarks.report.answer.evidence import Evidence
from benchmarks.report.answer.labels import label
from benchmarks.report.answer.words import costs, gains, use
from benchmarks.report.numbers.cost import main_setup, timed
from benchmarks.report.results import Results
from benchmarks.report.tables.table import Row, Table

RULE = (
    "Decided by tests on the same images (docs/statistics.md): better by a measure and worse by "
    "none, or as good and cheaper."
)


def decision_table(results: Results) -> Table:
    """The table, from the results of all recipes."""
    evidence, made = Evidence(results), decisions(results)
    return Table(
        name="decision",
        caption="Which method to use.",
        group_heading="Situation",
        label_headings=("Judged on", "Use", "Gain", "Cost"),
        headings=(),
        rows=tuple(_rows(evidence, made)),
        remarks=_remarks(results, made),
        widths=(0.12, 0.3, 0.32, 0.2),
    )


def _rows(evidence: Evidence, made: Sequence[Decision]) -> Iterator[Row]:
    """A row a purpose; purposes of a situation with the same answer share one."""
    purposes: dict[tuple[str, ...], list[str]] = {}
    for decision in made:
        texts = (use(evidence, decision), gains(evidence, decision), costs(evidence, decision))
        purposes.setdefault((decision.situation.label, *texts), []).append(decision.purpose.label)
    for (situation, *cells), labels in purposes.items():
        yield Row(situation, (", ".join(labels), *cells), ())


def _remarks(results: Results, made: Sequence[Decision]) -> tuple[str, ...]:
    baselines = dict.fromkeys(label(results, d.baseline) for d in made if d.baseline)
    gain = f"Gain: from {' or '.join(baselines)}, the cheapest choice, to the method used."
    return (
        RULE,
        *([gain] if baselines else []),
        *_measures_remarks(results, made),
        _latency_remark(results),
    )


def _measures_remarks(results: Results, made: Sequence[Decision]) -> Iterator[str]:
    """What a reader needs to judge values of less usual measures."""
    used = {quantity.metric for decision in made for quantity in decision.quantities}
    classes = len(results.names.task.classes)
    if "nll" in used and classes:
        yield f"Equal probabilities for all {classes} classes have an NLL of {log(classes):.2f}."
    if "augrc" in used:
        yield (
            "AUGRC: the share of images that are accepted and wrong, a mean over all shares "
            "abstained on."
        )


def _latency_remark(results: Results) -> str:
    setup = main_setup(results.latency)
    if setup is None:
        return "Latency was not measured in this run."
    gpu = timed(results.latency)["device"].str.startswith("cuda").any()
    none = "" if gpu else " No GPU has been measured."
    return f"Latency: median of single images on {setup.label}.{none}"
