"""Rows, their order, and the tables that they are written to."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.records import Measurement, as_table, read_table, write_table

ROW = Measurement("standard", "mc_dropout", 0, "10", "clean", "", "ece", 0.25, 100)


def rows() -> list[Measurement]:
    """Every combination, each with a value of its own."""
    drawn = random.Random(0)
    return [
        Measurement(recipe, method, replicate, members, condition, score, metric, value, 100)
        for recipe in ("plain", "standard")
        for method, sizes in (("softmax", ("1",)), ("mc_dropout", ("10", "100", "exact", "")))
        for members in sizes
        for replicate in (0, 1, 10)
        for condition in ("clean", "ood-noise")
        for metric, scores in (("auroc", ("entropy", "mine")), ("ece", ("",)))
        for score in scores
        for value in (drawn.uniform(0, 1),)
    ]


def test_order_of_the_rows_handed_over_does_not_matter(tmp_path: Path) -> None:
    written = []
    for seed in (1, 2):
        shuffled = rows()
        random.Random(seed).shuffle(shuffled)
        write_table(as_table(shuffled), tmp_path / "table.csv")
        written.append((tmp_path / "table.csv").read_bytes())
    assert written[0] == written[1]


def test_members_and_replicates_are_sorted_as_numbers() -> None:
    shuffled = rows()
    random.Random(1).shuffle(shuffled)
    table = as_table(shuffled)
    of_dropout = table[(table["recipe"] == "plain") & (table["method"] == "mc_dropout")]
    assert list(of_dropout["members"].unique())[:2] == ["10", "100"]
    assert list(of_dropout["replicate"].unique()) == [0, 1, 10]
    assert list(table["recipe"].unique()) == ["plain", "standard"]
    assert list(table["method"].unique()) == ["mc_dropout", "softmax"]


def test_order_is_total_also_where_members_are_no_number() -> None:
    unsized = [replace(ROW, members=members) for members in ("exact", "")]
    first, second = as_table(unsized), as_table(unsized[::-1])
    pd.testing.assert_frame_equal(first, second)


def test_columns_are_the_designs() -> None:
    assert list(as_table([ROW]).columns) == [
        *("recipe", "method", "replicate", "members", "condition", "score", "metric"),
        *("value", "images", "status", "reason"),
    ]


def test_no_rows_are_a_table_with_columns_alone(tmp_path: Path) -> None:
    table = as_table([])
    assert len(table) == 0
    write_table(table, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text().startswith("recipe,method,replicate,members")


def test_numbers_are_read_back_to_the_last_bit(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)
    values = [
        *drawn.random(2000),
        *10 ** drawn.uniform(-300, 300, 200),
        0.1,
        1 / 3,
        math.inf,
        5e-324,
    ]
    table = as_table([replace(ROW, replicate=i, value=float(v)) for i, v in enumerate(values)])
    write_table(table, tmp_path / "table.csv")
    read = read_table(tmp_path / "table.csv")
    assert read["value"].to_numpy().tobytes() == np.array(values).tobytes()


def test_table_is_read_back_as_it_was(tmp_path: Path) -> None:
    reason = 'said "no", twice;\nand went'
    failed = replace(ROW, value=None, members="", status="failed", reason=reason, images=0)
    table = as_table([ROW, failed, replace(ROW, members="exact", score="mine")])
    write_table(table, tmp_path / "table.csv")
    pd.testing.assert_frame_equal(read_table(tmp_path / "table.csv"), table, check_dtype=False)


@pytest.mark.parametrize("reason", ["NA", "null"])
def test_words_that_look_like_missing_values_stay_text(reason: str, tmp_path: Path) -> None:
    table = as_table([replace(ROW, value=None, status="failed", reason=reason, score=reason)])
    write_table(table, tmp_path / "table.csv")
    read = read_table(tmp_path / "table.csv")
    assert (list(read["reason"]), list(read["score"])) == ([reason], [reason])
    assert read["value"].isna().all()


def test_column_of_nothing_but_empty_text_stays_text(tmp_path: Path) -> None:
    write_table(as_table([ROW]), tmp_path / "table.csv")
    read = read_table(tmp_path / "table.csv")
    assert (list(read["reason"]), list(read["score"])) == ([""], [""])


def test_missing_value_is_written_as_nothing_and_an_infinite_one_is(tmp_path: Path) -> None:
    write_table(
        as_table([replace(ROW, value=None), replace(ROW, replicate=1, value=math.inf)]),
        tmp_path / "table.csv",
    )
    _, missing, infinite = (tmp_path / "table.csv").read_text().splitlines()
    assert missing == "standard,mc_dropout,0,10,clean,,ece,,100,ok,"
    assert infinite == "standard,mc_dropout,1,10,clean,,ece,inf,100,ok,"


def test_interrupted_writing_leaves_the_earlier_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table.csv"
    write_table(as_table([ROW]), path)
    before = path.read_bytes()

    def break_off(_: object, target: Path, **__: object) -> None:
        target.write_text("half a ta")
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", break_off)
    with pytest.raises(KeyboardInterrupt):
        write_table(as_table([replace(ROW, value=1.0)]), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
