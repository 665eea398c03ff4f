"""How tables are compared with golden ones: row by row, and which rows are gone on purpose."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.metrics import METRICS
from benchmarks.tasks import TASKS, Task
from benchmarks.vocabulary import mean_name
from tests.golden.runs import COLUMNS, configuration

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""How far a number may be from the golden one."""

SETS = r"_(?:coverage|size|empty)_\d+$"
"""The metrics of conformal sets."""

OF_SEVERITIES = {
    *("accuracy", "nll", "brier", "ece", "squared_ce_debiased", "nll_recalibrated", "auroc"),
    *("predictive_entropy", "expected_entropy", "mutual_information", "mean_confidence"),
    *("pairwise_disagreement", "misclassification_auroc", "aurc", "augrc"),
}

DROPPED: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "labels of images that have none": lambda rows: (
        (rows["kind"] == "unlabelled") & rows["metric"].map(lambda name: "labels" in needs(name))
    ),
    "conformal sets beyond clean images and means": lambda rows: (
        rows["metric"].str.contains(SETS) & ~rows["kind"].isin(["clean", "mean"])
    ),
    "most metrics of single severities": lambda rows: (
        (rows["kind"] == "single") & ~rows["metric"].isin(OF_SEVERITIES)
    ),
    "vote entropy beyond clean images": lambda rows: (
        (rows["metric"] == "vote_entropy") & (rows["kind"] != "clean")
    ),
    "other detection than AUROC of labelled images": lambda rows: (
        rows["metric"].isin(["aupr_in", "aupr_out", "fpr95", "prevalence"])
        & (rows["kind"] != "unlabelled")
    ),
    "measures of the mean over images of no class, by which nothing is judged": lambda rows: (
        (rows["condition"] == "out-of-distribution-mean") & (rows["metric"] != "auroc")
    ),
    "other scores, but for a few metrics": lambda rows: (
        ~rows["score"].isin(["", PRIMARY])
        & ~((rows["metric"] == "auroc") & (rows["kind"] == "unlabelled"))
        & ~((rows["metric"] == "augrc") & rows["condition"].isin(["clean", "corrupted-mean"]))
        & ~((rows["metric"] == "misclassification_auroc") & (rows["kind"] == "clean"))
    ),
}
"""Rows that are written only with all rows, by what they are."""

PRIMARY = "predictive_entropy"
"""The primary score of all methods of the golden runs."""


def needs(metric: str) -> frozenset[str]:
    """What a metric needs; none that is frozen is gone."""
    return frozenset(METRICS[metric].needs)


def kept(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The golden rows of a run without those that are dropped by default."""
    task = TASKS[name]
    rows = rows.assign(kind=[_kind(task, condition) for condition in rows["condition"]])
    for is_dropped in DROPPED.values():
        rows = rows[~is_dropped(rows)]
    return rows.drop(columns="kind")


def _kind(task: Task, name: str) -> str:
    if name.endswith("-mean"):
        of_group = [shift for shift in task.conditions if name == mean_name(shift.group)]
        return "mean" if of_group[0].labelled else "unlabelled"
    shift = task.condition(name)
    if name == shift.reference:
        return "clean"
    if shift.is_one_of_many and not shift.subset:
        return "single"
    return "unlabelled" if shift.labels == "none" else "alone"


def with_means(name: str, measurements: pd.DataFrame) -> pd.DataFrame:
    """The golden measurements with the means over groups of conditions, as plain means."""
    groups: dict[str, list[str]] = {}
    for condition in configuration(name).conditions:
        shift = TASKS[name].condition(condition)
        if shift.in_mean:
            groups.setdefault(shift.group, []).append(condition)
    keys = [key for key in COLUMNS["measurements"][0] if key != "condition"]
    means = []
    for group, conditions in groups.items():
        of_group = measurements[measurements["condition"].isin(conditions)]
        values = pd.to_numeric(of_group["value"], errors="coerce")
        mean = of_group.assign(value=values).groupby(keys, as_index=False)["value"]
        of_mean = mean.agg(lambda each: each.mean(skipna=False)).assign(condition=f"{group}-mean")
        texts = of_mean["value"].map(lambda value: "" if np.isnan(value) else repr(float(value)))
        means.append(of_mean.assign(value=texts))
    return pd.concat([measurements, *means], ignore_index=True)


def known(golden: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows without those of metrics and scores that came after the golden ones."""
    for column in ("metric", "score"):
        rows = rows[rows[column].isin(golden[column])]
    return rows


def differences(table: str, golden: pd.DataFrame, rows: pd.DataFrame) -> str:
    """What differs from the golden rows, in one line; empty where nothing does."""
    keys, numbers = COLUMNS[table]
    rows = known(golden, rows)
    both = golden.merge(rows, on=keys, how="outer", suffixes=("", "_now"), indicator=True)
    if both.duplicated(keys).any():
        return f"several rows are of {dict(both[both.duplicated(keys)].iloc[0][keys])}"
    for side, what in (("left_only", "missing"), ("right_only", "new")):
        if (alone := both[both["_merge"] == side]).size:
            return f"{len(alone)} rows are {what}, the first of {dict(alone.iloc[0][keys])}"
    for number in numbers:
        before, now = both[number], both[f"{number}_now"]
        far = (before != now) & ~np.isclose(
            pd.to_numeric(now, errors="coerce"),
            pd.to_numeric(before, errors="coerce"),
            rtol=RELATIVE,
            atol=ABSOLUTE,
        )
        if far.any():
            first = both[far].iloc[0]
            return (
                f"{far.sum()} of {len(both)} values of {number} differ, the first is "
                f"{first[f'{number}_now']}, not {first[number]}: {dict(first[keys])}"
            )
    return ""
