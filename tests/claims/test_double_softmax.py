"""What the double softmax costs, from made-up measurements."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.claims.stage import double_softmax
from benchmarks.schema import Measurement, table_of, write_table
from tests.claims.support import run_in

ONE = Measurement("article", "softmax", "1", "clean", "", "accuracy", 0, 0.5, images=10)
OTHER = replace(ONE, recipe="article-logits")


def test_methods_and_conditions_are_those_of_the_run(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    auroc = replace(ONE, metric="auroc", score="predictive_entropy")
    rows = [
        replace(ONE, method="swag", members="20", value=0.7),
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
    effect = pd.concat(double_softmax(*run, ("strange", "ood-noise")))
    assert effect[["method", "metric", "condition", "recipe", "value"]].to_numpy().tolist() == [
        ["softmax", "accuracy", "clean", "article", 0.5],
        ["softmax", "auroc", "out-of-distribution", "article", pytest.approx(0.85)],
        ["mc_dropout", "accuracy", "clean", "article", 0.6],
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
    effect = pd.concat(double_softmax(*run, ()))
    interval = stats.ttest_rel(article, logits).confidence_interval()
    assert effect["recipe"].tolist() == ["article", "article-logits", "article"]
    assert effect["case"].tolist() == ["", "", "minus article-logits"]
    assert effect["value"].tolist() == pytest.approx([article.mean(), logits.mean(), -0.1])
    assert effect.iloc[-1][["lower", "upper"]].tolist() == pytest.approx(list(interval))


@pytest.mark.parametrize(("rows", "expected"), [([ONE], 1), ([ONE, OTHER], 3), ([OTHER], 0)])
def test_without_replicates_there_is_no_interval(
    rows: list[Measurement], expected: int, tmp_path: Path
) -> None:
    run = run_in(tmp_path)
    assert list(double_softmax(*run, ())) == []
    write_table(table_of(Measurement, rows), run.workspace.out, "measurements.csv")
    effect = list(double_softmax(*run, ()))
    assert len(effect) == expected
    assert all(table["lower"].isna().all() for table in effect)
