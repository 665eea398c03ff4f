"""Which methods are compared, and that no other changes what two differ by."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from benchmarks.inference.comparisons import compare, comparisons_table, image_kind
from benchmarks.inference.differences import UNPAIRED
from benchmarks.inference.evidence import Evidence
from benchmarks.inference.intervals import BORROWED, ONE_REPLICATE, Relations
from benchmarks.predictions import RunUnit
from benchmarks.questions import QUESTIONS, Budgets
from benchmarks.schema import Comparison, table_of, where
from benchmarks.tasks.task import Condition
from benchmarks.vocabulary import SELF_TRAINED
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
        {"swag": 3, "snapshots": 2},
        {"deep_ensemble": (2, 5, 10), "mc_dropout": (10, 50)},
    ),
    single_network_methods=["softmax"],
    further_scores=["knn"],
)

Named = tuple[str, str]
"""A method and its size."""


def units_of(*methods: str, recipe: str = "plain") -> list[RunUnit]:
    return [
        RunUnit(recipe, method, size, replicate)
        for method in methods
        for size, count in SIZES.get(method, {None: 6}).items()
        for replicate in range(count)
    ]


EVERY = units_of(*SIZES)


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


Sides = frozenset[tuple[str, str, str, str]]
"""Of both sides recipe, method, size and score."""


def sides(row: Comparison) -> Sides:
    other = row.other_recipe, row.other_method, row.other_members, row.other_score
    return frozenset([(row.recipe, row.method, row.members, row.score), other])


def pairs(rows: Iterable[Comparison], question: str) -> set[Sides]:
    asked = [sides(row) for row in rows if row.question == question]
    assert len(asked) == len(set(asked))
    return set(asked)


def all_pairs(
    methods: Iterable[Named], recipe: str = "plain", scores: Iterable[str] = ("",)
) -> set[Sides]:
    named = [(recipe, *method, score) for score in scores for method in methods]
    return {frozenset(pair) for pair in combinations(named, 2)}


def test_reason_says_what_the_interval_of_few_replicates_leaves_out() -> None:
    """A pair on the networks of one ensemble does not borrow how ensembles vary."""
    ensembles = frozenset(["deep_ensemble", "scaled_ensemble"])
    relations = replace(RELATIONS, budgets=replace(RELATIONS.budgets, ensembles=ensembles))
    units = units_of("deep_ensemble", "softmax")
    units += [*units_of("one")[:1], RunUnit("plain", "scaled_ensemble", 10, 0)]
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


SHOWN = [
    *(("deep_ensemble", size) for size in ("2", "5", "10")),
    *(("mc_dropout", size) for size in ("10", "50")),
    *((method, "1") for method in ("snapshots", "scaled", "softmax", "swag")),
]
"""No ensemble of one, and no size that is neither usual nor the largest."""

CANDIDATES = {
    "one": [("mc_dropout", "50"), ("scaled", "1"), ("softmax", "1")],
    "few": [("deep_ensemble", "5"), ("mc_dropout", "50")]
    + [(method, "1") for method in ("snapshots", "scaled", "softmax", "swag")],
    "fast": SHOWN,
}
"""By the budget of a question."""


def test_usual_and_compared_sizes_of_a_recipe_are_compared() -> None:
    assert pairs(compared(known(EVERY)), "") == all_pairs(SHOWN)


def test_of_two_recipes_a_network_alone_is_compared() -> None:
    rows = compared(known([*EVERY, *units_of(*SIZES, recipe="relu")]))
    alone = frozenset([("plain", "softmax", "1", ""), ("relu", "softmax", "1", "")])
    assert pairs(rows, "") == all_pairs(SHOWN) | all_pairs(SHOWN, "relu") | {alone}


def test_recipes_with_other_training_images_are_not_compared() -> None:
    evidence = known([*EVERY, *units_of("softmax", recipe="relu")])
    splits = {("relu", "softmax"): "all"}
    assert pairs(compared(evidence, replace(RELATIONS, splits=splits)), "") == all_pairs(SHOWN)


@pytest.mark.parametrize(
    ("shift", "metric", "asked"),
    [
        (CLEAN, "accuracy", {"one-clean", "few-clean", "fast-clean"}),
        (None, "accuracy", {"one-shifted", "few-shifted", "fast-shifted"}),
        (CLEAN, "augrc", {"one-abstain", "few-abstain"}),
        (None, "augrc", {"one-abstain", "few-abstain"}),
        (NOISE, "auroc", {"one-unknown", "few-unknown"}),
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
        methods = [*CANDIDATES[name.partition("-")[0]]]
        by = [] if metric == "accuracy" else [ENTROPY]
        expected = all_pairs(methods, scores=by or [""])
        if name.endswith("unknown"):  # a network alone may rank images by any of its scores
            entrants = [("plain", *method, ENTROPY) for method in methods]
            expected |= {frozenset([("plain", "softmax", "1", "knn"), one]) for one in entrants}
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
    "method of one network": (units_of("new"), {"one", "few", "fast"}),
    "method of three networks": ([u for u in EVERY if u.method == "swag"], {"few", "fast"}),
    "ensemble of ten": ([u for u in EVERY if u.size == 10 and u.method[0] == "d"], {"fast"}),
    "size that nobody runs": ([u for u in EVERY if u.size == 20], set()),
    "recipe": (units_of(*SIZES, recipe="relu"), set()),
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


@pytest.mark.parametrize("method", ["alone", "softmax"])  # its recipe comes first, and last
def test_methods_that_train_themselves_keep_the_interval_of_the_most_rivals(method: str) -> None:
    """Beside another recipe they have fewer rivals, so a narrower interval."""
    own = units_of("mine", "yours", recipe=SELF_TRAINED)
    beside_one, beside_both = (
        where(
            comparisons_table(table_of(Comparison, compared(known([*EVERY, *own, *others])))),
            question="few-clean",
            recipe=SELF_TRAINED,
            other_recipe=SELF_TRAINED,
        ).to_dict("records")
        for others in ([], units_of(method, recipe="relu"))
    )
    assert len(beside_one) == 1
    assert beside_both == beside_one
