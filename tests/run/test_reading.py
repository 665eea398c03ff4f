"""What stages read: predictions formed from the outputs of networks, and scores of features."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor

from benchmarks.predictions import PoolNetwork, RunUnit, StoredPrediction
from benchmarks.run import predict
from benchmarks.run.reading import OF_ONE, predicted_conditions, read_prediction
from benchmarks.tasks import TASKS
from benchmarks.vocabulary import CLEAN, PREDICT, TRAIN
from methods import PooledMethod, Prediction
from methods.scores import SCORES, FitError
from methods.scores.score import fit_to_networks
from tests.runs import DIGITS, Run, compute, forget_images, lose_predictions, run_of

TRAINING = DIGITS.recipe

EVERY = replace(
    DIGITS,
    budgets=(1.0,),
    methods=(
        *("softmax", "temperature_scaling", "deep_ensemble", "temperature_scaled_ensemble"),
        *("mc_dropout", "temperature_scaled_mc_dropout", "laplace_last_layer", "snapshot_ensemble"),
    ),
    conditions=("rotated-045", "ood-uniform_noise"),
    passes=(2, 5),
    pool=1,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Of digits in groups of three."""
    folder = tmp_path_factory.mktemp("every")
    grouped = replace(TASKS["digits"], groups=lambda: torch.arange(597) // 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, "digits", grouped)
        patch.setattr(predict, "in_own_process", lambda work: work())  # another has no such groups
        forget_images()
        run = run_of(EVERY, folder)
        assert compute(run, TRAIN, PREDICT) == []
        yield run
    forget_images()


def read(run: Run, unit: RunUnit, condition: str) -> StoredPrediction:
    stored = read_prediction(*run, unit, condition)
    assert stored is not None
    return stored


def test_predictions_are_those_of_the_methods_alone(run: Run) -> None:
    for unit in run.plan.units():
        method = run.workspace.fitted(run.plan, unit)
        for condition in run.plan.predicted(unit):
            evaluated = run.workspace.evaluation_set(condition, run.plan)
            alone = method.predict(evaluated.images)
            stored = read(run, unit, condition.name)
            assert stored.prediction.members == alone.members
            assert stored.prediction.remark == alone.remark
            assert torch.equal(stored.prediction.vote_share, alone.vote_share)
            for name in ("mean", "expected_entropy"):
                pair = (getattr(side, name) for side in (stored.prediction, alone))
                torch.testing.assert_close(*pair, rtol=2e-7, atol=1e-12)
            assert (stored.labels is None) == (evaluated.labels is None)
            assert (stored.groups is None) == (evaluated.groups is None)
            assert stored.groups is None or torch.equal(stored.groups, evaluated.groups)
            assert (stored.groups is None) == (condition.load is not None)


def test_scores_of_features_are_those_of_the_units_network(run: Run) -> None:
    plan, workspace = run
    images = workspace.evaluation_set(plan.task.condition("rotated-045"), plan).images
    scores = {name for name, score in SCORES.items() if score.fit is not None}
    expected: dict[str, tuple[dict[str, Tensor], dict[str, str]]] = {}
    for unit in (RunUnit("softmax", None, 1.0, 1), RunUnit("mc_dropout", 5, 1.0, 1)):
        own = plan.training_of(unit)
        training = workspace.training_images(plan, own)
        network = cast(PooledMethod, workspace.fitted(plan, unit))
        values, reasons = expected[own] = {}, {}
        for name in scores:
            try:
                fit = fit_to_networks(SCORES[name], network, training.images, training.labels)
                values[name] = fit(images)
            except FitError as error:
                reasons[name] = str(error)
        assert values
        assert reasons
    assert len(expected) == 2
    for unit in plan.units():
        stored = read(run, unit, "rotated-045")
        found = {name: stored.prediction.scores[name] for name in sorted(scores)}
        if unit.method in ("deep_ensemble", "temperature_scaled_ensemble", "snapshot_ensemble"):
            assert all(values.isnan().all() for values in found.values())
            assert stored.reasons == dict.fromkeys(scores, OF_ONE)
        elif unit.replicate == 1:
            values, reasons = expected[plan.training_of(unit)]
            assert stored.reasons == reasons
            assert all(found.pop(name).isnan().all() for name in reasons)
            torch.testing.assert_close(found, values, rtol=1e-6, atol=1e-6, check_dtype=False)


@pytest.fixture
def copied(run: Run, tmp_path: Path) -> Run:
    """The run with files of its own."""
    shutil.copytree(run.workspace.out, tmp_path / "out")
    return Run(run.plan, replace(run.workspace, out=tmp_path / "out"))


def test_method_that_calibrates_predicts_nothing_without_the_calibration(copied: Run) -> None:
    lose_predictions(copied.workspace.out, "calibration", "network-001")
    scaled, softmax = (RunUnit(name, None, 1.0, 1) for name in ("temperature_scaling", "softmax"))
    assert not predicted_conditions(*copied, scaled)
    assert read_prediction(*copied, scaled, CLEAN) is None
    assert predicted_conditions(*copied, softmax) == {*EVERY.conditions}
    assert read(copied, replace(scaled, replicate=0), CLEAN)


def test_files_that_change_are_read_anew(copied: Run) -> None:
    store, network = copied.workspace.predictions, PoolNetwork(TRAINING, 0)
    units = [RunUnit("deep_ensemble", 2, 2.0, 0), RunUnit("softmax", None, 1.0, 0)]
    before = [read(copied, unit, CLEAN).prediction.mean for unit in units]
    outputs = store.load_outputs(network, CLEAN)
    logits = outputs.logits.flip(dims=(1,))
    store.save(network, CLEAN, replace(outputs, logits=logits))
    ensemble, alone = (read(copied, unit, CLEAN).prediction.mean for unit in units)
    torch.testing.assert_close(alone, before[1].flip(dims=(1,)))
    torch.testing.assert_close(ensemble, before[0] + (alone - before[1]) / 2)


def test_what_claims_have_predicted_stands_in_for_no_prediction_of_the_run(copied: Run) -> None:
    unit = RunUnit("deep_ensemble", 2, 2.0, 0)
    before = read(copied, unit, CLEAN)
    prediction = Prediction.of(before.prediction.mean.flip(dims=(1,))[None])
    for condition in (CLEAN, "article-images"):
        stored = StoredPrediction(prediction, before.labels)
        copied.workspace.predictions.save(unit, condition, stored)
    assert torch.equal(read(copied, unit, CLEAN).prediction.mean, before.prediction.mean)
    elsewhere = read(copied, unit, "article-images").prediction.mean
    torch.testing.assert_close(elsewhere, prediction.mean)


def test_scores_are_absent_with_the_reason_where_the_network_failed(copied: Run) -> None:
    unit = RunUnit("mc_dropout", 5, 1.0, 0)
    network = PoolNetwork(copied.plan.training_of(unit), 0)
    copied.workspace.predictions.path(network, CLEAN).unlink()
    copied.workspace.note_failure(network, ValueError("its logits are not finite"))
    stored = read(copied, unit, CLEAN)
    assert set(stored.reasons.values()) == {"ValueError: its logits are not finite"}
    assert all(stored.prediction.scores[name].isnan().all() for name in stored.reasons)
    assert stored.prediction.scores["energy"].isfinite().all()
