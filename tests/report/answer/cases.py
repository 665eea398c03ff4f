"""Runs that are made up of what tests say, so that each branch of a decision can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace

import pandas as pd

from benchmarks.report.results import Candidate, Quantity, Results
from benchmarks.schema import Comparison, WorthRow, table_of
from tests.made_up import LATENCY
from tests.report.support import nouns

SOFTMAX, DROPOUT = (
    Candidate("standard", "softmax", "1"),
    Candidate("standard", "mc_dropout", "100"),
)
FIVE, FIFTY = (Candidate("standard", "deep_ensemble", size) for size in ("5", "50"))
PLAIN = Candidate("plain", "softmax", "1")

CLEAN = [Quantity("clean", "accuracy"), Quantity("clean", "nll")]
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

BETTER, WORSE, AS_GOOD, OPEN = "better", "worse", "as good", "open"
"""What a test of two choices may say."""

_GAIN = {"accuracy": 0.01, "nll": -0.01, "augrc": -0.0005, "auroc": 0.05}
_GAIN["error_at_coverage_90"] = -0.001


def named(candidate: Candidate) -> dict[str, str]:
    """The columns that name a choice, its score left out."""
    return dict(zip(("recipe", "method", "members"), candidate, strict=False))


def compared(
    one: Candidate, other: Candidate, quantities: Iterable[Quantity], said: str
) -> list[Comparison]:
    """The rows of two choices by some measures, about all of which tests say the same."""
    return [_row(one, other, quantity, said) for quantity in quantities]


def _row(one: Candidate, other: Candidate, quantity: Quantity, said: str) -> Comparison:
    gain = _GAIN[quantity.metric]
    return Comparison(
        **{"family": "main", "split": "training", "images": 10_000},
        **named(one),
        **{f"other_{name}": value for name, value in named(other).items()},
        **quantity._asdict() | ({"score": one.score} if one.score else {}),
        other_score="" if one.score == other.score else other.score or quantity.score,
        difference={BETTER: gain, WORSE: -gain}.get(said, gain / 100),
        p_value=0.001 if said in (BETTER, WORSE) else 0.5,
        p_equivalent=0.01 if said == AS_GOOD else 0.4,
        p_not_worse=0.01 if said == AS_GOOD else 0.4,
        p_not_better=0.01 if said == AS_GOOD else 0.4,
    )


def worth(
    one: Candidate, quantities: Iterable[Quantity], text: str, lower: str, upper: str
) -> list[WorthRow]:
    """What a choice is worth in ensembles of `standard`."""
    return [
        WorthRow(
            *one[:3],
            *(quantity.condition, quantity.score, quantity.metric),
            *("standard", "deep_ensemble", text, lower, upper),
            images=10_000,
        )
        for quantity in quantities
    ]


def run(
    measured: Mapping[Candidate, Sequence[Quantity]],
    comparisons: Iterable[Comparison] = (),
    worths: Iterable[WorthRow] = (),
    milliseconds: Mapping[Candidate, float] | None = None,
) -> Results:
    """The results of a run.

    Args:
        measured: the measures that each choice has a value of.
        milliseconds: in which half of single images are answered, 99 % of them in twice the time.
    """
    recipes = tuple(dict.fromkeys(one.recipe for one in measured))
    conditions = ("rotated-030", "rotated-045", "ood-kmnist", "ood-*_noise")
    summary = [
        {**named(one), **quantity._asdict(), "value": VALUES[quantity.metric]}
        for one, quantities in measured.items()
        for quantity in quantities
    ]
    table = pd.DataFrame(summary).assign(status="ok", reason="", replicates=10, images=10_000)
    half = table["metric"].map({name: 0.1 * abs(value) for name, value in _GAIN.items()})
    tested = [replace(row, p_holm=row.p_value) for row in comparisons]
    times = [
        replace(
            *(LATENCY,),
            **{"method": one.method, "members": one.members, "p50_ms": ms, "p99_ms": 2 * ms},
        )
        for one, ms in (milliseconds or {}).items()
    ]
    return Results(
        table.assign(lower=table["value"] - half, upper=table["value"] + half),
        nouns(recipes=recipes, conditions=conditions, members=(5, 50), passes=(20, 100)),
        comparisons=table_of(Comparison, tested),
        worth=pd.DataFrame([asdict(row) for row in worths]),
        latency=pd.DataFrame([asdict(row) for row in times]),
    )
