"""New nouns, each a file of `nouns/` and a line of a register: measured, compared and shown."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.run.reading import OF_ONE
from benchmarks.schema import where
from tests.extensions.support import Written

pytestmark = pytest.mark.slow

CONDITIONS = ["noise-20", "noise-40"]
SCORE = "class_mean"

SHOWN = {
    "method": "Bagged centroids, M = 20",
    "condition": "Mean of Noise 20 %, Noise 40 %",
    "score": "Distance to class means",
    "metric": "Spherical score",
}
"""The label of each noun in tables and on the page."""


@pytest.mark.parametrize("noun", SHOWN)
def test_noun_is_in_tables_and_on_the_page(noun: str, written: Written) -> None:
    assert SHOWN[noun] in written.tables
    assert SHOWN[noun] in written.page


def test_metric_has_values_and_intervals_and_decides_nothing(written: Written) -> None:
    metric = {"metric": "spherical_score"}
    of_label = []
    for condition in CONDITIONS:
        stored = written.arrays("mc_dropout-6/*/", condition)
        mean, labels = stored["mean"], stored["labels"]
        lengths = np.sqrt((mean**2).sum(axis=1))
        of_label.append(np.mean(mean[np.arange(len(labels)), labels] / lengths))
    (row,) = written.rows(
        "measurements.csv", method="mc_dropout", replicate=0, condition="noisy-mean", **metric
    ).to_dict("records")
    assert row["value"] == pytest.approx(np.mean(of_label))
    summary = written.rows("summary.csv", method="deep_ensemble", **metric)
    lower, value, upper = summary.set_index("condition").loc[
        "noisy-mean", ["lower", "value", "upper"]
    ]
    assert lower < value < upper
    assert written.rows("answer.csv", **metric).empty


def test_method_is_measured_at_every_size_and_compared_at_the_largest(written: Written) -> None:
    chosen = {"method": "bagged_centroids"}
    rows = written.rows("summary.csv", metric="accuracy", condition="clean", **chosen)
    assert list(rows["members"]) == ["5", "20"]
    assert ((rows["lower"] < rows["value"]) & (rows["value"] < rows["upper"])).all()
    answer = written.rows("answer.csv", metric="nll", **chosen)
    assert list(answer["members"]) == ["20"]
    assert answer["difference"].notna().all()
    scored = written.rows("summary.csv", score=SCORE, **chosen)
    assert set(scored["reason"]) == {"the method gives no features"}
    assert scored["value"].isna().all()


def test_group_of_conditions_has_a_mean_and_a_figure(written: Written) -> None:
    rows = written.rows("summary.csv", method="deep_ensemble", metric="accuracy")
    rows = rows.set_index("condition")
    for name in (*CONDITIONS, "noisy-mean"):
        assert rows.loc[name, "lower"] < rows.loc[name, "value"] < rows.loc[name, "upper"]
    assert rows.loc["noisy-mean", "value"] == pytest.approx(rows.loc[CONDITIONS, "value"].mean())
    assert rows.loc["noise-40", "value"] < rows.loc["clean", "value"]
    assert (written.folder / "figures" / "noisy.png").exists()


def test_score_is_of_single_networks(written: Written) -> None:
    clean, noise = (
        written.arrays("**/network-00", condition)[f"score:{SCORE}"]
        for condition in ("clean", "ood-uniform_noise")
    )
    positive = np.repeat([0, 1], [len(clean), len(noise)])
    detected = roc_auc_score(positive, np.concatenate([clean, noise]))
    rows = written.rows("measurements.csv", replicate=0, score=SCORE, metric="auroc")
    rows = where(rows, condition="ood-uniform_noise").set_index("method")
    for method in ("softmax", "mc_dropout"):  # dropout is off for features
        assert rows.loc[method, "value"] == pytest.approx(detected)
    assert np.isnan(rows.loc["deep_ensemble", "value"])
    assert rows.loc["deep_ensemble", "reason"] == OF_ONE


def test_claim_is_measured_and_judged(written: Written) -> None:
    claim = json.loads((written.folder / "claims.json").read_text())["claims"][-1]
    # The first of two parts.
    assert (claim["id"], claim["verdict"]) == ("noise-lowers-accuracy", "partly reproduced")
    numbers = written.rows("claims.csv", claim=claim["id"], condition="noise-40")
    measured = written.rows("measurements.csv", method="softmax", metric="accuracy")
    of_noise = where(measured, condition="noise-40").set_index("replicate")["value"]
    assert numbers["value"].tolist()[:2] == pytest.approx([of_noise[0], of_noise[1]])
    assert "Noise lowers the accuracy." in written.section("claims")
