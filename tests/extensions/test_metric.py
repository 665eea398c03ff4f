"""A metric of each kind: `nouns/metrics.py` and `spherical_score.py`, a line of the register each.

Of labels, by a family of its own and by the suite's; selective; detection; per image; of members.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_curve

from tests.extensions.support import Written

pytestmark = pytest.mark.slow

LABELS = {
    "spherical_score": "Spherical score",
    "balanced_accuracy": "Balanced accuracy",
    "error_rate_at_80": "Error rate at 80 %",
    "fpr80": "FPR80",
    "margin": "Margin",
    "member_spread": "Member spread",
}

TABLES = {
    "spherical_score": {"main", "calibration", "cost"},
    "balanced_accuracy": {"main", "calibration", "cost"},
    "error_rate_at_80": {"main", "selective-error_rate_at_80"},
    "fpr80": {"main", "detection-fpr80"},
    "margin": {"main", "uncertainty"},
    "member_spread": {"main", "uncertainty"},
}

each_metric = pytest.mark.parametrize("metric", LABELS)


def entropy(mean: np.ndarray) -> np.ndarray:
    return -(mean * np.log(mean, where=mean > 0, out=np.zeros_like(mean))).sum(axis=1)


def expected(written: Written, condition: str) -> dict[str, float]:
    """The values of the first MC-dropout, by other means, from its prediction file."""
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
        "margin": float(np.mean(ordered[:, -1] - ordered[:, -2])),
        "member_spread": float(stored["members:member_spread"].mean()),
    }


@each_metric
def test_it_has_values_and_intervals(metric: str, written: Written) -> None:
    rows = written.rows("measurements.csv", method="mc_dropout", replicate=0, condition="noise-40")
    rows = rows[rows["score"].isin(["", "predictive_entropy"])].set_index("metric")
    assert rows.loc[metric, "value"] == pytest.approx(expected(written, "noise-40")[metric])
    summary = written.rows("summary.csv", method="deep_ensemble", metric=metric)
    summary = summary[summary["score"].isin(["", "predictive_entropy"])].set_index("condition")
    for condition in ("noise-40", "noisy-mean"):
        lower, value, upper = summary.loc[condition, ["lower", "value", "upper"]]
        assert lower < value < upper


@each_metric
def test_methods_are_compared_by_it(metric: str, written: Written) -> None:
    rows = written.rows("comparisons.csv", metric=metric, condition="noisy-mean")
    compared = {"mc_dropout", "deep_ensemble", "shifted_views", "bagged_centroids"}
    compared |= {"softmax"} if metric != "member_spread" else set()
    assert compared <= {*rows["method"], *rows["other_method"]}
    tested = metric not in ("margin", "member_spread")  # of these none is better than another
    assert rows["p_value"].notna().any() == tested


@each_metric
def test_it_is_in_the_tables_of_its_kind(metric: str, written: Written) -> None:
    headed = {name.removesuffix("-article") for name in written.tables_with(LABELS[metric])}
    own = {name for name in TABLES[metric] if name.endswith(metric)}
    assert headed == TABLES[metric] - own
    for name in own:
        assert len(written.table(f"{name}-article")) > 20


@each_metric
def test_it_is_in_the_figures(metric: str, written: Written) -> None:
    assert f"noisy-{metric}-article" in written.figures
    assert "noisy-article" in written.figures_with("metric", metric)


@each_metric
def test_it_is_on_the_page(metric: str, written: Written) -> None:
    assert LABELS[metric] in written.section("ranking")
    assert f'id="metric-{metric}"' in written.section("metrics")


def test_one_member_has_no_spread(written: Written) -> None:
    rows = written.rows("summary.csv", method="softmax", metric="member_spread")
    assert rows["value"].isna().all()
    assert set(rows["reason"]) == {"one member cannot disagree with itself"}
