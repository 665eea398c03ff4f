"""A small run on real data, end to end, broken and resumed in every way that a user can."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from benchmarks.data.datasets import Unavailable, load_mnist
from benchmarks.errors import UserError
from benchmarks.predictions import RunUnit
from benchmarks.records import read_table
from benchmarks.run import stages as runner
from benchmarks.run import workspace as workspace_module
from benchmarks.run.configuration import Configuration
from benchmarks.run.integrity.check import IntegrityError
from benchmarks.run.plan import Plan
from benchmarks.run.stages import run_stages
from benchmarks.tasks import conditions
from methods.networks import pool as network_pool
from methods.networks.labelled_images import LabelledImages
from methods.networks.recipes import RECIPES, Recipe
from methods.networks.training import TrainingDivergedError
from tests.a_run import Run, run_of

SMALL = Configuration(
    preset="quick",
    recipes=("standard", "plain"),
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    conditions=("rotated-045", "rotated-120", "ood-uniform_noise", "ood-gaussian_noise"),
    members=(2,),
    passes=(4,),
    replicates=2,
    images=150,
    epochs=1,
    resamples=100,
)

UNITS = [
    *(("standard", "softmax", None, replicate) for replicate in (0, 1)),
    *(("plain", "softmax", None, replicate) for replicate in (0, 1)),
    *(("standard", "mc_dropout", 4, replicate) for replicate in (0, 1)),
    ("standard", "deep_ensemble", 2, 0),
    ("plain", "deep_ensemble", 2, 0),
]
"""These have prediction files; MC-dropout of networks without dropout has none."""

CUSTOM = '''
import dataclasses

import torch

from methods import Prediction, UncertaintyMethod


class NearestMean(UncertaintyMethod):
    """Nearest class mean, over random halves of the training images."""

    name = "nearest_mean"

    def fit(self, images, labels):
        generator = torch.Generator().manual_seed(self.seed)
        flat = images.flatten(start_dim=1)
        self.means = []
        for _ in range(3):
            half = torch.randperm(len(flat), generator=generator)[: len(flat) // 2]
            self.means.append(
                torch.stack([flat[half][labels[half] == c].mean(dim=0) for c in range(10)])
            )
        return self

    def predict(self, images):
        distances = torch.stack([torch.cdist(images.flatten(start_dim=1), m) for m in self.means])
        whole = Prediction.of_logits(-distances)
        nearest = distances.amin(dim=(0, 2)).double()
        return dataclasses.replace(whole, scores={"nearest": nearest})
'''


@pytest.fixture(scope="module", autouse=True)
def small_mnist() -> Iterator[None]:
    whole = {"train": load_mnist("train"), "test": load_mnist("test")}

    def load(split: str, *, data_dir: Path | None) -> LabelledImages:
        mnist, images = whole[split], {"train": 1000, "test": 200}[split]
        return LabelledImages(mnist.images[:images], mnist.labels[:images])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace_module, "load_mnist", load)
        patch.setattr(conditions, "load_mnist", load)
        # Other tests cover these two stages; this saves time.
        patch.setattr(runner, "time_methods", lambda *_: [])
        patch.setattr(runner, "write_report", lambda _: None)
        forget_images()
        yield
    forget_images()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, small_mnist: None) -> Path:
    """A folder with a finished run in `out` and its networks in `networks`."""
    folder = tmp_path_factory.mktemp("finished")
    assert run_stages(*run_in(folder)) == []
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be damaged."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*_: object, **__: object) -> None:
        raise AssertionError("nothing was to be trained")

    monkeypatch.setattr(network_pool, "train_networks", train)


@pytest.fixture
def no_noise(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    original = conditions.load_out_of_distribution

    def load(name: str, *, seed: int, data_dir: Path | None) -> torch.Tensor:
        if name == "uniform_noise":
            raise Unavailable("no mirror responds")
        return original(name, seed=seed, data_dir=data_dir)

    monkeypatch.setattr(conditions, "load_out_of_distribution", load)
    forget_images()
    yield
    forget_images()


def forget_images() -> None:
    workspace_module._mnist.cache_clear()
    workspace_module._evaluation_set.cache_clear()


def run_in(folder: Path, configuration: Configuration = SMALL) -> Run:
    return run_of(configuration, folder)


def tables(folder: Path) -> dict[str, bytes]:
    return {
        name: (folder / "out" / name).read_bytes()
        for name in ("training.csv", "measurements.csv", "summary.csv", "comparisons.csv")
    }


def arrays(folder: Path, unit: RunUnit, condition: str) -> dict[str, np.ndarray]:
    with np.load(folder / "out" / "predictions" / unit.name / f"{condition}.npz") as file:
        return dict(file)


def prediction_files(folder: Path) -> list[Path]:
    return list((folder / "out" / "predictions").rglob("*.npz"))


def custom_method(folder: Path, *changes: tuple[str, str]) -> str:
    text = CUSTOM
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    path = folder / "mine.py"
    path.write_text(text)
    return f"{path}:NearestMean"


def breaking(when: str, error: str = "RuntimeError('not these\\nof all')") -> tuple[str, str]:
    predict = "    def predict(self, images):\n"
    return predict, f"{predict}        if {when}:\n            raise {error}\n"


def test_every_file_is_there(finished: Path) -> None:
    out = finished / "out"
    assert {path.name for path in out.iterdir()} == {
        *("measurements.csv", "summary.csv", "comparisons.csv", "training.csv", "run.json"),
        *("predictions", "curves", "images.npz", "claims.json", "claims.md"),
    }
    predictions = {str(path.relative_to(out)) for path in prediction_files(finished)}
    expected = {
        f"predictions/{RunUnit(*unit).name}/{condition}.npz"
        for unit in UNITS
        for condition in SMALL.conditions
    }
    assert predictions == expected
    assert len(list((finished / "networks").iterdir())) == 4


def test_every_unit_has_rows_of_every_condition(finished: Path) -> None:
    table = read_table(finished / "out" / "measurements.csv")
    rows = set(table.groupby(["recipe", "method", "members", "replicate", "condition"]).groups)
    members = {"softmax": "1", "mc_dropout": "4", "deep_ensemble": "2"}
    expected = {
        (recipe, method, members[method], replicate, condition)
        for recipe, method, _, replicate in [
            *UNITS,
            *(("plain", "mc_dropout", 4, replicate) for replicate in (0, 1)),
        ]
        for condition in ("clean", "rotated-045", "rotated-120", *SMALL.conditions[-2:])
    }
    assert rows == expected
    key = ["recipe", "method", "members", "replicate", "condition", "score", "metric"]
    assert not table.duplicated(key).any()


def test_mc_dropout_of_networks_without_dropout_has_a_reason_and_no_numbers(finished: Path) -> None:
    table = read_table(finished / "out" / "measurements.csv")
    mine = (table["recipe"] == "plain") & (table["method"] == "mc_dropout")
    assert set(table.loc[mine, "status"]) == {"not applicable"}
    assert table.loc[mine, "value"].isna().all()
    assert table.loc[mine, "reason"].str.contains("without dropout").all()
    assert not (table.loc[~mine, "status"] == "not applicable").any()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: RunUnit(*unit).name)
def test_numbers_follow_from_the_prediction_files(
    unit: tuple[str, str, int | None, int], finished: Path
) -> None:
    table = read_table(finished / "out" / "measurements.csv")
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
        mean, share, members = stored["mean"], stored["vote_share"], int(stored["members"])
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
            assert values["aupr_out"] == pytest.approx(average_precision_score(positive, scores))


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
    np.testing.assert_allclose(ensemble["mean"], both, atol=1e-12)


def test_methods_and_conditions_have_the_same_images(finished: Path) -> None:
    labels = [
        arrays(finished, RunUnit(*unit), condition)["labels"]
        for unit in UNITS
        for condition in ("clean", "rotated-045", "rotated-120")
    ]
    assert all(np.array_equal(one, labels[0]) for one in labels)
    assert len(labels[0]) == 150


def test_training_log_has_both_splits_of_every_network(finished: Path) -> None:
    log = pd.read_csv(finished / "out" / "training.csv")
    rows = [tuple(row) for row in log[["recipe", "network", "epoch", "split"]].to_numpy()]
    assert rows == [
        (recipe, network, 1, split)
        for recipe in ("standard", "plain")
        for network in (0, 1)
        for split in ("training", "validation")
    ]


def test_record_has_the_configuration_and_the_data(finished: Path) -> None:
    record = json.loads((finished / "out" / "run.json").read_text())
    assert record["configuration"] == SMALL.identity
    assert set(record["data"]) == {"training", *SMALL.conditions}
    assert len({entry["fingerprint"] for entry in record["data"].values()}) == 6
    stages = {"train", "predict", "measure", "latency", "claims", "report"}
    assert set(record["seconds"]) == stages


def test_record_has_the_results_of_the_probes(finished: Path) -> None:
    integrity = json.loads((finished / "out" / "run.json").read_text())["integrity"]
    assert all(check["passed"] for checks in integrity.values() for check in checks)
    probed = [(check["probe"], check["subject"]) for check in integrity["networks"]]
    of_every_recipe = ("different weights", "different predictions", "same bits")
    assert probed == [
        ("disjoint images", "MNIST"),
        *((probe, "standard") for probe in (*of_every_recipe, "firing dropout", "kept share")),
        *((probe, "plain") for probe in of_every_recipe),
    ]
    (shares,) = (c["found"] for c in integrity["networks"] if c["probe"] == "kept share")
    assert shares["channels drawn"] == 2 * 4 * 22
    (sound,) = (check["found"] for check in integrity["predictions"])
    assert sound["prediction files"] == len(UNITS) * len(SMALL.conditions)


def test_failing_network_probe_stops_the_run_before_anything_is_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_images = workspace_module.load_mnist("test", data_dir=None)
    monkeypatch.setattr(workspace_module, "load_mnist", lambda split, *, data_dir: test_images)
    forget_images()
    few = replace(SMALL, recipes=("plain",), methods=("softmax",), conditions=(), replicates=1)
    with pytest.raises(IntegrityError, match=r"'disjoint images' failed.*images in both: 200"):
        run_stages(*run_in(tmp_path, few))
    forget_images()
    assert not prediction_files(tmp_path)
    integrity = json.loads((tmp_path / "out" / "run.json").read_text())["integrity"]
    assert not integrity["networks"][0]["passed"]


def test_unsound_prediction_stops_the_run_before_anything_is_scored(folder: Path) -> None:
    for name in ("measurements.csv", "summary.csv"):
        (folder / "out" / name).unlink()
    unit = RunUnit("standard", "mc_dropout", 4, 1)
    spoilt = arrays(folder, unit, "rotated-120")
    spoilt["mean"][5] *= 1.001
    run = run_in(folder)
    np.savez(run.workspace.predictions.path(unit, "rotated-120"), **spoilt)
    with pytest.raises(
        IntegrityError, match=r"'sound prob.*mc_dropout-4/replicate-01/rotated-120 .*rows: 1;"
    ):
        run_stages(*run, "measure")
    assert not (folder / "out" / "measurements.csv").exists()
    integrity = json.loads((folder / "out" / "run.json").read_text())["integrity"]
    assert [check["passed"] for check in integrity["predictions"]] == [False]
    assert len(integrity["networks"]) == 9


def test_second_run_trains_nothing_and_writes_the_same_bytes(
    folder: Path, no_training: None
) -> None:
    before = tables(folder)
    assert run_stages(*run_in(folder)) == []
    assert tables(folder) == before


def test_another_folder_gets_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    assert run_stages(*run_in(tmp_path)) == []
    assert tables(tmp_path) == tables(finished)


def test_measuring_alone_needs_neither_networks_nor_images(
    folder: Path, no_training: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_images(*_: object, **__: object) -> None:
        raise AssertionError("no image was to be loaded")

    before = tables(folder)
    shutil.rmtree(folder / "networks")
    (folder / "out" / "measurements.csv").unlink()
    (folder / "out" / "summary.csv").unlink()
    (folder / "out" / "comparisons.csv").unlink()
    forget_images()
    monkeypatch.setattr(workspace_module, "load_mnist", no_images)
    monkeypatch.setattr(conditions, "load_mnist", no_images)
    monkeypatch.setattr(conditions, "load_out_of_distribution", no_images)
    assert run_stages(*run_in(folder), "measure") == []
    assert tables(folder) == before


@pytest.mark.parametrize("stage", ["train", "predict"])
def test_one_stage_writes_its_own_files_only(stage: str, tmp_path: Path) -> None:
    few = replace(SMALL, recipes=("plain",), methods=("softmax",), conditions=(), replicates=1)
    assert run_stages(*run_in(tmp_path, few), stage) == []
    written = {path.name for path in (tmp_path / "out").iterdir()}
    files = {"train": {"training.csv"}, "predict": {"predictions", "images.npz"}}
    assert written == {"run.json", *files[stage]}


def test_measuring_before_predicting_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no predictions .* run without --only first"):
        run_stages(*run_in(tmp_path), "measure")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("condition", ["clean", "rotated-120", "ood-uniform_noise"])
def test_lost_prediction_file_is_predicted_again(
    condition: str, folder: Path, no_training: None
) -> None:
    before = tables(folder)
    run = run_in(folder)
    lost = run.workspace.predictions.path(RunUnit("standard", "mc_dropout", 4, 1), condition)
    content = lost.read_bytes()
    others = {path: path.stat().st_mtime_ns for path in prediction_files(folder) if path != lost}
    lost.unlink()
    assert run_stages(*run) == []
    assert lost.read_bytes() == content
    assert tables(folder) == before
    assert {path: path.stat().st_mtime_ns for path in others} == others


def test_damaged_prediction_file_is_named(folder: Path) -> None:
    run = run_in(folder)
    damaged = run.workspace.predictions.path(RunUnit("standard", "softmax", None, 0), "rotated-045")
    damaged.write_bytes(damaged.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"rotated-045\.npz cannot be read .* delete it"):
        run_stages(*run)
    damaged.unlink()
    assert run_stages(*run) == []


def test_set_that_cannot_be_had_is_left_out_and_recorded(
    finished: Path, tmp_path: Path, no_noise: None
) -> None:
    shutil.copytree(finished / "networks", tmp_path / "networks")
    assert run_stages(*run_in(tmp_path)) == []
    for name in ("measurements.csv", "summary.csv", "comparisons.csv"):
        table, whole = (read_table(path / "out" / name) for path in (tmp_path, finished))
        others = whole[whole["condition"] != "ood-uniform_noise"].reset_index(drop=True)
        assert len(others) < len(whole)
        if name == "comparisons.csv":  # corrected for fewer comparisons
            table, others = (one.drop(columns="p_holm") for one in (table, others))
        pd.testing.assert_frame_equal(table, others)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["data"]["ood-uniform_noise"] == {"unavailable": "no mirror responds"}


def test_set_that_can_be_had_later_is_added(
    finished: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    shutil.copytree(finished / "networks", tmp_path / "networks")
    request.getfixturevalue("no_noise")
    run_stages(*run_in(tmp_path))
    request.getfixturevalue("monkeypatch").undo()
    forget_images()
    assert run_stages(*run_in(tmp_path)) == []
    assert tables(tmp_path) == tables(finished)


def test_numbers_of_a_set_that_is_gone_later_are_kept(folder: Path, no_noise: None) -> None:
    before = tables(folder)
    assert run_stages(*run_in(folder)) == []
    assert tables(folder) == before


def test_custom_method_is_evaluated_like_the_suites(tmp_path: Path) -> None:
    mine = replace(
        SMALL,
        methods=(),
        custom_methods=(custom_method(tmp_path / "code"),),
        conditions=("rotated-045",),
    )
    assert run_stages(*run_in(tmp_path, mine)) == []
    table = read_table(tmp_path / "out" / "measurements.csv")
    assert set(table["recipe"]) == {"self-trained"}
    assert set(table["method"]) == {"nearest_mean"}
    assert set(table["members"]) == {"3"}
    scored = table[(table["score"] == "nearest") & (table["condition"] == "rotated-045")]
    assert {"auroc", "aupr_out", "aupr_in", "fpr95", "aurc"} < set(scored["metric"])
    assert (scored["status"] == "ok").all()
    accuracy = table[(table["metric"] == "accuracy") & (table["condition"] == "clean")]
    assert (accuracy["value"] > 0.5).all()
    assert accuracy["value"].nunique() == 2


def test_failing_custom_method_fails_alone(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "networks", tmp_path / "networks")
    location = custom_method(tmp_path / "code", breaking("True"))
    with_mine = replace(SMALL, custom_methods=(location,), conditions=SMALL.conditions[:2])
    run = run_in(tmp_path, with_mine)
    failures = run_stages(*run)
    assert [(failure.what, failure.reason) for failure in failures] == [
        (f"self-trained/nearest_mean/replicate-0{replicate}", "RuntimeError: not these")
        for replicate in (0, 1)
    ]
    table = read_table(run.workspace.out / "measurements.csv")
    mine = table["method"] == "nearest_mean"
    assert set(table.loc[mine, "status"]) == {"failed"}
    assert set(table.loc[mine, "reason"]) == {"RuntimeError: not these"}
    assert set(table.loc[mine, "condition"]) == {"clean", "rotated-045"}
    whole = read_table(finished / "out" / "measurements.csv")
    same = whole[whole["condition"].isin(["clean", "rotated-045"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(table[~mine].reset_index(drop=True), same)
    (first, second) = sorted((run.workspace.out / "errors").iterdir())
    assert "not these" in first.read_text()
    assert "Traceback" in second.read_text()


def test_failure_on_one_condition_keeps_the_others(tmp_path: Path) -> None:
    location = custom_method(tmp_path / "code", breaking("images.mean() > 0.4"))
    mine = replace(
        SMALL,
        methods=(),
        custom_methods=(location,),
        conditions=("rotated-045", "ood-uniform_noise"),
    )
    assert len(run_stages(*run_in(tmp_path, mine))) == 2
    table = read_table(tmp_path / "out" / "measurements.csv")
    failed = set(table.loc[table["status"] == "failed", "condition"])
    assert failed == {"ood-uniform_noise"}
    assert set(table["condition"]) == {"clean", "rotated-045", "ood-uniform_noise"}
    assert set(table["members"]) == {"3"}


def test_trace_of_a_failure_goes_when_the_method_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(SMALL, recipes=("plain",), methods=("softmax",), conditions=(), replicates=1)
    run = run_in(tmp_path, few)

    def fail(*_: object) -> None:
        raise RuntimeError("not today")

    with monkeypatch.context() as patch:
        patch.setattr("methods.softmax.Softmax.predict", fail)
        (failure,) = run_stages(*run)
    assert failure.reason == "RuntimeError: not today"
    assert len(list((run.workspace.out / "errors").iterdir())) == 1
    assert run_stages(*run) == []
    assert list((run.workspace.out / "errors").iterdir()) == []
    table = read_table(run.workspace.out / "measurements.csv")
    assert not (table["status"] == "failed").any()


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


def test_what_a_method_does_to_its_images_does_not_reach_the_others(tmp_path: Path) -> None:
    location = custom_method(
        tmp_path / "code",
        ("flat = images.flatten(start_dim=1)", "flat = images.mul_(0).flatten(1)"),
    )
    mine = replace(SMALL, methods=(), custom_methods=(location,), conditions=(), replicates=1)
    run = run_in(tmp_path, mine)
    before = run.workspace.training_images().images.clone()
    run_stages(*run)
    assert torch.equal(run.workspace.training_images().images, before)


def test_diverging_network_is_reported_and_the_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "plain", replace(RECIPES["plain"], learning_rate=float("inf")))
    both = replace(SMALL, methods=("softmax",), conditions=(), replicates=1)
    failures = run_stages(*run_in(tmp_path, both))
    assert [failure.what for failure in failures] == [
        "network 0 of plain",
        "plain/softmax/replicate-00",
    ]
    assert all("loss became nan in epoch 1" in failure.reason for failure in failures)
    table = read_table(tmp_path / "out" / "measurements.csv")
    assert set(table.loc[table["recipe"] == "plain", "status"]) == {"failed"}
    accuracy = table[(table["recipe"] == "standard") & (table["metric"] == "accuracy")]
    assert list(accuracy["status"]) == ["ok"]
    log = pd.read_csv(tmp_path / "out" / "training.csv")
    assert set(log["recipe"]) == {"standard"}
    assert [path.name.startswith("standard") for path in (tmp_path / "networks").iterdir()] == [
        True
    ]


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
    assert [path.parent.name for path in prediction_files(tmp_path)] == ["replicate-00"]


def test_units_of_a_group_are_as_if_predicted_alone(tmp_path: Path) -> None:
    chosen = replace(SMALL, recipes=("standard",), methods=("mc_dropout", "deep_ensemble"))
    both = replace(chosen, passes=(3, 7), members=(2, 5))
    run_stages(*run_in(tmp_path, both), only="predict")
    few = replace(chosen, passes=(3,), members=(2,))
    machine = replace(run_in(tmp_path).workspace, out=tmp_path / "few" / "out")
    run_stages(Plan(few), machine, only="predict")
    assert len(prediction_files(tmp_path / "few")) > 0
    for path in prediction_files(tmp_path / "few"):
        twin = tmp_path / "out" / path.relative_to(machine.out)
        assert twin.read_bytes() == path.read_bytes()


def test_folder_of_another_configuration_is_refused_and_left_alone(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    other = replace(SMALL, seed=1, epochs=2)
    with pytest.raises(UserError, match=r"another configuration \(other epochs, seed\).*--out"):
        run_stages(*run_in(folder, other))
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert after == before


def test_overwriting_removes_the_earlier_run_but_nothing_else(folder: Path) -> None:
    (folder / "out" / "notes.txt").write_text("mine")
    few = replace(SMALL, recipes=("plain",), methods=("softmax",), conditions=(), replicates=1)
    assert run_stages(*run_in(folder, few), overwrite=True) == []
    assert len(prediction_files(folder)) == 1
    assert (folder / "out" / "notes.txt").read_text() == "mine"
    table = read_table(folder / "out" / "measurements.csv")
    assert set(table["method"]) == {"softmax"}


def test_other_jobs_and_folders_are_the_same_run(folder: Path, no_training: None) -> None:
    before = tables(folder)
    run = run_in(folder)
    moved = folder / "elsewhere"
    shutil.copytree(folder / "networks", moved)
    again = replace(run.workspace, networks=moved, jobs=2)
    assert run_stages(run.plan, again, "measure") == []
    assert tables(folder) == before


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
        assert not [word for word in private if word in content], path.name


def test_global_settings_of_torch_are_left_alone(tmp_path: Path) -> None:
    few = replace(SMALL, recipes=("plain",), methods=("softmax",), conditions=(), replicates=1)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    run_stages(*run_in(tmp_path, few))
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_ensembles_are_disjoint_blocks_of_the_largest() -> None:
    run = run_in(Path("nowhere"), replace(SMALL, members=(2, 5), replicates=3))
    ensembles = [
        (unit.recipe, unit.size, unit.replicate)
        for unit in run.plan.units()
        if unit.method == "deep_ensemble"
    ]
    assert sorted(ensembles) == [
        (recipe, *rest) for recipe in ("plain", "standard") for rest in ((2, 0), (2, 1), (5, 0))
    ]
    assert run.plan.networks() == [
        (recipe, n) for recipe in ("standard", "plain") for n in range(5)
    ]
