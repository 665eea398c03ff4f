"""The preset `published` on few images, end to end, and other papers' numbers from its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.nouns import Names
from benchmarks.report.published import PUBLISHED, compared, published_table
from benchmarks.report.results import Results
from benchmarks.run.configuration import configuration_of
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table, where
from tests.report.support import page_of
from tests.runs import TRAINED, run_of

pytestmark = pytest.mark.slow

EPOCHS = {"uncertainty-baselines": 23, "laplace-redux": 100}
"""By recipe, each a run of its own."""


@pytest.fixture(scope="module")
def outs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By recipe, the results of few images."""
    few = {"epochs": 1, "images": 100, "members": (1, 2), "resamples": 100}
    folders = {}
    for recipe in EPOCHS:
        chosen = configuration_of("published", recipe=recipe)
        tiny = replace(chosen, **few, conditions=("ood-fashion_mnist",))
        run = run_of(tiny, tmp_path_factory.mktemp(recipe))
        assert run_stages(*run) == []
        folders[recipe] = run.workspace.out
    return folders


@pytest.mark.parametrize("recipe", EPOCHS)
def test_files_say_that_short_trainings_are_not_judged(recipe: str, outs: dict[str, Path]) -> None:
    table = published_table(Results.load(outs[recipe]))
    assert table is not None
    assert table.rows == ()
    assert f"networks were trained for 1 of {EPOCHS[recipe]} epochs" in table.remarks[0]
    assert (outs[recipe] / "tables" / "published.csv").exists()


@pytest.mark.parametrize(
    ("recipe", "members", "count"),
    [
        *(("uncertainty-baselines", 1, 2), ("uncertainty-baselines", 2, 3)),
        *(("laplace-redux", 1, 6), ("laplace-redux", 2, 2)),
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
        and one.condition != "ood-kmnist"
        and one.method not in TRAINED
    ]
    assert len(numbers) == count
    for number in numbers:
        ours = compared(replace(number, members=members, epochs=1), results)
        chosen = where(
            table,
            **{"method": number.method, "members": str(members), "budget": members},
            **{"metric": number.metric, "score": number.score, "condition": number.condition},
        )
        assert ours.row is not None
        assert ours.row["value"] == pytest.approx(chosen["value"].mean(), abs=1e-3)
        assert ours.row["lower"] < ours.row["value"] < ours.row["upper"]
        assert "only 100 of 10,000 images" in ours.remark


@pytest.mark.parametrize(
    ("recipe", "penalty"), [("uncertainty-baselines", 0.0), ("laplace-redux", 5e-4)]
)
def test_penalty_is_told_only_where_there_is_one(
    recipe: str, penalty: float, outs: dict[str, Path]
) -> None:
    page = page_of(outs[recipe])
    assert page.count("L2 penalty") == page.count("L2 penalty 0.0005 (coupled)") == (penalty > 0)
    assert [one.l2_penalty for one in Names.read(outs[recipe]).recipes] == [penalty]
