"""A small run in which probes, custom methods or networks fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.io import UserError
from benchmarks.metrics import METRICS, Metric
from benchmarks.metrics.uncertainties import MemberMeans
from benchmarks.run import stages as runner
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table
from benchmarks.tasks import mnist
from methods.networks import pool as network_pool
from methods.networks.recipes import Recipe
from methods.networks.training import TrainingDivergedError
from methods.scores import SCORES, Score
from tests.run.stages.support import (
    FEW,
    SMALL,
    breaking,
    custom_method,
    prediction_files,
    run_in,
)
from tests.runs import forget_images, predicted_arrays


def test_test_images_that_are_trained_on_stop_the_run_before_anything_is_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_images = mnist.load_mnist("test", data_dir=None)
    monkeypatch.setattr(mnist, "load_mnist", lambda split, *, data_dir: test_images)
    forget_images()
    with pytest.raises(UserError, match=r"^200 test images of MNIST are also training images;"):
        run_stages(*run_in(tmp_path, FEW))
    forget_images()
    assert not prediction_files(tmp_path)


def test_custom_method_is_evaluated_like_the_suites(tmp_path: Path) -> None:
    mine = replace(
        SMALL,
        methods=(),
        custom_methods=(custom_method(tmp_path / "code"),),
        conditions=("ood-uniform_noise",),
    )
    assert run_stages(*run_in(tmp_path, mine)) == []
    table = read_table(tmp_path / "out", "measurements.csv")
    assert set(table["recipe"]) == {"self-trained"}
    assert set(table["method"]) == {"nearest_mean"}
    assert set(table["members"]) == {"3"}
    scored = table[table["score"] == "nearest"]
    assert set(scored["metric"]) == {"auroc", "augrc", "misclassification_auroc"}
    assert (scored["status"] == "ok").all()
    accuracy = table[(table["metric"] == "accuracy") & (table["condition"] == "clean")]
    assert (accuracy["value"] > 0.5).all()
    assert accuracy["value"].nunique() == 2


def test_failure_on_one_condition_keeps_the_others(tmp_path: Path) -> None:
    location = custom_method(tmp_path / "code", breaking("images.mean() > 0.4"))
    mine = replace(
        SMALL,
        methods=(),
        custom_methods=(location,),
        conditions=("rotated-045", "ood-uniform_noise"),
    )
    failures = run_stages(*run_in(tmp_path, mine))
    assert len(failures) == 2
    assert run_stages(*run_in(tmp_path, mine), "measure") == failures
    table = read_table(tmp_path / "out", "measurements.csv")
    failed = set(table.loc[table["status"] == "failed", "condition"])
    assert failed == {"ood-uniform_noise"}
    evaluated = {"clean", "rotated-045", "rotated-mean", "ood-uniform_noise"}
    assert set(table["condition"]) == evaluated
    assert set(table["members"]) == {"3"}


def test_prediction_that_breaks_the_contract_is_a_failure(tmp_path: Path) -> None:
    location = custom_method(tmp_path / "code", ("scores=", "mean=2 * whole.mean, scores="))
    mine = replace(SMALL, methods=(), custom_methods=(location,), conditions=(), replicates=1)
    (failure,) = run_stages(*run_in(tmp_path, mine))
    assert failure.reason.startswith("ContractError: every row of mean must sum to 1")
    assert not prediction_files(tmp_path)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (('scores={"nearest": nearest}', 'scores={"predictive_entropy": nearest}'), "names"),
        (
            ('scores={"nearest": nearest}', 'scores={"../nearest": nearest}'),
            "the name of the score '../nearest' holds a slash",
        ),
        (
            ('scores={"nearest": nearest}', 'scores={"near\\n": nearest}'),
            "holds the control character",
        ),
        (
            ('scores={"nearest": nearest}', "scores={str(images.mean()): nearest}"),
            "scores must be the same for all images",
        ),
    ],
)
def test_scores_that_cannot_be_compared_are_a_failure(
    code: tuple[str, str], message: str, tmp_path: Path
) -> None:
    location = custom_method(tmp_path / "code", code)
    mine = replace(SMALL, methods=(), custom_methods=(location,), replicates=1)
    (failure,) = run_stages(*run_in(tmp_path, mine))
    assert message in failure.reason


def test_diverging_network_fails_only_the_ensembles_that_it_belongs_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = network_pool.train_networks

    def train(recipe: Recipe, indices: list[int], *rest: object, **options: object) -> list[object]:
        if indices == [3]:
            return [TrainingDivergedError("network 3 diverged")]
        return trained(recipe, indices, *rest, **options)

    monkeypatch.setattr(network_pool, "train_networks", train)
    ensembles = replace(
        SMALL, recipes=("standard",), methods=("deep_ensemble",), conditions=(), members=(2, 4)
    )
    failures = run_stages(*run_in(tmp_path, ensembles))
    assert [failure.what for failure in failures] == [
        "network 3 of standard",
        "standard/deep_ensemble-4/replicate-00",
        "standard/deep_ensemble-2/replicate-01",
    ]
    assert {path.name for path in prediction_files(tmp_path)} == {"replicate-00.zip"}


@pytest.mark.parametrize("error", [None, "RuntimeError('no')", "OSError(2, 'no', __file__)"])
def test_no_absolute_path_is_written(error: str | None, finished: Path, tmp_path: Path) -> None:
    where = finished
    if error is not None:
        where = tmp_path
        location = custom_method(tmp_path / "code", breaking("True", error))
        mine = replace(SMALL, methods=(), custom_methods=(location,), conditions=(), replicates=1)
        assert run_stages(*run_in(tmp_path, mine))
    source = Path(runner.__file__).parents[1]
    private = [str(where), str(Path.home()), str(source)]
    written = [path for path in (where / "out").rglob("*") if path.is_file()]
    assert len(written) >= 4
    for path in written:
        content = path.read_bytes().decode("utf-8", errors="ignore")
        if path.suffix == ".npz":
            with np.load(path) as file:
                content = " ".join(file.files)
        elif path.suffix == ".zip":
            content = str(predicted_arrays(path, "clean")["about"])
        assert not [word for word in private if word in content], path.name


def transposed(features: torch.Tensor, labels: torch.Tensor) -> Callable[..., torch.Tensor]:
    return lambda features: features.norm(dim=0)


@pytest.mark.parametrize(
    ("noun", "message"),
    [
        (
            Score(name="mine", label="", needs=frozenset({"logits"}), of=torch.mean),
            "score 'mine' gives the shape []; expected [150]",
        ),
        (
            Score(name="mine", label="", needs=frozenset({"features"}), fit=transposed),
            "score 'mine' gives the shape [84]; expected [150]",
        ),
        (
            Metric(name="mine", label="", family=MemberMeans, function=lambda p: p[0]),
            "metric 'mine' gives the shape [150, 10]; expected [150]",
        ),
    ],
)
def test_value_of_another_shape_is_named_and_not_stored(
    noun: Score | Metric, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register = SCORES if isinstance(noun, Score) else METRICS
    monkeypatch.setitem(register, "mine", noun)  # type: ignore[arg-type]
    few = replace(FEW, scores="all")
    with pytest.raises(UserError, match=re.escape(message)):
        run_stages(*run_in(tmp_path, few))
    assert not prediction_files(tmp_path)


@pytest.mark.parametrize(("score", "known"), [("entropie", False), ("nearest", True)])
def test_primary_score_that_there_is_not_is_a_failure(
    score: str, known: bool, tmp_path: Path
) -> None:
    name = '    name = "nearest_mean"\n'
    location = custom_method(tmp_path / "code", (name, f'{name}    primary_score = "{score}"\n'))
    mine = replace(SMALL, methods=(), custom_methods=(location,), conditions=(), replicates=1)
    failures = run_stages(*run_in(tmp_path, mine))
    assert [failure.reason for failure in failures] == (
        []
        if known
        else [
            f"ContractError: there is no primary_score {score!r}; choose from "
            f"{', '.join(SCORES)}, nearest"
        ]
    )
