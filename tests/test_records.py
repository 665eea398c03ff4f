"""Rows, their order, and the tables that they are written to."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.records import Interval, Measurement, as_table, read_table, summarise, write_table

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
        write_table(summarise(as_table(shuffled)), tmp_path / "summary.csv")
        written.append(
            ((tmp_path / "table.csv").read_bytes(), (tmp_path / "summary.csv").read_bytes())
        )
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
    assert list(summarise(as_table([ROW])).columns) == [
        *("recipe", "method", "members", "condition", "score", "metric", "value", "lower"),
        *("upper", "replicates", "images", "status", "reason"),
    ]


def test_no_rows_are_a_table_with_columns_alone(tmp_path: Path) -> None:
    table = as_table([])
    assert len(table) == 0
    assert len(summarise(table)) == 0
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


def test_summary_is_the_mean_with_the_interval_of_its_key() -> None:
    table = as_table([replace(ROW, replicate=i, value=v) for i, v in enumerate((0.3, 0.1, 0.2))])
    key = ("standard", "mc_dropout", "10", "clean", "", "ece")
    others = {(*key[:3], "rotated-015", *key[4:]): Interval(0.5)}
    (row,) = summarise(table, {key: Interval(0.0123456)} | others).to_dict("records")
    assert row["value"] == pytest.approx(0.2)
    # Four digits of the half-width are enough.
    assert (row["lower"], row["upper"]) == (0.18765, 0.21235)
    assert (row["replicates"], row["images"], row["status"]) == (3, 100, "ok")


def test_missing_interval_has_a_reason() -> None:
    key = ("standard", "mc_dropout", "10", "clean", "", "ece")
    ill_defined = replace(ROW, status="ill-defined labels", reason="rotated")
    for row, reason in ((ROW, "alike"), (ill_defined, "rotated; alike")):
        (summarised,) = summarise(as_table([row]), {key: Interval(math.nan, "alike")}).to_dict(
            "records"
        )
        assert math.isnan(summarised["lower"])
        assert summarised["reason"] == reason


def test_summary_groups_rows_that_differ_in_the_replicate_alone() -> None:
    others = {
        **{"recipe": "plain", "method": "softmax", "members": "100"},
        **{"condition": "rotated-015", "score": "mine", "metric": "mce"},
    }
    table = as_table([ROW, *(replace(ROW, **{part: name}) for part, name in others.items())])
    assert list(summarise(table)["replicates"]) == [1] * 7
    assert list(summarise(as_table([ROW, replace(ROW, replicate=1)]))["replicates"]) == [2]


def test_value_that_was_not_resampled_has_no_bounds_and_a_reason(tmp_path: Path) -> None:
    write_table(summarise(as_table([ROW])), tmp_path / "summary.csv")
    assert (tmp_path / "summary.csv").read_text().splitlines()[1] == (
        "standard,mc_dropout,10,clean,,ece,0.25,,,1,100,ok,"
        "no interval: its images were not drawn anew"
    )


def test_values_against_ill_defined_labels_are_summarised_and_marked() -> None:
    ill_defined = replace(ROW, status="ill-defined labels", reason="rotated")
    key = ("standard", "mc_dropout", "10", "clean", "", "ece")
    table = as_table([ill_defined, replace(ill_defined, replicate=1)])
    (row,) = summarise(table, {key: Interval(0.1)}).to_dict("records")
    assert (row["value"], row["replicates"]) == (0.25, 2)
    assert (row["status"], row["reason"]) == ("ill-defined labels", "rotated")


@pytest.mark.parametrize("status", ["undefined", "unavailable", "not applicable", "failed"])
def test_rows_without_value_are_summarised_by_their_reason(status: str) -> None:
    without = replace(ROW, value=None, status=status, reason="because", images=0)
    (row,) = summarise(as_table([without, replace(without, replicate=1)])).to_dict("records")
    assert math.isnan(row["value"])
    assert math.isnan(row["lower"])
    assert (row["replicates"], row["status"], row["reason"]) == (0, status, "because")


@pytest.mark.parametrize("failed", [0, 1, 2])
def test_replicate_that_failed_is_left_out_and_does_not_mark_the_others_as_failed(
    failed: int,
) -> None:
    replicates = [replace(ROW, replicate=i, value=0.1 * i) for i in range(3)]
    replicates[failed] = replace(
        ROW, replicate=failed, value=None, status="failed", reason="it broke", images=0
    )
    (row,) = summarise(as_table(replicates)).to_dict("records")
    assert row["value"] == pytest.approx(sum(0.1 * i for i in range(3) if i != failed) / 2)
    assert row["replicates"] == 2
    assert (row["status"], row["images"]) == ("ok", 100)


def test_infinite_replicate_makes_the_mean_infinite_with_a_reason() -> None:
    infinite = replace(ROW, replicate=1, value=math.inf, reason="1 of 100 had the probability 0")
    (row,) = summarise(as_table([ROW, infinite])).to_dict("records")
    assert row["value"] == math.inf
    assert math.isnan(row["lower"])
    assert "1 of 100" in row["reason"]


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
