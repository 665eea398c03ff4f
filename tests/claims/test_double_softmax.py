"""What the double softmax costs, from made-up measurements."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.claims.writing import double_softmax
from benchmarks.schema import Measurement, table_of, write_table
from tests.claims.support import run_in

CUSTOM = """
from methods import UncertaintyMethod

class Mine(UncertaintyMethod):
    name = "my_method"
    def fit(self, images, labels): ...
    def predict(self, images): ...
"""

ONE = Measurement("article", "softmax", "1", "clean", "", "accuracy", 0, 0.5, images=10)
OTHER = replace(ONE, recipe="article-logits")


def test_methods_and_conditions_are_those_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CUSTOM)
    run = run_in(tmp_path, custom_methods=(f"{tmp_path / 'mine.py'}:Mine",))
    auroc = replace(ONE, metric="auroc", score="predictive_entropy")
    rows = [
        replace(ONE, method="my_method", value=0.7),
        replace(ONE, method="mc_dropout", members="100", value=0.6),
        replace(ONE, method="mc_dropout", members="20", value=0.1),
        replace(ONE, method="mc_dropout_exact", members="exact", condition="subset-clean"),
        replace(ONE, recipe="plain", value=0.1),
        ONE,
        replace(auroc, condition="strange", value=0.9),
        replace(auroc, condition="ood-noise", value=0.8),
        replace(auroc, condition="ood-unknown", value=0.1),
    ]
    write_table(table_of(Measurement, rows), run.workspace.out, "measurements.csv")
    found = double_softmax(*run, ("strange", "ood-noise"))
    assert [(row["method"], row["measure"], row["values"]) for row in found] == [
        ("Softmax", "accuracy, clean", {"article": 0.5}),
        ("Softmax", "AUROC, mean of out-of-distribution sets", {"article": 0.85}),
        ("MC-dropout", "accuracy, clean", {"article": 0.6}),
        ("my_method", "accuracy, clean", {"article": 0.7}),
    ]


def test_difference_is_paired_over_replicates(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    article, logits = np.array([0.9, 0.8, 0.75]), np.array([0.95, 0.9, 0.9])
    rows = [
        replace(ONE, recipe=recipe, replicate=replicate, value=float(value))
        for recipe, values in (("article", article), ("article-logits", logits))
        for replicate, value in enumerate(values)
    ]
    write_table(table_of(Measurement, rows), run.workspace.out, "measurements.csv")
    (row,) = double_softmax(*run, ())
    assert row["values"] == {"article": 0.816667, "article-logits": 0.916667}
    interval = stats.ttest_rel(article, logits).confidence_interval()
    assert row["difference"] == pytest.approx(-0.1)
    assert (row["lower"], row["upper"]) == pytest.approx(tuple(interval), abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "expected"), [([ONE], [[]]), ([ONE, OTHER], [["difference"]]), ([OTHER], [])]
)
def test_without_replicates_there_is_no_interval(
    rows: list[Measurement], expected: list[list[str]], tmp_path: Path
) -> None:
    run = run_in(tmp_path)
    assert double_softmax(*run, ()) == []
    write_table(table_of(Measurement, rows), run.workspace.out, "measurements.csv")
    found = double_softmax(*run, ())
    bounds = [[key for key in ("difference", "lower", "upper") if key in row] for row in found]
    assert bounds == expected
