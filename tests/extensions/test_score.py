"""A score fitted on features: `nouns/class_mean.py`, and a line of the register."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.extensions.support import Written

pytestmark = pytest.mark.slow

NAME, LABEL = "class_mean", "Distance to class means"


def test_it_is_measured_with_intervals(written: Written) -> None:
    for method in ("softmax", "mc_dropout", "deep_ensemble"):
        rows = written.rows("summary.csv", method=method, score=NAME, metric="auroc")
        rows = rows.set_index("condition")
        for condition in ("ood-uniform_noise", "noise-40", "noisy-mean"):
            lower, value, upper = rows.loc[condition, ["lower", "value", "upper"]]
            assert lower < value < upper


def test_it_is_the_mean_over_the_networks_of_a_prediction(written: Written) -> None:
    one, dropout, ensemble = (
        written.prediction(unit, "clean")[f"score:{NAME}"]
        for unit in ("softmax", "mc_dropout-6", "deep_ensemble-3")
    )
    np.testing.assert_array_equal(one, dropout)  # dropout is off for features
    assert not np.allclose(one, ensemble)
    assert np.corrcoef(one, ensemble)[0, 1] > 0.5
    positive = np.repeat([0, 1], [len(one), 200])
    noise = written.prediction("softmax", "ood-uniform_noise")[f"score:{NAME}"]
    rows = written.rows("measurements.csv", method="softmax", replicate=0, score=NAME)
    row = rows[(rows["metric"] == "auroc") & (rows["condition"] == "ood-uniform_noise")]
    expected = roc_auc_score(positive, np.concatenate([one, noise]))
    assert row["value"].item() == pytest.approx(expected)


def test_methods_are_compared_by_it(written: Written) -> None:
    rows = written.rows("comparisons.csv", score=NAME)
    assert {"auroc", "aurc", "fpr95"} <= set(rows.loc[rows["p_value"].notna(), "metric"])


def test_it_is_in_the_tables(written: Written) -> None:
    by_score = {t for t in written.tables_with(LABEL) if t.startswith(("detection", "selective"))}
    assert len(by_score) == 9
    rows = written.table("detection-auroc-article")
    column = rows[0].index("Uniform noise")
    values = {row[0]: row[column] for row in rows if row[1] == LABEL}
    assert float(values["Softmax"].split()[0]) > 0.5
    assert values["Bagged centroids, M = 20"] == "unavailable"


def test_it_is_in_the_figures(written: Written) -> None:
    kinds = ("roc", "histograms", "risk-coverage")
    assert {f"{kind}-{NAME}-article" for kind in kinds} <= written.figures


def test_it_is_on_the_page(written: Written) -> None:
    assert f"figures/roc-{NAME}-article.png" in written.section("run")
    definitions = written.section("metrics")
    assert f'id="score-{NAME}"' in definitions
    assert "Mensink et al. 2013" in definitions


def test_a_method_without_features_has_the_reason(written: Written) -> None:
    rows = written.rows("summary.csv", method="bagged_centroids", score=NAME)
    assert rows["value"].isna().all()
    assert set(rows["reason"]) == {"the method gives no features"}
    assert set(rows["status"]) == {"unavailable"}
