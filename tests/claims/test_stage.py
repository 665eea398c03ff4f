"""The stage `claims`, end to end, on a run by the article's recipe and on others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from benchmarks.claims import CLAIMS, out_of_distribution
from benchmarks.claims.claim import ClaimVerdict
from benchmarks.claims.imitation import ComparedUnits
from benchmarks.claims.missing_data import ALL, LABELS, SIZES, trained_on
from benchmarks.claims.numbers import interval
from benchmarks.claims.predictor import TWO_IMAGES, Predictor
from benchmarks.headline import HEADLINE
from benchmarks.metrics import METRICS
from benchmarks.predictions import THE_RUN
from benchmarks.report.editorial import CEILING, IMITATION, OTHER_NETWORK
from benchmarks.run import stages
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table, where
from tests import runs
from tests.claims.support import lighten, run_in, write_latency
from tests.runs import lose_predictions

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("small_mnist")]


@pytest.fixture(scope="module")
def small_mnist() -> Iterator[None]:
    """600 images to train with and 600 to test, so that there is one of number 591."""
    with runs.small_mnist(training=600, test=600) as patch:
        patch.setattr(stages, "write_report", lambda *_: None)
        # Other tests time methods; this saves time.
        patch.setitem(stages.STAGES, "latency", lambda *_: [])
        lighten(patch)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, small_mnist: None) -> Path:
    """A folder with a finished run in `out` and its networks in `networks`."""
    folder = tmp_path_factory.mktemp("finished")
    assert run_stages(*run_in(folder), "train") == []
    write_latency(folder)
    assert run_stages(*run_in(folder)) == []
    return folder


def predictor_in(folder: Path) -> Predictor:
    return Predictor(*run_in(folder), 10)


def claims_of(folder: Path) -> dict[str, dict[str, Any]]:
    content = json.loads((folder / "out" / "claims.json").read_text())
    return {claim["id"]: claim for claim in content["claims"]}


def written(folder: Path) -> dict[str, bytes]:
    paths = [folder / "out" / name for name in ("claims.csv", "claims.json")]
    return {path.name: path.read_bytes() for path in (*paths, *(folder / "out/claims").iterdir())}


def rows_of(folder: Path, claim: str, **columns: object) -> pd.DataFrame:
    return where(read_table(folder / "out", "claims.csv"), claim=claim, **columns)


def test_every_claim_is_measured_and_judged_by_the_published_numbers(finished: Path) -> None:
    claims = claims_of(finished)
    assert tuple(claims) == tuple(CLAIMS)
    table = read_table(finished / "out", "claims.csv")
    # No out-of-distribution images of real things, which the headline is measured on.
    unmeasured = claims.pop("softmax-is-not-certainty")
    assert unmeasured["verdict"] == ClaimVerdict.NOT_TESTABLE
    assert "the stage measure" in unmeasured["why"]
    for id, claim in claims.items():
        assert claim["why"].startswith("Only 10 networks, not 50. "), id
        verdict, why, _ = CLAIMS[id].judge(where(table, claim=id))
        assert claim["verdict"] == verdict
        assert claim["why"].endswith(why)
    setting = json.loads((finished / "out" / "claims.json").read_text())["setting"]
    assert (setting["networks"], setting["epochs"], setting["images"]) == (10, 10, 600)
    assert setting["ood"] == ["Uniform noise"]


def test_predictions_of_another_run_are_made_again(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    predictor = predictor_in(tmp_path)
    unit, store = predictor.mc_dropout(0), predictor.workspace.predictions
    expected = predictor.get(unit, TWO_IMAGES).mean
    stored = store.load(unit, TWO_IMAGES)
    other = replace(stored.prediction, mean=stored.prediction.mean.flip(0))
    store.save(unit, TWO_IMAGES, replace(stored, prediction=other, sources={THE_RUN: 1}))
    assert torch.equal(predictor.get(unit, TWO_IMAGES).mean, expected)


def test_second_time_writes_the_same_bytes_by_any_number_of_jobs(
    finished: Path, tmp_path: Path
) -> None:
    def stored() -> dict[Path, int]:
        folders = (tmp_path / "out" / "predictions", tmp_path / "networks")
        files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
        return {path: path.stat().st_mtime_ns for path in files}

    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    before, times = written(tmp_path), stored()
    assert run_stages(*run_in(tmp_path), "claims") == []
    assert (written(tmp_path), stored()) == (before, times)
    lose_predictions(tmp_path / "out", "article-images")
    assert run_stages(*run_in(tmp_path, jobs=2), "claims") == []
    assert written(tmp_path) == before


def test_by_another_recipe_nothing_is_measured(tmp_path: Path) -> None:
    assert run_stages(*run_in(tmp_path, recipe="well-trained"), "claims") == []
    assert not (tmp_path / "out" / "claims.csv").exists()


def test_difference_of_softmax_and_others_is_that_of_the_headline(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracy = HEADLINE[0]  # the small run has no images of real things
    monkeypatch.setattr(out_of_distribution, "DETECTION", accuracy)
    table = pd.concat(out_of_distribution.measure_similarity(predictor_in(finished)))
    summary = where(
        read_table(finished / "out", "summary.csv"), metric="accuracy", condition="clean"
    )
    softmax, dropout = (
        where(summary, method=method)["value"].item() for method in ("softmax", "mc_dropout")
    )
    gap = interval(table, "auroc", **out_of_distribution.auroc_minus("mc_dropout"))
    assert gap.value == pytest.approx(softmax - dropout, abs=1e-5)  # rounded
    assert gap.lower < gap.value < gap.upper


def test_other_training_gets_no_verdict(tmp_path: Path) -> None:
    run = run_in(tmp_path, epochs=1, conditions=())
    assert run_stages(*run, "train") == []
    write_latency(tmp_path)
    assert run_stages(*run) == []
    claims = claims_of(tmp_path)
    assert {claim["verdict"] for claim in claims.values()} == {ClaimVerdict.NOT_TESTABLE}
    assert claims["image-61"]["why"].startswith("Networks were trained for 1 epochs, not 10. ")


def test_one_network_has_no_verdict_that_takes_several(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "networks", tmp_path / "networks")
    alone = run_in(tmp_path, members=(1,), replicates=1)
    for stage in ("train", "predict", "measure", "claims"):
        assert run_stages(*alone, stage) == []
    claims = claims_of(tmp_path)
    for id, claim in CLAIMS.items():
        reason = f"This takes at least {claim.least_networks} networks; the run has 1."
        assert (claims[id]["why"] == reason) is (claim.least_networks > 1), id
    del claims["architectures-differ"]  # which has networks of its own
    assert {claim["verdict"] for claim in claims.values()} == {ClaimVerdict.NOT_TESTABLE}


def test_training_sets_take_as_many_steps_and_are_nested(finished: Path) -> None:
    images = {}
    for name in set(LABELS) - {ALL}:
        pool, training = trained_on(name, *run_in(finished))
        counts = torch.bincount(training.labels, minlength=10)
        assert len(training.labels) == SIZES.get(name, 600)
        assert name not in SIZES or counts.tolist() == [SIZES[name] // 10] * 10
        assert pool.recipe.steps(len(training.labels)) == 100
        images[name] = {image.numpy().tobytes() for image in training.images}
    few, more = (images[name] for name in SIZES)
    assert few < more


def test_imitation_is_measured_on_networks_of_neither_ensemble(finished: Path) -> None:
    predictor = predictor_in(finished)
    units = ComparedUnits.of(predictor)
    used = [list(predictor.method(unit).networks) for unit in (*units[:3], *units.sampled)]
    assert used == [[0, 1], [2, 3], [9, 10, 11], [4], [5], [6]]
    columns = {"metric": "rank_correlation", "score": "mutual_information", "condition": "clean"}
    table = rows_of(finished, "dropout-mimics-ensemble", **columns)
    counts = {IMITATION: 3, OTHER_NETWORK: 3, CEILING: 1}
    assert table.groupby("case").size().to_dict() == counts
    errors = {"metric": "misclassification_auroc", "score": "mutual_information"}
    table = rows_of(finished, "dropout-mimics-ensemble", method="deep_ensemble", **errors)
    ensemble = predictor.get(predictor.ensemble)
    wrong = ensemble.mean.argmax(dim=1) != predictor.labels
    expected = roc_auc_score(wrong, METRICS["mutual_information"].function(ensemble))
    assert table["value"].tolist() == [pytest.approx(expected, abs=1e-6)]
