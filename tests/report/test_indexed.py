"""Rows of a table by condition and metric."""

from __future__ import annotations

import pandas as pd

from benchmarks.report.read.indexed import Indexed

TABLE = pd.DataFrame(
    {
        "condition": ["clean", "clean", "rotated", "clean"],
        "metric": ["nll", "accuracy", "nll", "nll"],
        "method": ["softmax", "softmax", "softmax", "swag"],
        "value": [1.0, 2.0, 3.0, 4.0],
    }
)


def test_rows_are_those_of_the_condition_and_metric() -> None:
    rows = Indexed(TABLE, lambda row: row["method"]).rows("clean", "nll")
    assert {method: row["value"] for method, row in rows.items()} == {"softmax": 1.0, "swag": 4.0}


def test_unknown_condition_and_empty_table_have_no_rows() -> None:
    assert Indexed(TABLE, lambda row: row["method"]).rows("rotated", "accuracy") == {}
    assert Indexed(pd.DataFrame(), lambda row: row["method"]).rows("clean", "nll") == {}


def test_last_of_equal_keys_counts() -> None:
    (row,) = Indexed(TABLE, lambda row: "same").rows("clean", "nll").values()
    assert row["method"] == "swag"


def test_index_of_the_table_does_not_matter() -> None:
    relabelled = TABLE.set_axis([3, 1, 0, 2])
    rows = Indexed(relabelled, lambda row: row["method"]).rows("clean", "nll")
    assert {method: row["value"] for method, row in rows.items()} == {"softmax": 1.0, "swag": 4.0}
