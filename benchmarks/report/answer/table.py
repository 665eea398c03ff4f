"""The table of decisions: a user's situation, what to use, what it gains and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log

from benchmarks.nouns import Variant
from benchmarks.report.answer.candidates import single_image
from benchmarks.report.answer.decision import Decision, decisions
from benchmarks.report.answer.evidence import Evidence
from benchmarks.report.answer.labels import label
from benchmarks.report.answer.words import Advice, advised
from benchmarks.report.number_format import two_digits
from benchmarks.report.numbers.cost import main_setup, timed
from benchmarks.report.results import Results
from benchmarks.report.tables.table import Row, Table

RULE = (
    "A choice beats another if tests show it better by some measure and worse by none. The table "
    "has the choice that beats all others; else those that beat the baseline and are beaten by "
    "none (docs/statistics.md)."
)

WORDS = (
    "As good: worse by less than a margin, if at all. No difference found: tests show neither "
    "this nor a difference."
)


def decision_table(results: Results) -> Table:
    """The table, from the results of all recipes."""
    evidence, made = Evidence(results), decisions(results)
    return Table(
        name="decision",
        caption="Which method to use.",
        group_heading="Situation",
        label_headings=("Judged on", "Use", "Gain", "Cost", "Other choices"),
        headings=(),
        rows=tuple(_rows(evidence, made)),
        remarks=_remarks(results, made),
        widths=(0.1, 0.18, 0.24, 0.2, 0.22),
    )


def _rows(evidence: Evidence, made: Sequence[Decision]) -> Iterator[Row]:
    """A row a recommendation; purposes of a situation with the same answer share theirs."""
    purposes: dict[tuple[str, tuple[Advice, ...]], list[str]] = {}
    for decision in made:
        key = decision.situation.label, advised(evidence, decision)
        purposes.setdefault(key, []).append(decision.purpose.label)
    for (situation, (first, *more)), labels in purposes.items():
        yield Row(situation, (", ".join(labels), *first), ())
        for another in more:
            yield Row(situation, ("", *another), ())


def _remarks(results: Results, made: Sequence[Decision]) -> tuple[str, ...]:
    baselines = dict.fromkeys(d.baseline for d in made if d.baseline)
    named = " or ".join(label(results, one) for one in baselines)
    gain = f"Gains are over the baseline, {named}, through recipe and method together."
    return (
        RULE,
        *([gain, WORDS] if baselines else []),
        *_measures_remarks(results, made),
        _latency_remark(results, [one.variant for one in baselines]),
    )


def _measures_remarks(results: Results, made: Sequence[Decision]) -> Iterator[str]:
    """What a reader needs to judge values of less usual measures."""
    used = {quantity.metric for decision in made for quantity in decision.quantities}
    classes = len(results.names.task.classes)
    if "nll" in used and classes:
        yield f"Equal probabilities for all {classes} classes have an NLL of {log(classes):.2f}."
    if "augrc" in used:
        yield "AUGRC: the share of images that are accepted and wrong, averaged over coverage."


def _latency_remark(results: Results, baselines: Sequence[Variant]) -> str:
    setup = main_setup(results.latency)
    if setup is None:
        return "Latency was not measured in this run."
    gpu = timed(results.latency)["device"].str.startswith("cuda").any()
    timings = [timing for one in baselines if (timing := single_image(results, one)) is not None]
    of_baseline = dict.fromkeys(two_digits(float(timing["p50_ms"])) for timing in timings)
    beside = f"; the baseline takes {' or '.join(of_baseline)} ms" if of_baseline else ""
    none = "" if gpu else " No GPU has been measured."
    return f"Latency: median of single images on {setup.label}{beside}.{none}"
