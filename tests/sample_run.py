"""Whether a run's numbers follow from its predictions: ``python -m tests.sample_run RUN``.

Measures some random run units anew from their prediction files, and compares every row that they
have in `measurements.csv`. Exits with 1, and names the first difference, if one differs.
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

from benchmarks.predictions import PredictionStore, RunUnit
from benchmarks.run.configuration import Configuration
from benchmarks.run.plan import Plan
from benchmarks.schema import Measurement, read_table, table_of
from tests.measuring import every_row

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


def measured_anew(plan: Plan, folder: Path, unit: RunUnit) -> pd.DataFrame:
    """Every measure of a run unit's predictions."""
    store, held_out = PredictionStore(folder / "predictions"), plan.calibration_of(unit)
    calibration = None if held_out is None else store.load_if_there(unit, held_out.name)
    rows = (
        row
        for condition in plan.conditions_of(unit)
        if (stored := store.load_if_there(unit, condition.name)) is not None
        for row in every_row(
            unit, condition, stored, store.load(unit, condition.reference), calibration
        )
    )
    return table_of(Measurement, rows)


def difference(anew: pd.DataFrame, table: pd.DataFrame) -> str:
    """The first row of the table that was measured anew as another; empty if none."""
    names = ["recipe", "method", "members", "replicate", "condition"]
    of_unit = table.merge(anew[names].drop_duplicates(), on=names)
    joined = of_unit.merge(anew, on=KEY, how="left", suffixes=("_before", ""))
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
        anew = measured_anew(plan, given.run, unit)
        differs = difference(anew, table)
        print(f"{unit.name}: {differs or f'{len(anew)} measures have the values of the table'}")
        if differs:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
