"""Runs that are made up of what intervals say, so that each branch of a decision can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace

import pandas as pd

from benchmarks.questions import QUESTIONS, Question
from benchmarks.report.answer.decision import Decision, decide
from benchmarks.report.results import Candidate, Quantity, Results
from benchmarks.schema import Comparison, WorthRow, table_of
from benchmarks.vocabulary import BETTER as BETTER_VERDICTS
from benchmarks.vocabulary import WORSE as WORSE_VERDICTS
from benchmarks.vocabulary import Verdict
from tests.made_up import LATENCY
from tests.report.support import nouns

SOFTMAX, DROPOUT = Candidate("softmax", "1"), Candidate("mc_dropout", "100")
SCALED, LAPLACE = Candidate("temperature_scaling", "1"), Candidate("laplace_last_layer", "")
SWAG = Candidate("swag", "30")
TWO, FIVE, FIFTY = (Candidate("deep_ensemble", f"{size}", float(size)) for size in (2, 5, 50))
LONGER, DROPOUT_LONGER = (one._replace(budget=5.0) for one in (SOFTMAX, DROPOUT))
HALVES = Candidate("deep_ensemble", "10", 5.0)

CLEAN = [Quantity("clean", "accuracy"), Quantity("clean", "nll")]
ACCURACY, NLL = CLEAN
SHIFTED = [Quantity("rotated-mean", "accuracy"), Quantity("rotated-mean", "nll")]
AUGRC = [
    Quantity(condition, "augrc", "predictive_entropy") for condition in ("clean", "rotated-mean")
]
AUROC = [
    Quantity(condition, "auroc", "predictive_entropy")
    for condition in ("ood-kmnist", "ood-uniform_noise", "ood-gaussian_noise")
]

VALUES = {"accuracy": 0.98, "nll": 0.05, "augrc": 0.001, "auroc": 0.9}
VALUES["error_at_coverage_90"] = 0.002

BETTER, WORSE, AS_GOOD, OPEN = Verdict.BETTER, Verdict.WORSE, Verdict.AS_GOOD, Verdict.OPEN

_GAIN = {"accuracy": 0.01, "nll": -0.01, "augrc": -0.0005, "auroc": 0.05}
_GAIN["error_at_coverage_90"] = -0.001

ONE_CLEAN, ONE_SHIFTED, ONE_ABSTAIN, ONE_UNKNOWN = (
    question.name for question in QUESTIONS if question.budget == 1
)
FIVE_CLEAN, *_ = (question.name for question in QUESTIONS if question.budget == 5)
FAST_CLEAN, *_ = (question.name for question in QUESTIONS if question.budget is None)


def named(candidate: Candidate) -> dict[str, object]:
    """The columns that name a choice, its score left out."""
    return candidate.variant._asdict()


def compared(
    one: Candidate,
    other: Candidate,
    quantities: Iterable[Quantity],
    said: Verdict | str,
    question: str = "",
) -> list[Comparison]:
    """The rows of two choices by some measures, about all of which intervals say the same."""
    return [_row(one, other, quantity, said, question) for quantity in quantities]


def _row(
    one: Candidate, other: Candidate, quantity: Quantity, said: Verdict | str, question: str
) -> Comparison:
    gain = _GAIN[quantity.metric]
    difference = (
        gain if said in BETTER_VERDICTS else -gain if said in WORSE_VERDICTS else gain / 100
    )
    half = abs(gain) / 2
    return Comparison(
        **named(one),
        **{f"other_{name}": value for name, value in named(other).items()},
        **quantity._replace(score=one.score or quantity.score)._asdict(),
        other_score=other.score or quantity.score,
        question=question,
        difference=difference,
        lower=difference - half,
        upper=difference + half,
        verdict=said,
        images=10_000,
    )


def ranked(
    order: Sequence[Sequence[Candidate]], quantities: Iterable[Quantity], question: str
) -> list[Comparison]:
    """The rows of a question: groups of candidates, each better than all later; alike within."""
    flat = [(place, one) for place, group in enumerate(order) for one in group]
    return [
        row
        for position, (place, one) in enumerate(flat)
        for later, other in flat[position + 1 :]
        for row in compared(one, other, quantities, BETTER if later > place else OPEN, question)
    ]


def worth(
    one: Candidate, quantities: Iterable[Quantity], text: str, lower: str, upper: str
) -> list[WorthRow]:
    """What a choice is worth in networks of deep ensembles."""
    return [
        WorthRow(
            *one[:3],
            *(quantity.condition, quantity.score, quantity.metric),
            *("deep_ensemble", text, lower, upper),
            images=10_000,
        )
        for quantity in quantities
    ]


def run(
    measured: Mapping[Candidate, Sequence[Quantity]],
    comparisons: Iterable[Comparison] = (),
    worths: Iterable[WorthRow] = (),
    milliseconds: Mapping[Candidate, float] | None = None,
    values: Mapping[tuple[Candidate, Quantity], float] | None = None,
) -> Results:
    """The results of a run.

    Args:
        measured: the measures that each choice has a value of.
        milliseconds: in which half of single images are answered, 99 % of them in twice the time.
        values: those that are not as in `VALUES`.
    """
    conditions = ("rotated-030", "rotated-045", "ood-kmnist", "ood-*_noise")
    own = values or {}
    summary = [
        {**named(one), **quantity._asdict()}
        | {"value": own.get((one, quantity), VALUES[quantity.metric])}
        for one, quantities in measured.items()
        for quantity in quantities
    ]
    table = pd.DataFrame(summary).assign(status="ok", reason="", replicates=10, images=10_000)
    half = table["metric"].map({name: 0.1 * abs(value) for name, value in _GAIN.items()})
    times = [
        replace(
            *(LATENCY,),
            **{"method": one.method, "members": one.members, "p50_ms": ms, "p99_ms": 2 * ms},
            **{"p50_lower_ms": 0.99 * ms, "p50_upper_ms": 1.01 * ms},
        )
        for one, ms in (milliseconds or {}).items()
    ]
    return Results(
        table.assign(lower=table["value"] - half, upper=table["value"] + half),
        nouns(conditions=conditions, members=(5, 50), passes=(20, 100)),
        comparisons=table_of(Comparison, comparisons),
        worth=pd.DataFrame([asdict(row) for row in worths]),
        latency=pd.DataFrame([asdict(row) for row in times]),
    )


def question_of(name: str) -> Question:
    """The question of this name."""
    (question,) = (question for question in QUESTIONS if question.name == name)
    return question


def decided(results: Results, name: str) -> Decision:
    """The answer to a question."""
    return decide(results, question_of(name))
