"""The preset `published` on few images, end to end, and other papers' numbers from its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.report.published import PUBLISHED, judged
from benchmarks.report.results import Results
from benchmarks.run.configuration import configuration_of
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table, where
from tests.runs import TRAINED, run_of

pytestmark = pytest.mark.slow

RECIPES = ("uncertainty-baselines", "laplace-redux")


@pytest.fixture(scope="module")
def outs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By recipe, the results of few images."""
    few = {"epochs": 1, "images": 100, "members": (1, 2), "resamples": 100}
    folders = {}
    for recipe in RECIPES:
        chosen = configuration_of("published", recipe=recipe)
        tiny = replace(chosen, **few, conditions=("ood-fashion_mnist",))
        run = run_of(tiny, tmp_path_factory.mktemp(recipe))
        assert run_stages(*run) == []
        folders[recipe] = run.workspace.out
    return folders


@pytest.mark.parametrize(
    ("recipe", "members", "count"),
    [
        *(("uncertainty-baselines", 1, 2), ("uncertainty-baselines", 2, 3)),
        *(("laplace-redux", 1, 9), ("laplace-redux", 2, 3)),
    ],
)
def test_every_number_is_measured(
    recipe: str, members: int, count: int, outs: dict[str, Path]
) -> None:
    """Ensembles of two stand for those of five and ten networks."""
    results, table = Results.load(outs[recipe]), read_table(outs[recipe], "measurements.csv")
    numbers = [
        one
        for one in PUBLISHED
        if (one.task, one.recipe, min(one.members, 2)) == ("mnist", recipe, members)
        and one.conditions[0] != "ood-kmnist"
        and one.method not in TRAINED
    ]
    assert len(numbers) == count
    for number in numbers:
        found = judged(replace(number, members=members, epochs=1), results)
        chosen = where(
            table,
            **{"method": number.method, "members": str(members), "budget": members},
            **{"metric": number.metric, "score": number.score, "condition": number.conditions[0]},
        )
        assert found["value"] == pytest.approx(chosen["value"].mean(), abs=1e-3)
        assert found["lower"] < found["value"] < found["upper"]
        assert found["networks"] == len(chosen) * members > 1
        assert "only 100 of 10,000 images" in found["why"]
