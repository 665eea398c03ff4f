"""The preset `published` on few images, end to end, and other papers' numbers from its files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.nouns import Names
from benchmarks.report.published import NOT_MEASURED, PUBLISHED, judged, write_published
from benchmarks.report.results import Results
from benchmarks.run.configuration import TRAINED, configuration_of
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table, where
from tests.report.support import page_of
from tests.runs import run_of

pytestmark = pytest.mark.slow

TINY = replace(
    configuration_of("published"),
    **{"epochs": 1, "images": 100, "members": (1, 2), "resamples": 100},
    conditions=("ood-fashion_mnist",),
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = run_of(TINY, tmp_path_factory.mktemp("published"))
    assert run_stages(*run) == []
    return run.workspace.out


def test_files_say_that_short_trainings_are_not_judged(out: Path) -> None:
    write_published(Results.load(out), out)
    written = json.loads((out / "published.json").read_text())
    assert {one["verdict"] for one in written["numbers"]} == {NOT_MEASURED}
    page = (out / "published.md").read_text(encoding="utf-8")
    assert "networks were trained for 1 of 100 epochs" in page


@pytest.mark.parametrize(("members", "count"), [(1, 11), (2, 6)])
def test_every_number_is_measured(out: Path, members: int, count: int) -> None:
    """Ensembles of two stand for those of five and ten networks."""
    results, table = Results.load(out), read_table(out, "measurements.csv")
    numbers = [one for one in PUBLISHED if one.task == "mnist" and min(one.members, 2) == members]
    numbers = [
        one for one in numbers if one.conditions[0] != "ood-kmnist" and one.method not in TRAINED
    ]
    assert len(numbers) == count
    for number in numbers:
        found = judged(replace(number, members=members, epochs=1), results)
        chosen = where(
            table,
            **{"recipe": number.recipe, "method": number.method, "members": str(members)},
            **{"metric": number.metric, "score": number.score, "condition": number.conditions[0]},
        )
        assert found["value"] == pytest.approx(chosen["value"].mean(), abs=1e-3)
        assert found["lower"] < found["value"] < found["upper"]
        assert found["networks"] == len(chosen) * members > 1
        assert "only 100 of 10,000 images" in found["why"]


def test_penalty_is_told_only_where_there_is_one(out: Path) -> None:
    page = page_of(out)
    assert page.count("L2 penalty") == page.count("L2 penalty 0.0005 (coupled)") == 1
    assert [one.l2_penalty for one in Names.read(out).recipes] == [0.0, 5e-4]


def test_dropout_is_not_applicable_to_these_recipes(out: Path) -> None:
    table = where(read_table(out, "measurements.csv"), method="mc_dropout")
    assert set(table["status"]) == {"not applicable"}
