"""Which method of a table is called the best, and which ones are told from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pandas as pd
import pytest

from benchmarks.nouns import MethodRecord, Variant
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.pivot import compared_cells
from benchmarks.report.tables.table import BEST, UNCOMPARED, Table, markdown
from benchmarks.vocabulary import Verdict
from tests.report.support import NAMES, comparisons, table_named

BETTER, BETTER_WITHIN, WORSE = Verdict.BETTER, Verdict.BETTER_WITHIN, Verdict.WORSE
AS_GOOD, OPEN = Verdict.AS_GOOD, Verdict.OPEN


def row_of(
    method: str, members: str, value: float, *, metric: str = "accuracy", budget: float = 0.0
) -> dict[str, object]:
    natural = NAMES.natural(method, members)
    return {
        **{**natural._asdict(), "budget": budget or natural.budget, "condition": "clean"},
        **{"score": "", "metric": metric, "value": value, "lower": value - 0.01},
        **{"upper": value + 0.01, "replicates": 1, "images": 80, "status": "ok", "reason": ""},
    }


def compared(
    one: str,
    other: str,
    verdict: str,
    *,
    metric: str = "accuracy",
    budgets: tuple[float, float] | None = None,
    question: str = "",
) -> dict[str, object]:
    sides = [NAMES.natural(*side.split()) for side in (one, other)]
    if budgets:
        sides = [side._replace(budget=own) for side, own in zip(sides, budgets, strict=True)]
    names = {f"other_{name}": value for name, value in sides[1]._asdict().items()}
    said = {"metric": metric, "verdict": verdict, "question": question}
    return {**sides[0]._asdict(), **names, **said}


def calibration_of(rows: Sequence[dict[str, object]], tests: Sequence[dict[str, object]]) -> Table:
    results = Results(pd.DataFrame(rows), NAMES, comparisons(tests))
    return table_named(results, "calibration")


def verdicts(rows: Sequence[dict[str, object]], tests: Sequence[dict[str, object]]) -> list[str]:
    return [row.cells[0].verdict for row in calibration_of(rows, tests).rows]


VALUES = [
    row_of("softmax", "1", 0.90),
    row_of("mc_dropout", "20", 0.99),
    row_of("mc_dropout", "50", 0.92),
    row_of("deep_ensemble", "50", 0.94),
]


@pytest.mark.parametrize(
    ("of_dropout", "of_softmax", "expected"),
    [
        (OPEN, BETTER, ["", "not compared", "open", "best"]),
        (BETTER, "", ["not compared", "not compared", "", "best"]),
        (AS_GOOD, BETTER_WITHIN, ["as good", "not compared", "as good", "best"]),
    ],
)
def test_best_is_marked_and_whatever_is_not_worse(
    of_dropout: str, of_softmax: str, expected: list[str]
) -> None:
    """A size that was compared with its own method only cannot be the best."""
    tests = [
        compared("deep_ensemble 50", "mc_dropout 50", of_dropout),
        compared("deep_ensemble 50", "softmax 1", of_softmax),
        compared("mc_dropout 50", "softmax 1", OPEN),
        compared("mc_dropout 20", "mc_dropout 50", OPEN),
    ]
    assert verdicts(VALUES, tests) == expected
    assert verdicts(VALUES, []) == [""] * 4


def test_sides_may_be_exchanged_and_intervals_of_questions_mark_nothing() -> None:
    rows = [row for row in VALUES if row["members"] != "20"]
    tests = [
        compared("mc_dropout 50", "deep_ensemble 50", WORSE),
        compared("softmax 1", "deep_ensemble 50", OPEN),
        compared("mc_dropout 50", "softmax 1", OPEN),
        compared("deep_ensemble 50", "softmax 1", BETTER, question="one-clean"),
    ]
    assert verdicts(rows, tests) == ["open", "", "best"]


def test_less_is_better_where_the_arrow_is_down_and_ill_defined_labels_win_nothing() -> None:
    tests = [compared("deep_ensemble 50", "softmax 1", WORSE, metric="nll")]
    rows = [
        row_of("softmax", "1", 0.2, metric="nll"),
        row_of("deep_ensemble", "50", 0.3, metric="nll"),
    ]
    assert verdicts(rows, tests) == ["best", ""]
    rows[0]["status"] = "ill-defined labels"
    assert verdicts(rows, tests) == ["", ""]
    assert markdown(calibration_of(rows, tests)).count("†") == 1


@pytest.mark.parametrize(
    ("metric", "value", "guessing"),
    [
        ("nll", 2.32, "NLL 2.303"),  # more than log 10 by all of the interval, ± 0.01
        ("nll", 2.31, ""),
        ("accuracy", 0.08, "Accuracy 0.100"),
        ("accuracy", 0.095, ""),
        ("ece", 0.9, ""),
    ],
)
def test_value_is_marked_whose_interval_is_worse_than_guessing(
    metric: str, value: float, guessing: str
) -> None:
    shown = calibration_of([row_of("softmax", "1", value, metric=metric)], [])
    assert [cell.guessing for cell in shown.rows[0].cells] == [guessing]


def test_biased_measures_have_no_verdict_and_a_remark() -> None:
    rows = [row_of(method, "50", 0.1, metric="ece") for method in ("mc_dropout", "deep_ensemble")]
    table = calibration_of(rows, [compared("deep_ensemble 50", "mc_dropout 50", "", metric="ece")])
    assert {cell.verdict for row in table.rows for cell in row.cells} == {""}
    assert "neither bold nor compared" in markdown(table)


def test_best_is_the_best_of_its_budget() -> None:
    """The table has a block of rows a budget, and one of ensembles of more networks."""
    methods = "softmax", "temperature_scaling"
    values = {1.0: (0.90, 0.91), 5.0: (0.99, 0.98)}
    rows = [
        row_of(method, "1", value, budget=budget)
        for budget, own in values.items()
        for method, value in zip(methods, own, strict=True)
    ]
    rows += [
        row_of("deep_ensemble", "5", 0.97, budget=5),
        row_of("deep_ensemble", "50", 1, budget=50),
    ]
    tests = [
        compared("softmax 1", "temperature_scaling 1", said, budgets=(budget, budget))
        for budget, said in ((1, WORSE), (5, BETTER))
    ]
    tests += [compared("softmax 1", "softmax 1", WORSE, budgets=(1, 5))]
    tests += [compared("softmax 1", "deep_ensemble 50", WORSE, budgets=(5, 50))]
    table = calibration_of(rows, tests)
    found = [(row.block, row.labels[0], row.cells[0].verdict) for row in table.rows]
    softmax, scaled, five, fifty = (
        NAMES.label(Variant(*one))
        for one in (
            *(("softmax", "1", 5.0), ("temperature_scaling", "1", 5.0)),
            *(("deep_ensemble", "5", 5.0), ("deep_ensemble", "50", 50.0)),
        )
    )
    assert found == [
        *(("Budget 1", "Softmax", ""), ("Budget 1", "Temperature scaling", BEST)),
        *(("Budget 5", softmax, BEST), ("Budget 5", five, UNCOMPARED), ("Budget 5", scaled, "")),
        ("More networks", fifty, ""),
    ]
    assert list(table.groups) == ["Budget 1: Clean", "Budget 5: Clean", "More networks: Clean"]


ACCURACY = {"softmax": 0.9, "mc_dropout": 0.92, "mine": 0.98, "yours": 0.97}
"""The two last ones train themselves."""


@pytest.mark.parametrize(
    ("images", "best", "apart"),
    [(60_000, "mine", set()), (55_000, "mc_dropout", {"mine", "yours"})],
)
def test_best_method_is_fitted_on_the_images_of_the_recipe(
    images: int, best: str, apart: set[str]
) -> None:
    """Every method is compared with those that are fitted on as many images."""
    own = tuple(MethodRecord(name, name, images=images) for name in ("mine", "yours"))
    alike = [
        pair
        for pair in combinations(ACCURACY, 2)
        if images == NAMES.recipe.images
        or set(pair) in ({"softmax", "mc_dropout"}, {"mine", "yours"})
    ]
    tests = [
        compared(f"{one} 1", f"{other} 1", BETTER if ACCURACY[one] > ACCURACY[other] else WORSE)
        for one, other in alike
    ]
    results = Results(
        pd.DataFrame(row_of(name, "1", value) for name, value in ACCURACY.items()),
        replace(NAMES, methods=(*NAMES.methods, *own)),
        comparisons(tests),
    )
    variants = tuple(Variant(name, "1") for name in ACCURACY)
    cells = compared_cells(results, variants, Quantity("clean", "accuracy"))
    found = {variant.method: cell.verdict for variant, cell in cells.items()}
    assert [name for name, verdict in found.items() if verdict == BEST] == [best]
    assert {name for name, verdict in found.items() if verdict == UNCOMPARED} == apart
