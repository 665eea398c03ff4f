"""A small run in which data, custom methods or networks fail."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.data.files import Unavailable
from benchmarks.io import UserError
from benchmarks.run import stages as runner
from benchmarks.run.configuration import Configuration
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table
from benchmarks.tasks import TASKS
from benchmarks.vocabulary import MEASURE, PREDICT, TRAIN
from methods.networks import pool as network_pool
from methods.networks.recipes import LabelledImages, Recipe
from methods.networks.training import TrainingDivergedError
from methods.scores import SCORES, Score
from tests.runs import DIGITS, compute, forget_images, predicted_arrays, run_of

FEW = replace(DIGITS, budgets=(1.0,), methods=("softmax",), conditions=(), replicates=1, pool=1)


CUSTOM = """
import dataclasses

import torch

from methods import Prediction, UncertaintyMethod


class Mine(UncertaintyMethod):
    name = "mine"

    def fit(self, images, labels):
        return self

    def predict(self, images):
        whole = Prediction.of_logits(torch.randn(3, len(images), 10))
        return dataclasses.replace(whole, scores={"own": whole.expected_entropy})
"""
PREDICT_LINE = "    def predict(self, images):\n"


def of_method(
    folder: Path,
    *conditions: str,
    change: tuple[str, str] = ("", ""),
    replicates: int = 1,
) -> Configuration:
    """A run of this method alone; ``change``: a text of its code, and what replaces it."""
    old, new = change
    assert old in CUSTOM
    (folder / "mine.py").write_text(CUSTOM.replace(old, new) if old else CUSTOM)
    custom = (f"{folder / 'mine.py'}:Mine",)
    chosen = {"methods": (), "custom_methods": custom, "conditions": conditions}
    return replace(FEW, **chosen, replicates=replicates)


def raising(when: str, error: str) -> tuple[str, str]:
    return PREDICT_LINE, f"{PREDICT_LINE}        if {when}:\n            raise {error}\n"


def prediction_files(folder: Path) -> list[Path]:
    return list((folder / "out" / "predictions").rglob("*.npz"))


@pytest.fixture
def images_loaded_anew() -> Iterator[None]:
    forget_images()
    yield
    forget_images()


@pytest.mark.usefixtures("images_loaded_anew")
def test_test_images_that_are_trained_on_stop_the_run_before_anything_is_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = TASKS["digits"]
    learned = digits.load("train", None)

    def load(split: str, data_dir: Path | None) -> LabelledImages:
        count = digits.test_images if split == "test" else None
        return LabelledImages(learned.images[:count], learned.labels[:count])

    monkeypatch.setitem(TASKS, "digits", replace(digits, load=load))
    with pytest.raises(UserError, match=r"^\d+ test images of Digits are also training images;"):
        run_stages(*run_of(FEW, tmp_path))
    assert not prediction_files(tmp_path)


@pytest.mark.usefixtures("images_loaded_anew")
def test_set_that_cannot_be_had_is_left_out_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(seed: int, data_dir: Path | None) -> LabelledImages:
        raise Unavailable("no mirror responds")

    digits = TASKS["digits"]
    conditions = [
        replace(condition, load=load) if condition.name == "ood-uniform_noise" else condition
        for condition in digits.conditions
    ]
    monkeypatch.setitem(TASKS, "digits", replace(digits, conditions=tuple(conditions)))
    chosen = replace(FEW, conditions=("ood-*",))
    assert compute(run_of(chosen, tmp_path)) == []
    table = read_table(tmp_path / "out", "measurements.csv")
    assert set(table["condition"]) == {"clean", "ood-gaussian_noise", "out-of-distribution-mean"}
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["data"]["ood-uniform_noise"] == {"unavailable": "no mirror responds"}


@pytest.mark.usefixtures("in_this_process")
def test_failure_on_one_condition_keeps_the_others(tmp_path: Path) -> None:
    change = raising("images.mean() > 0.4", "RuntimeError('not these\\nof all')")
    mine = of_method(tmp_path, "rotated-045", "ood-uniform_noise", change=change)
    failures = compute(run_of(mine, tmp_path))
    assert len(failures) == 1
    assert run_stages(*run_of(mine, tmp_path), MEASURE) == failures
    table = read_table(tmp_path / "out", "measurements.csv")
    failed = set(table.loc[table["status"] == "failed", "condition"])
    assert failed == {"ood-uniform_noise", "out-of-distribution-mean"}
    assert set(table["condition"]) == {"clean", "rotated-045", "rotated-mean", *failed}
    assert set(table["members"]) == {"3"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("scores=", "mean=2 * whole.mean, scores="),
            "ContractError: every row of mean must sum to",
        ),
        (('{"own":', '{"predictive_entropy":'), "names"),
        (('{"own":', "{str(images.mean()):"), "scores must be the same for all images"),
        (
            ('"mine"', '"mine"\n    primary_score = "entropie"'),
            "ContractError: there is no primary_score 'entropie'; choose from ",
        ),
    ],
)
@pytest.mark.usefixtures("in_this_process")
def test_prediction_that_breaks_the_contract_is_a_failure(
    change: tuple[str, str], message: str, tmp_path: Path
) -> None:
    (failure,) = compute(run_of(of_method(tmp_path, change=change), tmp_path), PREDICT)
    assert message in failure.reason


def test_diverging_network_fails_only_the_ensembles_that_it_belongs_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, reason = network_pool.train_networks, "TrainingDivergedError: network 3 diverged"

    def train(recipe: Recipe, indices: list[int], *rest: Any, **options: Any) -> list[Any]:
        if indices == [3]:
            return [TrainingDivergedError("network 3 diverged")]
        return trained(recipe, indices, *rest, **options)

    monkeypatch.setattr(network_pool, "train_networks", train)
    ensembles = replace(FEW, methods=("deep_ensemble",), members=(2, 4), replicates=2)
    failures = dict(compute(run_of(ensembles, tmp_path)))
    failed = {"deep_ensemble-2/budget-2/replicate-01", "deep_ensemble-4/budget-4/replicate-00"}
    assert {what for what, why in failures.items() if why == reason} > failed
    table = read_table(tmp_path / "out", "measurements.csv").groupby(["members", "replicate"])
    status = {key: set(rows["status"]) for key, rows in table}
    assert status["4", 0] == status["2", 1] == {"failed"}
    assert "ok" in status["2", 0]
    monkeypatch.undo()
    assert compute(run_of(ensembles, tmp_path)) == []
    assert not list((tmp_path / "out" / "errors").iterdir())


@pytest.mark.parametrize("error", [None, "OSError(2, 'no', __file__)"])
@pytest.mark.usefixtures("in_this_process")
def test_no_absolute_path_is_written(error: str | None, digits_run: Path, tmp_path: Path) -> None:
    where = digits_run
    if error is not None:
        where = tmp_path
        assert compute(
            run_of(of_method(tmp_path, change=raising("True", error)), tmp_path), PREDICT
        )
    source = Path(runner.__file__).parents[1]
    private = [str(where), str(Path.home()), str(source)]
    written = [path for path in (where / "out").rglob("*") if path.is_file()]
    assert len(written) >= 4
    for path in written:
        content = path.read_bytes().decode("utf-8", errors="ignore")
        if path.suffix == ".npz":
            arrays = predicted_arrays(path)
            content = f"{[*arrays]} {arrays.get('about')}"
        assert not [word for word in private if word in content], path.name


def transposed(features: torch.Tensor, labels: torch.Tensor) -> Callable[..., torch.Tensor]:
    return lambda features: features.norm(dim=0)


@pytest.mark.parametrize(
    ("how", "shape"), [({"function": torch.mean}, "[]"), ({"fit": transposed}, "[64]")]
)
def test_value_of_another_shape_is_named_and_not_stored(
    how: dict[str, Any], shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = frozenset({"logits" if "function" in how else "features"})
    monkeypatch.setitem(SCORES, "mine", Score(name="mine", label="", needs=needs, **how))
    few = replace(FEW, methods=("mc_dropout",), passes=(2,), scores="all")
    message = f"score 'mine' gives the shape {shape}; expected [100]"
    with pytest.raises(UserError, match=re.escape(message)):
        compute(run_of(few, tmp_path), TRAIN, PREDICT)
    stored = {name for path in prediction_files(tmp_path) for name in predicted_arrays(path)}
    assert "score:mine" not in stored
