"""A group of conditions of two severities: `nouns/gaussian_noise.py`, and a line of the task."""

from __future__ import annotations

import pytest

from tests.extensions.support import Written

pytestmark = pytest.mark.slow

NAMES = ["noise-20", "noise-40"]
MEAN = "Mean of Noise 20 %, Noise 40 %"


def test_it_is_measured_with_intervals(written: Written) -> None:
    rows = written.rows("summary.csv", method="deep_ensemble", metric="accuracy")
    rows = rows.set_index("condition")
    for name in (*NAMES, "noisy-mean"):
        assert rows.loc[name, "lower"] < rows.loc[name, "value"] < rows.loc[name, "upper"]
    assert rows.loc["noisy-mean", "value"] == pytest.approx(rows.loc[NAMES, "value"].mean())
    assert rows.loc["noise-40", "value"] < rows.loc["clean", "value"]


def test_methods_are_compared_under_it(written: Written) -> None:
    tested = written.rows("comparisons.csv", metric="nll")
    tested = tested[tested["p_value"].notna()]
    assert {*NAMES, "noisy-mean"} <= set(tested["condition"])


def test_it_is_in_the_tables(written: Written) -> None:
    of_its_kind = {
        f"{kind}-{metric}-article"
        for kind, needs in (
            ("detection", {"score", "reference"}),
            ("selective", {"score", "labels"}),
        )
        for metric in written.metrics_that_need(needs)
        if not metric.startswith("error_at_coverage")  # together in the table of abstaining
    }
    assert len(of_its_kind) == 9
    of_mean = {
        f"{name}-article" for name in ("overview", "main", "uncertainty", "reference", "cost")
    }
    assert written.tables_with(MEAN) == {"kinds"} | of_mean | of_its_kind
    assert written.tables_with("Noise 40 %") >= {"calibration-article"} | of_its_kind
    of_group = [row for row in written.table("main-article") if row[0] == MEAN]
    assert [row[1] for row in of_group][:3] == [
        "Softmax",
        "MC-dropout, T = 6",
        "Deep ensemble, M = 3",
    ]
    assert all(0 < float(row[2].split()[0]) < 1 for row in of_group)


def test_it_is_in_the_figures(written: Written) -> None:
    assert {f"noisy-{metric}-article" for metric in ("accuracy", "nll", "ece", "auroc")} <= (
        written.figures
    )
    by_condition = {f"{name}-article" for name in ("entropy-split", "reliability", "noisy")}
    by_condition |= {"noisy-votes-article", "risk-coverage-predictive_entropy-article"}
    assert by_condition <= written.figures_with("condition", "noise-40")
    lines = written.rows("figures/noisy-article.csv", method="softmax", metric="accuracy")
    assert list(lines["severity"]) == [0, 20, 40]


def test_it_is_on_the_page(written: Written) -> None:
    section = written.section("group-noisy")
    assert "Noisy images" in section
    assert "Noisy (% of white)" in section
    assert "Noise 40 %: " in section  # of a point's tooltip
    assert MEAN in written.section("ranking")
    assert "on noisy images" in written.section("summary").lower()
    assert not written.rows("curves/reliability.csv", condition="noise-40").empty
    assert '"noise-40"' in written.page  # among the images to look at
