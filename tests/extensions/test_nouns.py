"""New nouns, each a file of `nouns/` and a line of a register: measured, compared and shown."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

from benchmarks.run.reading import OF_ONE
from benchmarks.schema import where
from tests.extensions.support import Written

pytestmark = pytest.mark.slow

CONDITIONS = ["noise-20", "noise-40"]
METHODS = {"shifted_views": (2, 4, 7), "bagged_centroids": (5, 20)}
SCORE = "class_mean"
CLAIM = "noise-lowers-accuracy"

METRICS = {
    "spherical_score": "Spherical score",
    "balanced_accuracy": "Balanced accuracy",
    "error_rate_at_80": "Error rate at 80 %",
    "fpr80": "FPR80",
    "discrimination": "Discrimination",
    "margin": "Margin",
}

SHOWN = {
    "method": "Shifted views, V = 7",
    "custom method": "Bagged centroids, M = 20",
    "condition": "Mean of Noise 20 %, Noise 40 %",
    "score": "Distance to class means",
    **METRICS,
}
"""The label of each noun in tables and on the page."""


def entropy(mean: np.ndarray) -> np.ndarray:
    return -(mean * np.log(mean, where=mean > 0, out=np.zeros_like(mean))).sum(axis=1)


def expected(written: Written, condition: str) -> dict[str, float]:
    """The metrics of the first MC-dropout, by other means, from its prediction file."""
    stored, clean = (written.prediction("mc_dropout-6", c) for c in (condition, "clean"))
    mean, labels, score = stored["mean"], stored["labels"], entropy(stored["mean"])
    order = np.argsort(score, kind="stable")[: int(0.8 * len(score))]
    scores = np.concatenate([entropy(clean["mean"]), score])
    positive = np.repeat([0, 1], [len(clean["mean"]), len(score)])
    flagged_clean, flagged, _ = roc_curve(positive, scores, drop_intermediate=False)
    ordered = np.sort(mean, axis=1)
    of_label = mean[np.arange(len(labels)), labels]
    return {
        "spherical_score": float(np.mean(of_label / np.sqrt((mean**2).sum(axis=1)))),
        "balanced_accuracy": balanced_accuracy_score(labels, mean.argmax(axis=1)),
        "error_rate_at_80": float(np.mean(mean.argmax(axis=1)[order] != labels[order])),
        "fpr80": float(flagged_clean[np.argmax(flagged >= 0.8)]),
        "discrimination": 2 * roc_auc_score(mean.argmax(axis=1) != labels, score) - 1,
        "margin": float(np.mean(ordered[:, -1] - ordered[:, -2])),
    }


@pytest.mark.parametrize("metric", METRICS)
def test_metric_has_values_and_intervals_and_decides_nothing(metric: str, written: Written) -> None:
    rows = written.rows(
        "measurements.csv", method="mc_dropout", replicate=0, condition="noisy-mean"
    )
    rows = rows[rows["score"].isin(["", "predictive_entropy"])].set_index("metric")
    mean = np.mean([expected(written, condition)[metric] for condition in CONDITIONS])
    assert rows.loc[metric, "value"] == pytest.approx(mean)
    summary = written.rows("summary.csv", method="deep_ensemble", metric=metric)
    summary = summary[summary["score"].isin(["", "predictive_entropy"])].set_index("condition")
    lower, value, upper = summary.loc["noisy-mean", ["lower", "value", "upper"]]
    assert lower < value < upper
    assert written.rows("answer.csv", metric=metric).empty


@pytest.mark.parametrize("method", METHODS)
def test_method_is_measured_at_every_size_and_compared_at_the_largest(
    method: str, written: Written
) -> None:
    rows = written.rows("summary.csv", method=method, metric="accuracy", condition="clean")
    assert list(rows["members"]) == [str(size) for size in METHODS[method]]
    assert (rows["lower"] < rows["value"]).all()
    assert (rows["value"] < rows["upper"]).all()
    answer = written.rows("answer.csv", method=method, metric="nll")
    assert list(answer["members"]) == [str(METHODS[method][-1])]
    assert answer["difference"].notna().all()


def test_fewer_views_are_the_first_of_more(written: Written) -> None:
    few, more = (written.prediction(f"shifted_views-{n}", "clean")["mean"] for n in (2, 4))
    single = softmax(written.outputs("clean")["logits"], axis=1)
    assert not np.allclose(few, more)
    assert np.abs(few - single).max() <= 0.5 + 1e-6  # one of the two views is the image itself


def test_calibrated_method_lowers_the_nll_and_keeps_the_classes(written: Written) -> None:
    scaled, plain = (
        written.rows("summary.csv", method=method, condition="clean").set_index("metric")["value"]
        for method in ("power_scaling", "softmax")
    )
    assert scaled["accuracy"] == plain["accuracy"]
    assert scaled["nll"] < plain["nll"]


def test_group_of_conditions_has_a_mean(written: Written) -> None:
    rows = written.rows("summary.csv", method="deep_ensemble", metric="accuracy")
    rows = rows.set_index("condition")
    for name in (*CONDITIONS, "noisy-mean"):
        assert rows.loc[name, "lower"] < rows.loc[name, "value"] < rows.loc[name, "upper"]
    assert rows.loc["noisy-mean", "value"] == pytest.approx(rows.loc[CONDITIONS, "value"].mean())
    assert rows.loc["noise-40", "value"] < rows.loc["clean", "value"]


def test_score_is_of_single_networks(written: Written) -> None:
    clean, noise = (
        written.outputs(condition)[f"score:{SCORE}"] for condition in ("clean", "ood-uniform_noise")
    )
    positive = np.repeat([0, 1], [len(clean), len(noise)])
    detected = roc_auc_score(positive, np.concatenate([clean, noise]))
    rows = written.rows("measurements.csv", replicate=0, score=SCORE, metric="auroc")
    rows = where(rows, condition="ood-uniform_noise").set_index("method")
    for method in ("softmax", "mc_dropout"):  # dropout is off for features
        assert rows.loc[method, "value"] == pytest.approx(detected)
    assert np.isnan(rows.loc["deep_ensemble", "value"])
    assert rows.loc["deep_ensemble", "reason"] == OF_ONE


def test_method_without_features_has_the_reason(written: Written) -> None:
    rows = written.rows("summary.csv", method="bagged_centroids", score=SCORE)
    assert rows["value"].isna().all()
    assert set(rows["reason"]) == {"the method gives no features"}
    assert set(rows["status"]) == {"unavailable"}


def test_claim_is_measured_and_judged(written: Written) -> None:
    claim = json.loads((written.folder / "claims.json").read_text())["claims"][-1]
    # The first of two parts.
    assert (claim["id"], claim["verdict"]) == (CLAIM, "partly reproduced")
    numbers = written.rows("claims.csv", claim=CLAIM)
    assert numbers["condition"].value_counts().to_dict() == {"clean": 3, "noise-40": 3}
    noisy = numbers[numbers["condition"] == "noise-40"]["value"].tolist()
    of_noise = written.rows("measurements.csv", method="softmax", metric="accuracy")
    of_noise = of_noise[of_noise["condition"] == "noise-40"].set_index("replicate")["value"]
    assert noisy[:2] == pytest.approx([of_noise[0], of_noise[1]])
    assert "Noise lowers the accuracy." in written.section("claims")


@pytest.mark.parametrize("noun", SHOWN)
def test_noun_is_in_tables_and_on_the_page(noun: str, written: Written) -> None:
    assert written.tables_with(SHOWN[noun])
    assert SHOWN[noun] in written.page


def test_nouns_are_in_the_figures(written: Written) -> None:
    for column, value in (("method", "shifted_views"), ("condition", "noise-40")):
        assert written.figures_with(column, value)
    lines = written.rows("figures/noisy.csv", method="softmax", metric="accuracy")
    assert list(lines["severity"]) == [0, 20, 40]
