"""A run in two sittings, joined from what is kept of the first, is the run of one sitting."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from join_runs import JOINED, join

from benchmarks.io import UserError
from benchmarks.schema import in_order, read_table
from benchmarks.vocabulary import ANSWER_CSV
from tests.runs import DIGITS, compute, run_of

KEPT = (*JOINED, "nouns.json", "run.json")


def sittings(folder: Path) -> list[Path]:
    """What is kept of the larger budget, and a whole run of the least."""
    for budget in (2.0, 1.0):
        own = replace(DIGITS, budgets=(budget,))
        assert compute(run_of(own, folder / f"{budget:g}")) == []
    (folder / "kept").mkdir()
    for name in KEPT:
        shutil.copyfile(folder / "2" / "out" / name, folder / "kept" / name)
    shutil.copytree(folder / "2" / "out" / "influences", folder / "kept" / "influences")
    return [folder / "kept", folder / "1" / "out"]


def test_two_sittings_joined_are_a_run_of_both_budgets(digits_run: Path, tmp_path: Path) -> None:
    kept, run = sittings(tmp_path)
    join(kept, run)
    whole = digits_run / "out"
    for name in (*JOINED, ANSWER_CSV):
        columns = list(read_table(whole, name).columns[:8])
        tables = (in_order(read_table(folder, name)) for folder in (run, whole))
        one, other = (table.sort_values(columns, ignore_index=True) for table in tables)
        pd.testing.assert_frame_equal(one, other)
    records = [json.loads((folder / "run.json").read_text()) for folder in (run, whole)]
    for part in ("configuration", "command", "replicates", "data"):
        assert records[0][part] == records[1][part]
    # Again, nothing changes.
    before = (run / ANSWER_CSV).read_bytes()
    join(kept, run)
    assert (run / ANSWER_CSV).read_bytes() == before
    record = records[0] | {"configuration": records[0]["configuration"] | {"seed": 1}}
    (kept / "run.json").write_text(json.dumps(record | {"commit": "another"}))
    with pytest.raises(UserError, match=r"no sittings of one run: other commit, seed$"):
        join(kept, run)
