"""Which method of a table is called the best."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pandas as pd
import pytest

from benchmarks.nouns import MethodRecord, Variant
from benchmarks.report.results import Quantity, Results
from benchmarks.report.tables.comparison import compared_cells
from benchmarks.report.tables.table import BEST, UNTESTED
from tests.report.support import NAMES, comparisons

ACCURACY = Quantity("clean", "accuracy")

VALUES = {"softmax": 0.9, "mc_dropout": 0.92, "mine": 0.98, "yours": 0.97}
"""The two last ones train themselves."""


def results(images: int) -> Results:
    """A table in which every method is compared with those that are fitted on as many images."""
    recipe = next(one for one in NAMES.recipes if one.name == "standard")
    own = tuple(MethodRecord(name, name, images=images) for name in ("mine", "yours"))
    names = replace(NAMES, methods=(*NAMES.methods, *own))
    recipes = dict(
        zip(VALUES, ("standard", "standard", "self-trained", "self-trained"), strict=True)
    )
    quantity = {"condition": "clean", "metric": "accuracy", "score": "", "status": "ok"}
    summary = [
        {
            "recipe": recipes[name],
            **{"method": name, "members": "1", "value": value, "reason": ""},
            **{"lower": value - 0.001, "upper": value + 0.001},
        }
        for name, value in VALUES.items()
    ]
    alike = [
        pair
        for pair in combinations(VALUES, 2)
        if images == recipe.images or set(pair) in ({"softmax", "mc_dropout"}, {"mine", "yours"})
    ]
    rows = [
        {"recipe": recipes[one], "method": one, "other_recipe": recipes[other]}
        | {"other_method": other, "p_holm": 1e-9, "lower": -1.0, "upper": -0.5}
        for one, other in alike
    ]
    return Results(
        summary=pd.DataFrame(summary).assign(**quantity),
        names=names,
        comparisons=comparisons(rows),
    )


@pytest.mark.parametrize(
    ("images", "best", "untested"),
    [
        (55_000, "mine", set()),
        (60_000, "mc_dropout", {"mine", "yours"}),
    ],
)
def test_best_method_is_fitted_on_the_images_of_the_recipe(
    images: int, best: str, untested: set[str]
) -> None:
    variants = tuple(Variant(name, "1") for name in VALUES)
    of_recipe = results(images)
    verdicts = {
        variant.method: compared_cells(of_recipe, variants, variant, [ACCURACY])[0].verdict
        for variant in variants
    }
    assert [name for name, verdict in verdicts.items() if verdict == BEST] == [best]
    assert {name for name, verdict in verdicts.items() if verdict == UNTESTED} == untested
