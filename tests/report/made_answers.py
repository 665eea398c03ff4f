"""Runs in which the answer says what a test, or chance, makes it say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.nouns import ConditionRecord, Contestant
from benchmarks.report.results import Quantity, Results
from methods import METHODS
from tests.report.support import NAMES, answers

CONDITIONS = (
    ConditionRecord("clean", "Clean", group="clean"),
    ConditionRecord("blur", "Blur", group="blurs", in_mean=True),
    ConditionRecord("blurs-mean", "Blurs", group="blurs", is_mean=True),
    ConditionRecord("greek", "Greek", group="letters", labels="none", in_mean=True),
    ConditionRecord("letters-mean", "Letters", group="letters", labels="none", is_mean=True),
)
NLL, AUROC = Quantity("clean", "nll"), Quantity("letters-mean", "auroc")
HEADLINE = (
    *(Quantity("clean", "accuracy"), NLL),
    *(Quantity("blurs-mean", metric) for metric in ("brier", "augrc")),
    AUROC,
)
OTHERS = (Quantity("blurs-mean", "nll"), Quantity("blur", "brier"), Quantity("greek", "auroc"))

SOFTMAX, DROPOUT = Contestant("softmax", "1"), Contestant("mc_dropout", "100")
FIVE, FIFTY = (Contestant("deep_ensemble", f"{size}", float(size)) for size in (5, 50))
ENERGY, KNN = (SOFTMAX._replace(score=score) for score in ("energy", "knn"))
LONGER = [one._replace(budget=5.0) for one in (SOFTMAX, DROPOUT)]
FEW = [SOFTMAX, DROPOUT, ENERGY, KNN, *LONGER, FIVE, FIFTY]
MANY = [
    *FEW,
    *(
        Contestant(name, "exact" if "exact" in name else "1")
        for name in METHODS
        if name not in {one.method for one in FEW}
    ),
]


def named(choice: Contestant, quantity: Quantity) -> dict[str, object]:
    """The columns of a choice and a measure."""
    needs = NAMES.metric(quantity.metric).needs
    score = choice.score or NAMES.method(choice.method).primary_score
    own = quantity._asdict() | choice._asdict()
    return own | {"score": score if "score" in needs else ""}


def made(
    choices: Sequence[Contestant], said: Mapping[tuple[Contestant, Quantity], Mapping[str, Any]]
) -> Results:
    """A run in which the answer says these things, and no others."""
    value = {"value": 0.5, "lower": 0.4, "upper": 0.6, "replicates": 5, "images": 80}
    pairs = [(one, quantity) for one in choices for quantity in (*HEADLINE, *OTHERS)]
    return Results(
        pd.DataFrame(named(*pair) | value | {"status": "ok", "reason": ""} for pair in pairs),
        replace(NAMES, conditions=CONDITIONS),
        answer=answers(named(*pair) | {"best": "no"} | {**own} for pair, own in said.items()),
    )


def by_chance(choices: Sequence[Contestant], seed: int) -> Results:
    """A run in which chance says who is best and who is better."""
    random = np.random.default_rng(seed)
    said: dict[tuple[Contestant, Quantity], dict[str, Any]] = {}
    for choice in choices:
        for quantity in [AUROC] if choice.score else HEADLINE:
            middle, half = random.normal(), abs(random.normal())
            said[choice, quantity] = {
                **{
                    "best": "yes" if random.random() < 2 / len(choices) else "no",
                    "difference": middle,
                },
                **{"difference_lower": middle - half, "difference_upper": middle + half},
                **{"worth": "2.5" if middle < 1 else "", "worth_lower": "<1", "worth_upper": "7"},
            }
            if choice == FIFTY:
                said[choice, quantity] |= dict.fromkeys(("difference_lower", "difference_upper"))
                said[choice, quantity] |= {"best": "", "reason": "of no budget of the run"}
    return made(choices, said)
