"""Freeze golden numbers anew, where they change on purpose.

``python -m tests.golden.freeze NAME`` measures the stored predictions of a run by today's code, and
says what changes in each table.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.golden.compared import differences
from tests.golden.runs import FOLDER, expected, measured


def freeze(name: str) -> None:
    """Store what today's code computes from the predictions."""
    with TemporaryDirectory() as folder:
        for table, rows in measured(name, Path(folder), all_rows=True).items():
            print(f"{table}: {differences(table, expected(name, table), rows) or 'equal'}")
            rows = rows[~rows["condition"].str.endswith("-mean") | (table != "measurements")]
            text = rows.to_csv(index=False, lineterminator="\n")
            (FOLDER / name / f"{table}.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    freeze(sys.argv[1])
