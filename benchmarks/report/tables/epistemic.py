"""The table of the experiments: whether each method's uncertainties are what they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pandas as pd

from benchmarks.report.results import Results
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.schema import where
from benchmarks.vocabulary import CLEAN

CHANGES: Mapping[tuple[str, str], str] = {
    ("data-size", "log-epistemic"): "More data:\nepistemic\n(to fall)",
    ("data-size", "log-aleatoric"): "More data:\naleatoric\n(to stay)",
    ("label-noise", "log-epistemic"): "Label noise:\nepistemic\n(to stay)",
    ("label-noise", "log-aleatoric"): "",
}
"""Columns of the experiments, by experiment and measure; the last is in the summary alone."""

NUMBERS: Mapping[tuple[str, str, str, str], str] = {
    (
        "label-noise",
        "log-aleatoric",
        "over-truth",
        "noise-0.4",
    ): "Noise of 40 %:\naleatoric over\nits entropy",
    ("disentanglement", "", "error", ""): "Disentan-\nglement\nerror ↓",
    ("variance", "brier-epistemic", "spread", "bootstrap"): "Variance\nshown of\nbootstraps",
    ("variance", "brier-epistemic", "spread", "tenths"): "Variance\nshown of\ntenths",
    ("people", "log-total", "people", ""): "People:\ntotal ↑",
    ("people", "log-aleatoric", "people", ""): "People:\naleatoric ↑",
    ("people", "log-epistemic", "people", ""): "People:\nepistemic ↑",
}
"""Further columns, by experiment, measure, statistic and level."""

NOTES = (
    "More data, label noise: the ratio of the mean on clean images, from the least to the largest "
    "training set (with as many steps), or from no to the most label noise. It stays if its 95 % "
    "interval lies within 0.8 to 1.25, else it falls or rises if the interval is beyond 1. "
    "Aleatoric over its entropy: the expected entropy by that of the label noise alone; 1 is right "
    "where images themselves are certain, and less is wrong.",
    "Disentanglement error: 0 if aleatoric uncertainty follows label noise alone, and epistemic "
    "the amount of data alone (de Jong et al. 2024). Variance shown: of the members, as a share "
    "of the variance over draws of the training images and seeds; 1 is right. People: rank "
    "correlation with the entropy of people's answers. ±: over replicates; images are fixed.",
)


def epistemic_table(results: Results) -> Table | None:
    """A row a method; ``None`` without experiments."""
    rows = results.curve("epistemic")
    if rows.empty:
        return None
    clean = where(rows, condition=CLEAN)
    changes = where(clean, statistic="ratio")
    columns: dict[str, pd.DataFrame] = {
        heading: where(changes, experiment=experiment, measure=measure)
        for (experiment, measure), heading in CHANGES.items()
        if heading
    }
    for (experiment, measure, statistic, level), heading in NUMBERS.items():
        own = where(clean, experiment=experiment, measure=measure, statistic=statistic, level=level)
        columns |= {heading: own} if own["value"].notna().any() else {}
    methods = [each.method for each in results.largest if each.method in set(rows["method"])]
    return Table(
        name="epistemic",
        caption="Are a method's two uncertainties what they are called?",
        label_headings=("Method",),
        headings=tuple(columns),
        rows=tuple(
            Row(
                "",
                (results.names.method(method).label,),
                tuple(_cell(where(own, method=method)) for own in columns.values()),
            )
            for method in methods
        ),
        remarks=(_summary(changes), *_claims(rows), *NOTES),
    )


def _cell(rows: pd.DataFrame) -> Cell:
    """A number with its interval, or a ratio with its verdict."""
    if rows.empty or pd.isna(rows["value"].iloc[0]):
        return Cell()
    value, lower, upper, verdict = rows[["value", "lower", "upper", "verdict"]].iloc[0]
    if verdict:
        return Cell(value, status="ok", text=f"{value:.2g} {verdict}")
    return Cell(value, (upper - lower) / 2, status="ok")


def _summary(changes: pd.DataFrame) -> str:
    """For how many methods each measure does what is expected of it."""
    counts = []
    for experiment, measure in CHANGES:
        own = where(changes, experiment=experiment, measure=measure)
        if own.empty:
            continue
        met = Counter(own["verdict"] == own["expected"])
        what = measure.removeprefix("log-")
        when = "with more data" if experiment == "data-size" else "with label noise"
        counts.append(
            f"{what} uncertainty {own['expected'].iloc[0]} {when} for {met[True]} of "
            f"{len(own)} methods"
        )
    return f"As of a faithful method, {'; '.join(counts)}."


def _claims(rows: pd.DataFrame) -> list[str]:
    """The article's claims, judged by the experiments."""
    return [
        f"“{row.measure}”: {row.verdict}." for row in where(rows, experiment="claims").itertuples()
    ]
