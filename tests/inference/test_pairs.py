"""Which methods are compared, and that no other changes what two differ by."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from benchmarks.inference.comparisons import compare, image_kind
from benchmarks.inference.differences import UNPAIRED
from benchmarks.inference.evidence import Evidence
from benchmarks.inference.intervals import BORROWED, ONE_REPLICATE, Relations
from benchmarks.predictions import RunUnit
from benchmarks.questions import QUESTIONS, Budgets
from benchmarks.schema import Comparison
from benchmarks.tasks.task import Condition
from tests.measuring import known_of
from tests.runs import CONDITIONS

IMAGES = 150
CLEAN, NOISE = CONDITIONS["clean"], CONDITIONS["ood-uniform_noise"]
ENTROPY = "predictive_entropy"

SIZES = {
    "deep_ensemble": {1: 10, 2: 5, 5: 2, 10: 1},
    "mc_dropout": {10: 6, 20: 6, 50: 6},
    "snapshots": {None: 5},
    "scaled": {None: 6},
    "softmax": {None: 6},
    "swag": {None: 5},
}
"""By method the replicates of each size."""

RELATIONS = Relations(
    Budgets(
        frozenset(["deep_ensemble"]),
        {"deep_ensemble": (2, 5, 10), "mc_dropout": (10, 50)},
    ),
    single_network_methods=["softmax"],
    further_scores=["knn"],
)

Named = tuple[str, str, float]
"""A method, its size and its budget."""


def units_of(*methods: str, budget: float = 1) -> list[RunUnit]:
    """Ensembles are of networks of budget 1."""
    return [
        RunUnit(method, size, size if "ensemble" in method and size else budget, replicate)
        for method in methods
        for size, count in SIZES.get(method, {None: 6}).items()
        for replicate in range(count)
    ]


DIVIDED = [
    RunUnit("deep_ensemble", size, budget, replicate)
    for size, budget in ((2, 1), (10, 5))
    for replicate in range(5)
]
"""Ensembles of networks that are half-trained each."""

EVERY = [*units_of(*SIZES), *units_of("mc_dropout", "softmax", budget=5), *DIVIDED]


def known(
    units: Iterable[RunUnit],
    shift: Condition | None = CLEAN,
    metric: str = "accuracy",
    ensemble_methods: Collection[str] = RELATIONS.budgets.ensembles,
) -> Evidence:
    """One metric of these; by a score if it ranks images: the entropy, of softmax `knn` too."""
    losses = {}
    common = np.random.default_rng(0).normal(size=IMAGES)
    for unit in units:
        random = np.random.default_rng([unit.replicate, unit.size or 0, *unit.variant.encode()])
        skill = 0.1 * random.normal() + (0.1 if unit.method == "deep_ensemble" else 0)
        own = {ENTROPY, *(["knn"] if unit.method == "softmax" else [])}
        losses[unit] = {
            (metric, score if metric in ("auroc", "augrc") else ""): common
            + skill
            + random.normal(size=IMAGES)
            for score in sorted(own)
        }
    return known_of(losses, shift, "" if shift else "rotated", ensemble_methods)


def compared(evidence: Evidence, relations: Relations = RELATIONS) -> list[Comparison]:
    return compare(evidence, list(evidence.members), relations).comparisons


Sides = frozenset[tuple[str, str, float, str]]
"""Of both sides method, size, budget and score."""


def sides(row: Comparison) -> Sides:
    other = row.other_method, row.other_members, row.other_budget, row.other_score
    return frozenset([(row.method, row.members, row.budget, row.score), other])


def pairs(rows: Iterable[Comparison], question: str) -> set[Sides]:
    asked = [sides(row) for row in rows if row.question == question]
    assert len(asked) == len(set(asked))
    return set(asked)


def all_pairs(methods: Iterable[Named], score: str = "") -> set[Sides]:
    return {frozenset(pair) for pair in combinations([(*each, score) for each in methods], 2)}


def test_reason_says_what_the_interval_of_few_replicates_leaves_out() -> None:
    """A pair on the networks of one ensemble does not borrow how ensembles vary."""
    ensembles = frozenset(["deep_ensemble", "scaled_ensemble"])
    relations = replace(RELATIONS, budgets=replace(RELATIONS.budgets, ensembles=ensembles))
    units = units_of("deep_ensemble", "softmax")
    units += [*units_of("one")[:1], RunUnit("scaled_ensemble", 10, 10, 0)]
    rows = compared(known(units, ensemble_methods=ensembles), relations)
    reasons = {
        (row.method, row.other_method): row.reason
        for row in rows
        if not row.question and row.members == "10" and row.other_members in ("1", "10")
    }
    assert reasons == {
        ("deep_ensemble", "softmax"): BORROWED.format(2),
        ("deep_ensemble", "one"): ONE_REPLICATE,
        ("deep_ensemble", "scaled_ensemble"): ONE_REPLICATE,
        ("scaled_ensemble", "softmax"): ONE_REPLICATE,
    }
    (row,) = compared(known([*units_of("scaled")[1:], *units_of("softmax")[:1]]))[:1]
    assert row.reason == f"{UNPAIRED}; {ONE_REPLICATE}"


ENSEMBLES: list[Named] = [("deep_ensemble", str(size), size) for size in (2, 5, 10)]
"""No ensemble of one."""

OF_ONE: list[Named] = [
    *(("deep_ensemble", "2", 1), ("mc_dropout", "50", 1)),
    *((method, "1", 1) for method in ("snapshots", "scaled", "softmax", "swag")),
]
OF_FIVE: list[Named] = [
    *(("deep_ensemble", "5", 5), ("deep_ensemble", "10", 5)),
    *(("mc_dropout", "50", 5), ("softmax", "1", 5)),
]
FEWER_PASSES: list[Named] = [("mc_dropout", "10", budget) for budget in (1, 5)]
"""A usual size, but not the largest; no other is shown."""

CANDIDATES = {
    "one": OF_ONE,
    "five": OF_FIVE,
    "fast": list(dict.fromkeys([*ENSEMBLES, *OF_ONE, *OF_FIVE, *FEWER_PASSES])),
}
"""By the budget of a question."""


def test_who_is_compared_by_a_measure_that_no_question_asks_about() -> None:
    """Methods of a budget, ensembles of the scale with all, and a method at two budgets."""
    few_of_one, few_of_five = FEWER_PASSES
    expected = all_pairs([*OF_ONE, few_of_one]) | all_pairs([*OF_FIVE, few_of_five])
    sides_of_all = [(*each, "") for each in CANDIDATES["fast"]]
    expected |= {
        frozenset([(*ensemble, ""), one])
        for ensemble in ENSEMBLES
        for one in sides_of_all
        if one[:3] != ensemble
    }
    for method, size in (("softmax", "1"), ("mc_dropout", "10"), ("mc_dropout", "50")):
        expected |= all_pairs([(method, size, 1), (method, size, 5)])
    assert pairs(compared(known(EVERY, metric="brier")), "") == expected


def test_methods_with_other_training_images_are_compared_at_their_budgets_alone() -> None:
    alone = all_pairs([("softmax", "1", 1), ("softmax", "1", 5)])
    found = pairs(compared(known(EVERY), replace(RELATIONS, splits={"softmax": "all"})), "")
    assert {pair for pair in found if "softmax" in {side[0] for side in pair}} == alone


@pytest.mark.parametrize(
    ("shift", "metric", "asked"),
    [
        (CLEAN, "accuracy", {"one-clean", "five-clean", "fast-clean"}),
        (None, "accuracy", {"one-shifted", "five-shifted", "fast-shifted"}),
        (CLEAN, "augrc", {"one-abstain", "five-abstain"}),
        (None, "augrc", {"one-abstain", "five-abstain"}),
        (NOISE, "auroc", {"one-unknown", "five-unknown"}),
        (CLEAN, "brier", set()),
        (CONDITIONS["rotated-045"], "accuracy", set()),
    ],
)
def test_questions_have_all_pairs_of_their_candidates(
    shift: Condition | None, metric: str, asked: set[str]
) -> None:
    rows = compared(known(EVERY, shift, metric))
    assert {row.question for row in rows} == {"", *asked}
    for name in asked:
        methods = CANDIDATES[name.partition("-")[0]]
        expected = all_pairs(methods, "" if metric == "accuracy" else ENTROPY)
        if name.endswith("unknown"):  # a network alone may rank images by any of its scores
            by_knn = ("softmax", "1", methods[0][-1], "knn")
            expected |= {frozenset([by_knn, (*method, ENTROPY)]) for method in methods}
        assert pairs(rows, name) == expected


def test_questions_are_about_the_images_that_decide() -> None:
    def kind(name: str) -> str | None:
        return image_kind(Evidence(name, CONDITIONS[name], CONDITIONS[name].group))

    assert [kind(name) for name in ("clean", NOISE.name)] == ["clean", "out-of-distribution"]
    assert {kind(name) for name in ("rotated-045", "subset-clean")} == {None}
    means = [Evidence("mean", None, "group", headline) for headline in (True, False)]
    assert [image_kind(each) for each in means] == ["shifted", None]


def numbers(row: Comparison) -> tuple[object, ...]:
    return row.difference, row.lower, row.upper, row.verdict, row.reason


NEWCOMERS = {
    "method of one network": (units_of("new"), {"one", "fast"}),
    "longer training": (units_of("swag", budget=5), {"five", "fast"}),
    "budget that nobody asks about": (units_of("swag", budget=3), {"fast"}),
    "ensemble of ten": ([u for u in EVERY if u.size == 10 and u.budget == 10], {"fast"}),
    "divided budget": ([u for u in DIVIDED if u.size == 10], {"five", "fast"}),
    "size that nobody runs": ([u for u in EVERY if u.size == 20], set()),
}
"""Whom a run may have too, and the budgets of the questions that they enter."""


@pytest.mark.parametrize("name", NEWCOMERS)
@pytest.mark.parametrize(
    ("shift", "metric"), [(CLEAN, "accuracy"), (None, "augrc"), (NOISE, "auroc")]
)
def test_a_newcomer_changes_intervals_only_in_the_questions_that_it_enters(
    name: str, shift: Condition | None, metric: str
) -> None:
    newcomers, entered = NEWCOMERS[name]
    others = [unit for unit in EVERY if unit not in newcomers]
    before, after = (
        {(row.question, sides(row)): numbers(row) for row in compared(known(units, shift, metric))}
        for units in (others, [*others, *newcomers])
    )
    assert before.keys() <= after.keys()
    changed = {
        question for question, own in before if before[question, own] != after[question, own]
    }
    asked = {question.name for question in QUESTIONS} & {question for question, _ in before}
    assert changed == {name for name in asked if name.partition("-")[0] in entered}
