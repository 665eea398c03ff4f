"""The shared run of digits, end to end: its files, rows and record; and its stages one by one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from benchmarks.io import UserError
from benchmarks.predictions import PoolNetwork, RunUnit
from benchmarks.run.plan import Plan
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table, where
from benchmarks.tasks import TASKS
from benchmarks.vocabulary import CLEAN, MEASURE, NOUNS_JSON, STAGES
from tests.runs import DIGITS, DIGITS_AND_MEANS, compute, predicted_arrays, run_of

PLAN = Plan(DIGITS)
UNITS = PLAN.units()
UNSCALED = [unit for unit in UNITS if unit.method != "temperature_scaling"]
FEW = replace(DIGITS, budgets=(1.0,), methods=("softmax",), conditions=(), replicates=1, pool=1)


def arrays(folder: Path, unit: RunUnit, condition: str) -> dict[str, np.ndarray]:
    """What files tell of a prediction: means in double precision, shares of votes, entropies.

    Of passes it is stored; of networks it follows from their logits.
    """
    files, members = folder / "out" / "predictions", unit.size or 1
    if unit.method != "mc_dropout":
        numbers = range(unit.replicate * members, (unit.replicate + 1) * members)
        networks = [PoolNetwork(PLAN.training_of(unit), number) for number in numbers]
        paths = [files / network.name / f"{condition}.npz" for network in networks]
        outputs = list(map(predicted_arrays, paths))
        logits = np.stack([each["logits"] for each in outputs])
        probabilities = softmax(logits.astype(np.float64), axis=-1)
        return outputs[0] | {
            "mean": probabilities.mean(axis=0),
            "vote_share": np.eye(10)[logits.argmax(axis=-1)].mean(axis=0),
            "expected_entropy": np.mean([entropies(each) for each in probabilities], axis=0),
        }
    stored = predicted_arrays(files / unit.name / f"{condition}.npz")
    mean = stored["mean"].astype(np.float64)
    mean /= mean.sum(axis=1, keepdims=True)
    return stored | {"mean": mean, "vote_share": stored["votes"] / members}


def entropies(probabilities: np.ndarray) -> np.ndarray:
    logarithms = np.log(probabilities, where=probabilities > 0, out=np.zeros_like(probabilities))
    return -(probabilities * logarithms).sum(axis=1)


def test_every_file_is_there(digits_run: Path) -> None:
    out = digits_run / "out"
    assert {path.name for path in out.glob("[!.]*")} == {
        *("measurements.csv", "summary.csv", "answer.csv", "influences", "training.csv"),
        *("latency.csv", "run.json", NOUNS_JSON, "answer.json", "images.npz"),
        *("predictions", "curves", "figures", "tables", "index.html"),
    }
    owners = [*PLAN.networks(), *(unit for unit in UNITS if unit.method == "mc_dropout")]
    assert set((out / "predictions").rglob("*.npz")) == {
        out / "predictions" / owner.name / f"{condition}.npz"
        for owner in owners
        for condition in (*DIGITS.conditions, "calibration")
    }
    assert len(list((digits_run / "networks").iterdir())) == len(PLAN.networks())
    record = json.loads((out / "run.json").read_text())
    assert set(record["data"]) == {"training", "calibration", *DIGITS.conditions}
    fingerprints = {entry["fingerprint"] for entry in record["data"].values()}
    assert len(fingerprints) == len(record["data"])
    assert set(record["seconds"]) == {*STAGES}


def test_every_unit_has_rows_of_every_condition(digits_run: Path) -> None:
    table = read_table(digits_run / "out", "measurements.csv")
    rows = set(table.groupby(["method", "members", "budget", "replicate", "condition"]).groups)
    assert rows == {
        (unit.method, str(unit.size or 1), unit.budget, unit.replicate, condition)
        for unit in PLAN.units()
        for condition in DIGITS_AND_MEANS
    }
    key = ["method", "members", "budget", "replicate", "condition", "score", "metric"]
    assert not table.duplicated(key).any()


def test_method_that_is_not_applicable_has_a_reason_and_no_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = TASKS["digits"]
    recipe = replace(task.recipe("well-trained"), split="all")
    monkeypatch.setitem(TASKS, "digits", replace(task, recipes=(recipe,)))
    both = replace(FEW, methods=("softmax", "temperature_scaling"), conditions=("rotated-030",))
    run = run_of(both, tmp_path)
    assert compute(run) == []
    table = read_table(tmp_path / "out", "measurements.csv")
    scaled = where(table, method="temperature_scaling")
    assert set(scaled["status"]) == {"not applicable"}
    assert scaled["value"].isna().all()
    assert set(where(scaled, condition="rotated-mean")["images"]) == {0}
    assert scaled["reason"].str.contains("trains on the calibration images too").all()
    assert not (where(table, method="softmax")["status"] == "not applicable").any()


@pytest.mark.parametrize("unit", UNSCALED[::2], ids=lambda unit: unit.name)
def test_numbers_follow_from_the_prediction_files(unit: RunUnit, digits_run: Path) -> None:
    table = where(
        read_table(digits_run / "out", "measurements.csv"),
        **{"method": unit.method, "members": str(unit.size or 1), "budget": unit.budget},
        replicate=unit.replicate,
    )
    table = table[table["score"].isin(["", "predictive_entropy"])]
    clean = arrays(digits_run, unit, CLEAN)
    for condition in DIGITS.conditions:
        values = where(table, condition=condition).set_index("metric")["value"]
        stored = arrays(digits_run, unit, condition)
        mean, share, members = stored["mean"], stored["vote_share"], unit.size or 1
        entropy = entropies(mean)
        assert values["predictive_entropy"] == pytest.approx(entropy.mean(), rel=1e-6)
        if members > 1:
            information = (entropy - stored["expected_entropy"]).mean()
            assert values["mutual_information"] == pytest.approx(information, abs=1e-6)
            differ = [1 - (s * (s * members - 1)).sum() / (members - 1) for s in share]
            assert values["pairwise_disagreement"] == pytest.approx(np.mean(differ), abs=1e-12)
        if "labels" in stored:
            labels = stored["labels"]
            assert values["accuracy"] == np.mean(mean.argmax(axis=1) == labels)
            nll = log_loss(labels, mean, labels=range(10))
            assert values["nll"] == pytest.approx(nll, rel=1e-6)
        if condition != CLEAN:
            scores = np.concatenate([entropies(clean["mean"]), entropy])
            positive = np.repeat([0, 1], [100, 100])
            assert values["auroc"] == pytest.approx(roc_auc_score(positive, scores))
            if "labels" not in stored:
                precision = average_precision_score(positive, scores)
                assert values["aupr_out"] == pytest.approx(precision)


def test_measuring_before_predicting_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no predictions .* run without --only first"):
        run_stages(*run_of(FEW, tmp_path), MEASURE)
    assert not (tmp_path / "out").exists()
