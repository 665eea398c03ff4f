"""What a run keeps of the five measures, and the answer that follows from it."""

from __future__ import annotations

import shutil
from pathlib import Path
from unittest.mock import patch

import pytest

from benchmarks.headline import headline_conditions
from benchmarks.inference.evidence import evidence_in
from benchmarks.nouns import Names
from benchmarks.run.measure import write_answer
from benchmarks.schema import read_table, where
from benchmarks.vocabulary import ANSWER_CSV, INFLUENCES_FOLDER
from methods import METHODS
from tests.made_up import make_up

FOREIGN = ("ood-uniform_noise", "ood-gaussian_noise")

MADE_UP = {
    **{"task": "digits", "recipe": "well-trained", "conditions": ("rotated-045", *FOREIGN)},
    **{"members": (2,), "passes": (3,), "replicates": 5, "engine": "torch"},
}


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_up(tmp_path_factory.mktemp("made-up"), **MADE_UP)


@pytest.mark.parametrize("run", ["digits_run", "two_budgets_run", "made_up"])
def test_answer_follows_from_what_is_kept(
    run: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder = request.getfixturevalue(run)
    out = folder / "out" if (folder / "out").exists() else folder
    shutil.copytree(out / INFLUENCES_FOLDER, tmp_path / INFLUENCES_FOLDER)
    names = Names.read(out)
    write_answer(tmp_path, names)
    assert (tmp_path / ANSWER_CSV).read_bytes() == (out / ANSWER_CSV).read_bytes()
    table, measures = read_table(out, ANSWER_CSV), headline_conditions(names.conditions)
    found = set(zip(table["metric"], table["condition"], strict=True))
    assert found == {(measure.metric, condition) for measure, condition in measures.items()}
    assert set(table["task"]) == {names.task.name}


def test_values_are_those_of_the_summary(made_up: Path) -> None:
    key = ["method", "members", "budget", "condition", "score", "metric"]
    own, summary = read_table(made_up, ANSWER_CSV), read_table(made_up, "summary.csv")
    both = own.merge(summary, on=key, how="left", suffixes=("", "_summary"))
    assert len(both) == len(own) > 10
    for name in ("value", "lower", "upper"):
        expected = both[f"{name}_summary"].to_numpy()
        assert both[name].to_numpy() == pytest.approx(expected, rel=1e-3, nan_ok=True)


def test_answer_does_not_depend_on_the_order_of_methods(made_up: Path, tmp_path: Path) -> None:
    methods = ("deep_ensemble", "mc_dropout", "softmax")
    with patch.dict(METHODS, dict(reversed(METHODS.items())), clear=True):
        out = make_up(tmp_path, **MADE_UP, methods=methods)
    assert (out / ANSWER_CSV).read_bytes() == (made_up / ANSWER_CSV).read_bytes()


def test_mean_over_foreign_images_is_of_those_that_can_be_had(
    made_up: Path, tmp_path: Path
) -> None:
    absent, had = FOREIGN
    fewer = make_up(tmp_path, **MADE_UP, unavailable={absent: "asleep"})
    for out, names in ((made_up, FOREIGN), (fewer, [had])):
        nouns, table = Names.read(out), read_table(out, "measurements.csv")
        labels = [nouns.condition(name).label for name in FOREIGN]
        mean = nouns.condition("out-of-distribution-mean")
        assert [label in mean.label for label in labels] == [name in names for name in FOREIGN]
        key = ["method", "members", "budget", "replicate", "score", "metric"]
        rows = where(table, metric="auroc")
        singles = rows[rows["condition"].isin(names)].groupby(key)["value"].mean()
        means = where(rows, condition=mean.name).set_index(key)["value"]
        assert means.to_dict() == pytest.approx(singles.to_dict(), nan_ok=True)
        (known,) = [each for each in evidence_in(out) if each.condition == mean.name]
        assert set(known.drawn.shown) == {*names, "clean"}
    gone = make_up(tmp_path / "none", **MADE_UP, unavailable=dict.fromkeys(FOREIGN, "asleep"))
    assert "auroc" not in set(read_table(gone, ANSWER_CSV)["metric"])
