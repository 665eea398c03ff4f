"""Rows, their order, and the tables that they are written to."""

from __future__ import annotations

import lzma
import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.io import UserError
from benchmarks.schema import (
    TABLES,
    Latency,
    Measurement,
    TrainingRow,
    in_order,
    read_table,
    table_of,
    types_of,
    write_table,
)

ROW = Measurement("mc_dropout", "10", 1.0, "clean", "", "ece", 0, 0.25, 100)
NAME = "measurements.csv"


def rows() -> list[Measurement]:
    """Every combination, each with a value of its own."""
    drawn = random.Random(0)
    return [
        Measurement(method, members, budget, condition, score, metric, replicate, value, 100)
        for budget in (0.5, 1.0, 10.0)
        for method, sizes in (("softmax", ("1",)), ("mc_dropout", ("10", "100", "exact", "")))
        for members in sizes
        for replicate in (0, 1, 10)
        for condition in ("clean", "ood-noise")
        for metric, scores in (("auroc", ("entropy", "mine")), ("ece", ("",)))
        for score in scores
        for value in (drawn.uniform(0, 1),)
    ]


def written(table: pd.DataFrame, folder: Path, name: str = NAME) -> pd.DataFrame:
    """The table as it is read back."""
    write_table(table, folder, name)
    return read_table(folder, name)


def test_order_of_the_rows_handed_over_does_not_matter() -> None:
    shuffled = rows()
    random.Random(1).shuffle(shuffled)
    table = in_order(table_of(Measurement, shuffled))
    pd.testing.assert_frame_equal(table, in_order(table_of(Measurement, rows())))
    of_dropout = table[table["method"] == "mc_dropout"]
    assert list(of_dropout["members"].unique())[:2] == ["10", "100"]
    assert list(of_dropout["replicate"].unique()) == [0, 1, 10]
    assert list(of_dropout["budget"].unique()) == [0.5, 1.0, 10.0]
    assert list(table["method"].unique()) == ["mc_dropout", "softmax"]


def test_numbers_of_methods_begin_with_the_key() -> None:
    key = ["task", "method", "members", "budget", "condition", "score", "metric"]
    for name in ("measurements", "summary", "answer"):
        assert list(types_of(TABLES[f"{name}.csv"]))[: len(key)] == key


@pytest.mark.parametrize("name", TABLES)
def test_no_rows_are_a_table_with_columns_alone(name: str, tmp_path: Path) -> None:
    empty = table_of(TABLES[name], ())
    assert (len(empty), list(empty)) == (0, list(types_of(TABLES[name])))
    pd.testing.assert_frame_equal(written(empty, tmp_path, name), empty, check_dtype=False)


def test_numbers_are_read_back_to_the_last_bit(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)
    edges = [0.1, 1 / 3, math.inf, -math.inf, 5e-324, 1.7976931348623157e308]
    values = [*drawn.random(2000), *10 ** drawn.uniform(-300, 300, 200), *edges]
    table = table_of(
        Measurement, [replace(ROW, replicate=i, value=float(v)) for i, v in enumerate(values)]
    )
    read = written(table, tmp_path)
    assert read["value"].to_numpy().tobytes() == np.array(values).tobytes()


def test_table_is_read_back_as_it_was(tmp_path: Path) -> None:
    reason = 'said "no", twice;\nand went'
    failed = replace(ROW, value=None, members="", status="failed", reason=reason, images=0)
    table = table_of(
        Measurement, [ROW, failed, replace(ROW, members="exact", score="mine", task="mnist")]
    )
    pd.testing.assert_frame_equal(written(table, tmp_path), table, check_dtype=False)
    compressed = tmp_path / "kept" / f"{NAME}.xz"
    compressed.parent.mkdir()
    compressed.write_bytes(lzma.compress((tmp_path / NAME).read_bytes()))
    pd.testing.assert_frame_equal(read_table(compressed.parent, NAME), table, check_dtype=False)


@pytest.mark.parametrize("reason", ["NA", "null", "nan", ""])
def test_words_that_look_like_missing_values_stay_text(reason: str, tmp_path: Path) -> None:
    table = table_of(
        Measurement, [replace(ROW, value=None, status="failed", reason=reason, score=reason)]
    )
    for name in (NAME, "curve.csv"):
        read = written(table, tmp_path, name)
        assert (list(read["reason"]), list(read["score"])) == ([reason], [reason])
        assert read["value"].isna().all()


def test_whole_numbers_stay_whole_beside_missing_ones(tmp_path: Path) -> None:
    counted = Latency("softmax", "1", "", 64, "cpu", "", 1, "numba", "kernels", parameters=300)
    unknown = replace(counted, parameters=None)
    table = written(table_of(Latency, [counted, unknown]), tmp_path, "latency.csv")
    before = (tmp_path / "latency.csv").read_bytes()
    assert before.splitlines()[1].startswith(b"softmax,1,,64,cpu,,1,numba,kernels,,,,,,300,,")
    assert math.isnan(table["parameters"].iloc[1])
    written(table, tmp_path, "latency.csv")
    assert (tmp_path / "latency.csv").read_bytes() == before


LOG = [
    TrainingRow("plain", 0, epoch, "training", 9, 0.5, 0.1, 1e-17, 0.5, None) for epoch in (1, 2)
]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: "", "it ends within a row"),
        (lambda text: text[:-4], "it ends within a row"),
        (lambda text: text.replace("plain,0,1", "plain,none,1"), "none"),
        (lambda text: text.replace("plain,0,1", "plain,,1"), "NA"),
        (lambda text: text.replace("0.5", "half"), "half"),
        (lambda text: text + "plain,0,1,2,3,4,5,6,7,8,9,10,11\n", "Expected 10 fields"),
    ],
)
def test_damaged_table_is_refused_in_one_line(change, why: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "training.csv"
    write_table(table_of(TrainingRow, LOG), tmp_path, path.name)
    path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match=rf"g\.csv is damaged \(.*{why}.*\); delete it") as caught:
        read_table(tmp_path, path.name)
    assert "\n" not in str(caught.value)


def test_table_of_another_version_or_missing_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "training.csv"
    write_table(table_of(TrainingRow, LOG), tmp_path, path.name)
    path.write_text(path.read_text().replace("network", "number"))
    with pytest.raises(UserError, match=r"g\.csv has no column 'network': it is of another v"):
        read_table(tmp_path, path.name)
    path.write_text(path.read_text().replace("training,", "recipe,", 1))
    with pytest.raises(
        UserError, match=r"column 'recipe': it is of version 0\.3 or earlier; run a"
    ):
        read_table(tmp_path, path.name)
    with pytest.raises(UserError, match=r"there is no nowhere/summary\.csv; run again"):
        read_table(Path("nowhere"), "summary.csv")
