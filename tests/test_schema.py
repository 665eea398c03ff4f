"""Rows, their order, and the tables that they are written to."""

from __future__ import annotations

import lzma
import math
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import product
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


def written(table: pd.DataFrame, folder: Path, name: str = NAME) -> pd.DataFrame:
    """The table as it is read back."""
    write_table(table, folder, name)
    return read_table(folder, name)


def test_order_of_the_rows_handed_over_does_not_matter() -> None:
    """And numbers are in their own order, before words."""
    sizes, budgets, replicates = ("10", "100", "exact"), (0.5, 1.0, 10.0), (0, 1, 10)
    keys = product(sizes, budgets, replicates)
    rows = [replace(ROW, members=m, budget=b, replicate=r) for m, b, r in keys]
    random.Random(1).shuffle(shuffled := [*rows])
    expected = table_of(Measurement, rows)
    table = in_order(table_of(Measurement, shuffled))
    pd.testing.assert_frame_equal(table, in_order(expected))
    for column, order in (("members", sizes), ("budget", budgets), ("replicate", replicates)):
        assert tuple(table[column].unique()) == order


def test_numbers_of_methods_begin_with_the_key() -> None:
    key = ["task", "method", "members", "budget", "condition", "score", "metric"]
    for name in ("measurements", "summary", "answer"):
        assert list(types_of(TABLES[f"{name}.csv"]))[: len(key)] == key


def test_whole_numbers_stay_whole_beside_missing_ones(tmp_path: Path) -> None:
    counted = Latency("softmax", "1", "", 64, "cpu", "", 1, "numba", "kernels", parameters=300)
    unknown = replace(counted, parameters=None)
    table = written(table_of(Latency, [counted, unknown]), tmp_path, "latency.csv")
    before = (tmp_path / "latency.csv").read_bytes()
    assert before.splitlines()[1].startswith(b"softmax,1,,64,cpu,,1,numba,kernels,,,,,,300,,")
    assert math.isnan(table["parameters"].iloc[1])
    written(table, tmp_path, "latency.csv")
    assert (tmp_path / "latency.csv").read_bytes() == before


@pytest.mark.parametrize("name", TABLES)
def test_no_rows_are_a_table_with_columns_alone(name: str, tmp_path: Path) -> None:
    empty = table_of(TABLES[name], ())
    assert (len(empty), list(empty)) == (0, list(types_of(TABLES[name])))
    pd.testing.assert_frame_equal(written(empty, tmp_path, name), empty, check_dtype=False)


def test_table_is_read_back_as_it_was_also_compressed(tmp_path: Path) -> None:
    """Numbers to the last bit, and words that look like missing values as text."""
    drawn = np.random.default_rng(0)
    edges = [0.1, 1 / 3, math.inf, -math.inf, 5e-324, 1.7976931348623157e308]
    values = [*drawn.random(2000), *10 ** drawn.uniform(-300, 300, 200), *edges]
    failed = replace(ROW, value=None, members="", status="failed", images=0)
    reasons = ('said "no", twice;\nand went', "NA", "null", "nan", "")
    table = table_of(
        Measurement,
        [
            *(replace(ROW, replicate=i, value=float(v)) for i, v in enumerate(values)),
            *(replace(failed, reason=reason, score=reason) for reason in reasons),
            replace(ROW, members="exact", score="mine", task="mnist"),
        ],
    )
    pd.testing.assert_frame_equal(written(table, tmp_path), table, check_dtype=False)
    compressed = tmp_path / "kept" / f"{NAME}.xz"
    compressed.parent.mkdir()
    compressed.write_bytes(lzma.compress((tmp_path / NAME).read_bytes()))
    pd.testing.assert_frame_equal(read_table(compressed.parent, NAME), table, check_dtype=False)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of training."""
    epochs = [
        TrainingRow("plain", 0, epoch, "training", 9, 0.5, 0.1, 1e-17, 0.5, None)
        for epoch in (1, 2)
    ]
    write_table(table_of(TrainingRow, epochs), tmp_path, "training.csv")
    return tmp_path / "training.csv"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: "", "it ends within a row"),
        (lambda text: text[:-4], "it ends within a row"),
        (lambda text: text.replace("plain,0,1", "plain,none,1"), "none"),
        (lambda text: text.replace("0.5", "half"), "half"),
        (lambda text: text + "plain,0,1,2,3,4,5,6,7,8,9,10,11\n", "Expected 10 fields"),
    ],
)
def test_damaged_table_is_refused_in_one_line(
    change: Callable[[str], str], why: str, log: Path
) -> None:
    log.write_text(change(log.read_text()))
    message = rf"\A[^\n]*g\.csv is damaged \([^\n]*{why}[^\n]*\); delete it[^\n]*\Z"
    with pytest.raises(UserError, match=message):
        read_table(log.parent, log.name)


def test_table_of_another_version_or_missing_is_no_damage(log: Path) -> None:
    for old, new, message in (
        ("network", "number", r"g\.csv has no column 'network': it is of another v"),
        ("training,", "recipe,", r"column 'recipe': it is of version 0\.3 or earlier; run a"),
    ):
        log.write_text(log.read_text().replace(old, new, 1))
        with pytest.raises(UserError, match=message):
            read_table(log.parent, log.name)
    with pytest.raises(UserError, match=r"there is no nowhere/summary\.csv; run again"):
        read_table(Path("nowhere"), "summary.csv")
