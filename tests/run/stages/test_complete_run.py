"""A small run on real data, end to end: its files, rows and record."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from benchmarks.predictions import RunUnit
from benchmarks.run.plan import Plan
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table, write_table
from benchmarks.vocabulary import NOUNS_JSON
from tests import sample_run
from tests.run.stages.support import (
    SMALL,
    UNITS,
    arrays,
    prediction_files,
    run_in,
)


def test_every_file_is_there(finished: Path) -> None:
    out = finished / "out"
    assert {path.name for path in out.glob("[!.]*")} == {
        *("measurements.csv", "summary.csv", "comparisons.csv", "training.csv", "run.json"),
        *("worth.csv", "predictions", "curves", "images.npz", "claims.csv", "claims.json"),
        NOUNS_JSON,
    }
    predictions = {str(path.relative_to(out)) for path in prediction_files(finished)}
    assert predictions == {f"predictions/{RunUnit(*unit).name}.zip" for unit in UNITS}
    for path in prediction_files(finished):
        with ZipFile(path) as archive:
            names = [f"{condition}.npz" for condition in (*SMALL.conditions, "calibration")]
            assert archive.namelist() == sorted(names)
    assert len(list((finished / "networks").iterdir())) == 4


def test_every_unit_has_rows_of_every_condition(finished: Path) -> None:
    table = read_table(finished / "out", "measurements.csv")
    rows = set(table.groupby(["recipe", "method", "members", "replicate", "condition"]).groups)
    members = {"softmax": "1", "mc_dropout": "4", "deep_ensemble": "2"}
    expected = {
        (recipe, method, members[method], replicate, condition)
        for recipe, method, _, replicate in [
            *UNITS,
            *(("plain", "mc_dropout", 4, replicate) for replicate in (0, 1)),
        ]
        for condition in ("clean", *SMALL.conditions, "rotated-mean")
    }
    assert rows == expected
    key = ["recipe", "method", "members", "replicate", "condition", "score", "metric"]
    assert not table.duplicated(key).any()


def test_mc_dropout_of_networks_without_dropout_has_a_reason_and_no_numbers(finished: Path) -> None:
    table = read_table(finished / "out", "measurements.csv")
    mine = (table["recipe"] == "plain") & (table["method"] == "mc_dropout")
    assert set(table.loc[mine, "status"]) == {"not applicable"}
    assert table.loc[mine, "value"].isna().all()
    assert table.loc[mine, "reason"].str.contains("without dropout").all()
    assert not (table.loc[~mine, "status"] == "not applicable").any()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: RunUnit(*unit).name)
def test_numbers_follow_from_the_prediction_files(
    unit: tuple[str, str, int | None, int], finished: Path
) -> None:
    table = read_table(finished / "out", "measurements.csv")
    recipe, method, _, replicate = unit
    table = table[
        (table["recipe"] == recipe)
        & (table["method"] == method)
        & (table["replicate"] == replicate)
        & table["score"].isin(["", "predictive_entropy"])
    ]
    clean = arrays(finished, RunUnit(*unit), "clean")
    for condition in SMALL.conditions:
        values = table[table["condition"] == condition].set_index("metric")["value"]
        stored = arrays(finished, RunUnit(*unit), condition)
        mean, share, members = stored["mean"], stored["vote_share"], int(stored["members"][0])
        entropy = entropies(mean)
        assert values["predictive_entropy"] == pytest.approx(entropy.mean(), rel=1e-12)
        if members > 1:
            information = (entropy - stored["expected_entropy"]).mean()
            assert values["mutual_information"] == pytest.approx(information, abs=1e-12)
            differ = [1 - (s * (s * members - 1)).sum() / (members - 1) for s in share]
            assert values["pairwise_disagreement"] == pytest.approx(np.mean(differ), abs=1e-12)
        if "labels" in stored:
            labels = stored["labels"]
            assert values["accuracy"] == np.mean(mean.argmax(axis=1) == labels)
            nll = log_loss(labels, mean, labels=range(10))
            assert values["nll"] == pytest.approx(nll, rel=1e-9)
        if condition != "clean":
            scores = np.concatenate([entropies(clean["mean"]), entropy])
            positive = np.repeat([0, 1], [150, 150])
            assert values["auroc"] == pytest.approx(roc_auc_score(positive, scores))
            if "labels" not in stored:
                precision = average_precision_score(positive, scores)
                assert values["aupr_out"] == pytest.approx(precision)


def test_sampled_units_measured_anew_have_the_numbers_of_the_table(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "out"
    assert sample_run.main([str(out), "--units", "3"]) == 0
    table = read_table(out, "measurements.csv")
    table.loc[table["method"] == "softmax", "value"] += 1e-9
    write_table(table, out, "measurements.csv")
    assert sample_run.main([str(out), "--units", "99"]) == 1
    assert "softmax/replicate-" in capsys.readouterr().out.splitlines()[-1]


def entropies(probabilities: np.ndarray) -> np.ndarray:
    logarithms = np.log(probabilities, where=probabilities > 0, out=np.zeros_like(probabilities))
    return -(probabilities * logarithms).sum(axis=1)


def test_single_networks_beat_chance_and_members_of_the_ensemble_are_the_pools(
    finished: Path,
) -> None:
    singles = [
        arrays(finished, RunUnit("standard", "softmax", None, replicate), "clean")
        for replicate in (0, 1)
    ]
    for single in singles:
        assert np.mean(single["mean"].argmax(axis=1) == single["labels"]) > 0.4
    ensemble = arrays(finished, RunUnit("standard", "deep_ensemble", 2, 0), "clean")
    both = (singles[0]["mean"] + singles[1]["mean"]) / 2
    np.testing.assert_allclose(ensemble["mean"], both, atol=1e-7)


def test_predictions_of_calibration_images_are_stored_but_not_measured(finished: Path) -> None:
    run = run_in(finished)
    held_out = run.workspace.images(run.plan.task, "calibration")
    unit = RunUnit("standard", "softmax", None, 1)
    stored = run.workspace.predictions.load(unit, "calibration")
    assert stored.labels is not None
    assert stored.labels.tolist() == held_out.labels.tolist()
    training = run.workspace.images(run.plan.task, "training")
    method = run.plan.method(unit, run.workspace.store).fit(training.images, training.labels)
    torch.testing.assert_close(method.predict(held_out.images).mean, stored.prediction.mean)
    assert "calibration" not in set(read_table(finished / "out", "measurements.csv")["condition"])


def test_record_has_the_configuration_and_the_data(finished: Path) -> None:
    record = json.loads((finished / "out" / "run.json").read_text())
    assert record["configuration"] == SMALL.identity
    assert set(record["data"]) == {"training", "calibration", *SMALL.conditions}
    assert len({entry["fingerprint"] for entry in record["data"].values()}) == 7
    stages = {"train", "predict", "measure", "latency", "claims", "report"}
    assert set(record["seconds"]) == stages


def test_units_of_a_group_are_as_if_predicted_alone(tmp_path: Path) -> None:
    methods = "mc_dropout", "deep_ensemble"
    chosen = replace(SMALL, recipes=("standard",), methods=methods, replicates=1)
    both = replace(chosen, passes=(3, 7), members=(2, 5))
    run_stages(*run_in(tmp_path, both), only="predict")
    few = replace(chosen, passes=(3,), members=(2,))
    machine = replace(run_in(tmp_path).workspace, out=tmp_path / "few" / "out")
    run_stages(Plan(few), machine, only="predict")
    assert len(prediction_files(tmp_path / "few")) > 0
    for path in prediction_files(tmp_path / "few"):
        twin = tmp_path / "out" / path.relative_to(machine.out)
        assert twin.read_bytes() == path.read_bytes()
