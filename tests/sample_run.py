"""Whether a run's numbers follow from its predictions: ``python -m tests.sample_run RUN``.

Measures some random run units anew from their prediction files, and compares every row with
`measurements.csv`. Exits with 1, and names the first difference, if one differs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.predictions import RunUnit
from benchmarks.run.configuration import Configuration
from benchmarks.run.plan import Plan
from benchmarks.run.stages.measure import measure_unit
from benchmarks.run.workspace import Workspace
from benchmarks.schema import as_table, read_table, where

KEY = ["recipe", "method", "members", "replicate", "condition", "score", "metric"]
"""The columns that name a row."""

TOLERANCE = 1e-12
"""How far numbers may differ, relative to the larger one: the machine may be another one."""


def plan_of(folder: Path) -> Plan:
    """What a run computed, as its record says."""
    values = json.loads((folder / "run.json").read_text(encoding="utf-8"))["configuration"]
    if values["custom_methods"]:
        sys.exit(f"{folder} has custom methods: this script does not know where they are")
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return Plan(Configuration(**values | lists))


def measured_anew(plan: Plan, folder: Path, unit: RunUnit, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a run unit, under the conditions of the table."""
    workspace = Workspace(folder, folder / "networks", None, jobs=1)
    left_out = {condition.name for condition in plan.conditions} - set(table["condition"])
    return as_table(measure_unit(plan, workspace, unit, left_out=left_out))


def difference(anew: pd.DataFrame, table: pd.DataFrame) -> str:
    """The first difference between rows measured anew and those of the table; empty if none."""
    unit = anew[["recipe", "method", "members", "replicate"]].iloc[0].to_dict()
    joined = anew.merge(where(table, **unit), on=KEY, how="outer", suffixes=("", "_before"))
    equal = np.isclose(
        joined["value"], joined["value_before"], rtol=TOLERANCE, atol=0, equal_nan=True
    )
    differing = joined[~equal | (joined["status"] != joined["status_before"])]
    if differing.empty:
        return ""
    row = differing.iloc[0]
    return (
        f"{len(differing)} rows differ, the first {' '.join(str(row[name]) for name in KEY)}: "
        f"{row['value_before']} ({row['status_before']}) is now {row['value']} ({row['status']})"
    )


def main(arguments: Sequence[str]) -> int:
    """Sample a run; 0 where every row that was measured anew is equal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a folder of results with its predictions")
    parser.add_argument("--units", type=int, default=20, help="how many run units")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    given = parser.parse_args(arguments)
    plan, table = plan_of(given.run), read_table(given.run, "measurements.csv")
    units = plan.units()
    differs = ""
    for unit in random.Random(given.seed).sample(units, min(given.units, len(units))):
        anew = measured_anew(plan, given.run, unit, table)
        differs = difference(anew, table)
        print(f"{unit.name}: {differs or f'{len(anew)} rows are equal'}")
        if differs:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
