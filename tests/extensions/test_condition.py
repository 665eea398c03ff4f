"""A group of conditions with two severities: two entries of a task, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from benchmarks.tasks import TASKS
from benchmarks.tasks.conditions import Condition
from benchmarks.tasks.mnist import MNIST
from tests.extensions.support import SMALL, Written, run
from tests.runs import small_mnist


def noisy(images: Tensor, std: float) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return (images + std * torch.randn(images.shape, generator=generator)).clamp(0, 1)


CORRUPTED = tuple(
    Condition(
        name=f"gaussian-{percent}",
        label=f"Noise {percent} %",
        group="corrupted",
        data="mnist",
        severity=percent,
        unit="% of white",
        in_mean=True,
        transform=partial(noisy, std=percent / 100),
    )
    for percent in (20, 40)
)
NAMES = [one.name for one in CORRUPTED]
MEAN = "Mean of Noise 20 %, Noise 40 %"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    with small_mnist(training=1000, test=300) as patch:
        task = replace(MNIST, conditions=(*MNIST.conditions, *CORRUPTED))
        patch.setitem(TASKS, "mnist", task)
        chosen = replace(SMALL, conditions=(*SMALL.conditions, "gaussian-*"))
        yield run(chosen, tmp_path_factory.mktemp("condition"))


def test_it_is_measured_with_intervals(written: Written) -> None:
    rows = written.rows("summary.csv", method="deep_ensemble", metric="accuracy")
    rows = rows.set_index("condition")
    for name in (*NAMES, "corrupted-mean"):
        assert rows.loc[name, "lower"] < rows.loc[name, "value"] < rows.loc[name, "upper"]
    assert rows.loc["corrupted-mean", "value"] == pytest.approx(rows.loc[NAMES, "value"].mean())
    assert rows.loc["gaussian-40", "value"] < rows.loc["clean", "value"]


def test_methods_are_compared_under_it(written: Written) -> None:
    tested = written.rows("comparisons.csv", metric="nll")
    tested = tested[tested["p_value"].notna()]
    assert {*NAMES, "corrupted-mean", "rotated-mean"} <= set(tested["condition"])


def test_it_is_in_the_tables(written: Written) -> None:
    shown = {
        *(f"{name}-standard" for name in ("overview", "main", "calibration", "uncertainty")),
        *(f"detection-{name}-standard" for name in ("auroc", "aupr_out", "aupr_in", "fpr95")),
        *(f"selective-{name}-standard" for name in ("misclassification_auroc", "aurc", "augrc")),
    }
    assert written.tables_with(MEAN) == shown - {"calibration-standard"}
    by_severity = {name for name in shown if name.startswith(("calibration", "selective"))}
    assert written.tables_with("Noise 40 %") >= by_severity
    of_group = [row for row in written.table("main-standard") if row[0] == MEAN]
    assert [row[1] for row in of_group] == ["Softmax", "Deep ensemble, M = 3"]
    assert all(row[2][0] in "01" for row in of_group)


def test_it_is_in_the_figures(written: Written) -> None:
    assert {f"corrupted-{metric}-standard" for metric in ("accuracy", "nll", "ece", "auroc")} <= (
        written.figures
    )
    by_condition = {f"{name}-standard" for name in ("entropy-split", "reliability", "corrupted")}
    by_condition |= {"corrupted-votes-standard", "risk-coverage-predictive_entropy-standard"}
    assert by_condition <= written.figures_with("condition", "gaussian-40")
    lines = written.rows("figures/corrupted-standard.csv", method="softmax", metric="accuracy")
    assert list(lines["severity"]) == [0, 20, 40]


def test_it_is_on_the_page(written: Written) -> None:
    section = written.section("corrupted")
    assert "Corrupted images" in section
    assert "Corrupted (% of white)" in section
    assert "Noise 40 %: " in section  # of a point's tooltip
    assert MEAN in written.section("leaderboard")
    assert "on corrupted images" in written.section("summary").lower()
    assert "Noise 40 %" in written.section("calibration")
    assert '"gaussian-40"' in written.page  # among the images to look at
