"""What figures show, computed from the tables of a run: rows of values, curves, bins and votes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import product

import numpy as np
import pandas as pd

from benchmarks.nouns import Variant
from benchmarks.report.answer.questions import judged_by
from benchmarks.report.editorial import (
    COST_METRICS,
    DETECTION,
    ENTROPY_PARTS,
    RIGHT,
    SAMPLED_MEASURES,
    TOTAL_ENTROPY,
    TRAINING_MEASURES,
)
from benchmarks.report.figures.engine import Numbers, View
from benchmarks.report.results import Quantity
from benchmarks.report.timings import batch_sizes, main_setup, of_setup, timed
from benchmarks.schema import where
from benchmarks.vocabulary import CLEAN, FEWEST_REPLICATES, VOTES

METHODS = ["method", "members"]

VALUES = [*("metric", "condition"), *METHODS, *("replicates", "value", "lower", "upper")]

FEWEST = 10
"""Images that a bin must hold to be drawn, as for the MCE: the accuracy of fewer is chance."""

SPLITS = ("training", "validation")
"""Whose curves are drawn: the images of others are not those of the curves."""

DROPOUT_ON = "accuracy_dropout_on"


def values(
    view: View, metrics: Sequence[str], conditions: Sequence[str], variants: Iterable[Variant] = ()
) -> pd.DataFrame:
    """A row a metric, method and condition with a value, in the columns `VALUES`.

    The mean of a few replicates has no interval: it is NaN. That of a single one is over the draw
    of images alone.

    Args:
        conditions: those of them that are chosen, if any are.
        variants: by default those with a line.
    """
    rows: list[tuple[object, ...]] = []
    for metric, variant, condition in product(metrics, variants or view.variants, conditions):
        row = view.results.find(variant, Quantity(condition, metric))
        if row is None or pd.isna(row["value"]) or condition not in (view.conditions or conditions):
            continue
        has_interval = row["replicates"] == 1 or row["replicates"] >= FEWEST_REPLICATES
        interval = (row["lower"], row["upper"]) if has_interval else (math.nan, math.nan)
        place = metric, condition, *variant
        rows.append((*place, int(row["replicates"]), row["value"], *interval))
    return pd.DataFrame(rows, columns=VALUES)


def with_replicates(view: View, rows: pd.DataFrame, *along: str) -> Numbers:
    """The rows, and the replicates of those that are means of several without an interval.

    Args:
        along: further columns of the rows that replicates need.
    """
    measured = view.results.measured
    without = rows[rows["lower"].isna() & (rows["replicates"] > 1)]
    if measured.empty or without.empty:
        return Numbers(rows)
    key = [*METHODS, "condition", "metric"]
    single = measured[measured["metric"].isin(set(without["metric"]))][[*key, "replicate", "value"]]
    return Numbers(rows, without[[*key, *along]].merge(single, on=key))


def severities(view: View) -> Numbers:
    """Metrics at each severity of a group from the least on, the unchanged images at 0.

    Without metrics that only these have.
    """
    at = severities_of_conditions(view)
    metrics = view.metrics or tuple(metric.name for metric in view.names.main)
    rows = values(view, metrics, sorted(at, key=lambda name: at[name]))
    shifted = rows[rows["condition"].map(at) != 0]
    rows = rows[rows["metric"].isin(shifted["metric"])].reset_index(drop=True)
    rows = rows.assign(severity=rows["condition"].map(at))
    if rows["severity"].nunique() < 2:
        return Numbers(rows.iloc[:0])
    return with_replicates(view, rows, "severity")


def severities_of_conditions(view: View) -> dict[str, float]:
    """The severity of each condition of the view's group; that of its reference is 0."""
    conditions = view.results.severities[view.group]
    return {conditions[0].reference: 0.0} | {shift.name: shift.severity for shift in conditions}


def set_coverages(view: View) -> Numbers:
    """The coverage of each method's sets on clean images, and as the mean over each group."""
    metrics = [
        metric.name
        for metric in view.names.metrics
        if not math.isnan(metric.nominal) and metric.name in (view.metrics or [metric.name])
    ]
    conditions = view.conditions or (CLEAN, *view.results.group_means)
    return with_replicates(view, values(view, metrics, conditions))


def entropies(view: View) -> Numbers:
    """The parts of each condition's entropy, of which mutual information may be undefined."""
    conditions = [condition.name for condition in view.results.conditions]
    parts = values(view, (TOTAL_ENTROPY, *ENTROPY_PARTS), conditions)
    key = [*METHODS, "condition"]
    by_metric = {name: where(parts, metric=name).set_index(key) for name in set(parts["metric"])}
    if TOTAL_ENTROPY not in by_metric:
        return Numbers(parts)
    rows = by_metric[TOTAL_ENTROPY][["lower", "upper"]]
    for name in (*ENTROPY_PARTS, TOTAL_ENTROPY):
        rows[name] = by_metric[name]["value"] if name in by_metric else math.nan
    return Numbers(rows.dropna(subset=ENTROPY_PARTS[0]).reset_index())


def selective_errors(view: View) -> Numbers:
    """The error of each method where it abstains on some images, in percent of those left."""
    metrics = view.results.abstained
    abstained = {metric.name: round(100 * (1 - metric.coverage), 6) for metric in metrics}
    if len(abstained) < 2:
        return Numbers(pd.DataFrame())
    conditions = view.conditions or view.results.well_labelled
    rows = pd.concat([values(view, [*abstained], [name]) for name in conditions], ignore_index=True)
    rows = rows.assign(abstained=rows["metric"].map(abstained))
    return Numbers(*map(_in_percent, with_replicates(view, rows, "abstained")))


def _in_percent(table: pd.DataFrame) -> pd.DataFrame:
    """Errors in place of values, of which accuracy is the share of images without an error."""
    if table.empty:
        return table
    columns = [name for name in ("value", "lower", "upper") if name in table]
    opposite = 1 - table[columns].rename(columns={"lower": "upper", "upper": "lower"})[columns]
    errors = 100 * table[columns].mask(table["metric"] == RIGHT, opposite)
    return table.assign(**{name: errors[name] for name in columns}).rename(
        columns={"value": "error"}
    )


def curves(name: str, x: str, y: str) -> Callable[[View], Numbers]:
    """The means of the curves of a table in `curves/`, and those of their replicates."""

    def numbers(view: View) -> Numbers:
        table = _curve(view, name)
        key = ["recipe", *METHODS, "condition", "score"]
        rows = _of_each(table, key, lambda curve: mean_curve(curve, x, y))
        return Numbers(rows, _several(table))

    return numbers


def mean_curve(rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """The mean of the replicates' curves at every x that one of them has: vertical averaging.

    Between its points each curve is a straight line. A single replicate is its own mean, with the
    bounds of its band; the mean of several has none (``lower``, ``upper``: NaN). Curves begin at
    the same x; where one rises there vertically, so does the mean.
    """
    replicates = [curve for _, curve in rows.groupby("replicate")]
    if len(replicates) < 2:
        return rows[[x, y, "lower", "upper"]].assign(replicates=1)
    at = np.unique(rows[x])
    first = np.mean([curve[y].iloc[0] for curve in replicates])
    mean = np.mean([np.interp(at, curve[x], curve[y]) for curve in replicates], axis=0)
    points = {x: [at[0], *at], y: [first, *mean], "lower": np.nan, "upper": np.nan}
    return pd.DataFrame(points).assign(replicates=len(replicates))


def reliability(view: View) -> Numbers:
    """The means of bins of confidence, and the bins of replicates."""
    table = _curve(view, "reliability")
    if table.empty:
        return Numbers(table)
    table = _full_alone(table)
    return Numbers(_of_each(table, ["recipe", *METHODS, "condition"], mean_bins), _several(table))


def mean_bins(bins: pd.DataFrame) -> pd.DataFrame:
    """The replicates' mean in each bin: of images, and of the confidence and accuracy of full bins.

    Those that half of the replicates fill with `FEWEST` images: what fewer do is no mean. A single
    replicate is its own mean, with intervals; the mean of several has none.
    """
    bins, count = _full_alone(bins), bins["replicate"].nunique()
    if count < 2:
        return bins.assign(replicates=1).drop(columns="replicate")
    grouped = bins.groupby("lower", as_index=False)
    means = grouped[["upper", "count", "confidence", "accuracy"]].mean()
    seldom = grouped["accuracy"].count()["accuracy"] < count / 2
    means.loc[seldom, ["confidence", "accuracy"]] = math.nan
    return means.assign(replicates=count, accuracy_lower=math.nan, accuracy_upper=math.nan)


def _full_alone(bins: pd.DataFrame) -> pd.DataFrame:
    """Of full bins alone confidence and accuracy; the others only count images."""
    full = bins["count"] >= FEWEST
    return bins.assign(**{name: bins[name].where(full) for name in ("confidence", "accuracy")})


def histograms(view: View) -> Numbers:
    """The bins of each method's primary score, of each set without labels beside its reference."""
    table = view.results.curve("histograms")
    known = set(table["condition"]) & set(view.conditions or table["condition"])
    parts = [table.iloc[:0].assign(against="")]
    for variant, name in product(view.variants, view.results.ood):
        pair = [view.names.condition(name).reference, name]
        rows = where(table, **variant._asdict())
        if name in known:
            parts.append(rows[rows["condition"].isin(pair)].assign(against=name))
    return Numbers(pd.concat(parts, ignore_index=True))


def votes_by_severity(view: View) -> Numbers:
    """The votes for one image by each severity of a group."""
    at = severities_of_conditions(view)
    table = _curve(view, "example_image")
    table = table[table["condition"].isin(at)]
    table = table.assign(severity=table["condition"].map(at))
    return Numbers(table if table["severity"].nunique() > 1 else table.iloc[:0])


def high_disagreement(view: View) -> Numbers:
    """The votes for the images on which methods differ most."""
    return Numbers(_curve(view, "high_disagreement").sort_values("rank", kind="stable"))


def sampling_errors(view: View) -> Numbers:
    """The error of an image's measures against the number of members."""
    table = view.results.curve("sampling_error")
    if table.empty:
        return Numbers(table)
    if view.conditions:
        table = table[table["condition"].isin(view.conditions)]
    table = table[table["measure"].isin(SAMPLED_MEASURES) & table["rms_error"].notna()]
    table = table.assign(size=table["members"].astype("int64"))
    return Numbers(
        table.assign(rank=_ranks(view, table)).sort_values(["rank", "size"]).drop(columns="rank")
    )


def training(view: View) -> Numbers:
    """Of each measure, split and epoch the mean, the least and the most of the networks.

    Without accuracy with dropout on where it is the same: those networks have no dropout.
    """
    log = view.results.training
    if log.empty:
        return Numbers(log)
    log = log[log["split"].isin(SPLITS)]
    measured = log[log[DROPOUT_ON].notna()]
    differs = not measured[DROPOUT_ON].equals(measured["accuracy"])
    measures = [*TRAINING_MEASURES, *([DROPOUT_ON] if differs else [])]
    same = ["split", "images", "epoch"]
    tidy = log.melt(id_vars=same, value_vars=measures, var_name="measure").dropna(subset="value")
    grouped = tidy.groupby(["measure", *same], sort=False)["value"]
    rows = grouped.agg(mean="mean", least="min", most="max").reset_index()
    dropout_on = rows["measure"] == DROPOUT_ON
    return Numbers(
        rows.assign(panel=rows["measure"].mask(dropout_on, RIGHT), dropout_on=dropout_on)
    )


def worth(view: View) -> Numbers:
    """Worth in networks by the measures that the answer is judged by; no row without a number."""
    table = view.results.worth
    if table.empty:
        return Numbers(table)
    table = view.results.by_primary_score(where(table, status="ok"))
    judged = [(quantity.metric, quantity.condition) for quantity in judged_by(view.results)]
    metrics = list(view.metrics) or list(dict.fromkeys(metric for metric, _ in judged))
    shown = [
        row["ensemble_recipe"] == row["recipe"]
        and (row["method"], row["members"]) in view.sizes
        and row["metric"] in metrics
        and row["condition"] in (view.conditions or [row["condition"]])
        and (bool(view.metrics) or (row["metric"], row["condition"]) in judged)
        for row in table.to_dict("records")
    ]
    rows = table.loc[shown]
    by = {"m": rows["metric"].map(metrics.index), "c": _ranks(view, rows)}
    order = pd.DataFrame(by).sort_values(["m", "c"], kind="stable").index
    return Numbers(rows.loc[order].reset_index(drop=True))


def costs(view: View) -> Numbers:
    """The value of each size of a method, and the time of one image and of the largest batch."""
    latency, names = view.results.latency, view.names
    setup = main_setup(latency)
    if setup is None:
        return Numbers(pd.DataFrame())
    shown = [(metric, CLEAN) for metric in COST_METRICS]
    shown += [(DETECTION, condition) for condition in view.results.ood[:1]]
    if view.metrics or view.conditions:
        shown = [*product(view.metrics or COST_METRICS, view.conditions or [CLEAN])]
    sizes = [  # an ensemble of one is a single network, which has its own row
        variant
        for variant in view.results.variants
        if not (variant.members == "1" and names.method(variant.method).counts_networks)
    ]
    timings = of_setup(timed(latency), setup)
    parts = []
    for size, (metric, condition) in product(batch_sizes(latency), shown):
        rows = values(view, [metric], [condition], sizes)
        here = where(timings, batch_size=size).drop_duplicates(METHODS)[[*METHODS, "p50_ms"]]
        rows = rows.merge(here, on=METHODS).assign(batch_size=size)
        sign = -1 if names.metric(metric).better == "higher" else 1
        parts.append(rows.assign(pareto=_on_front(rows["p50_ms"], sign * rows["value"])))
    machine = {name: getattr(setup, name) for name in ("device_name", "threads", "engine")}
    rows = pd.concat(parts, ignore_index=True).assign(**machine)
    return with_replicates(view, rows, "batch_size", "p50_ms")


def _on_front(costs: pd.Series[float], losses: pd.Series[float]) -> list[bool]:
    """Whether no other point is as fast and as good, and better in one."""
    places = list(zip(costs, losses, strict=True))
    return [
        not any(
            other != point and other[0] <= point[0] and other[1] <= point[1] for other in places
        )
        for point in places
    ]


def claimed(figure: str, *metrics: str) -> Callable[[View], Numbers]:
    """The numbers of the claims that name a figure, of these metrics or of all; each once."""

    def numbers(view: View) -> Numbers:
        rows, content = view.results.curve("claims"), view.results.claims or {"claims": []}
        if rows.empty:
            return Numbers(rows)
        named = [claim["id"] for claim in content["claims"] if claim["figure"] == figure]
        rows = rows[rows["claim"].isin(named) & rows["value"].notna()]
        rows = rows[rows["metric"].isin(metrics or set(rows["metric"]))]
        key = ["method", "condition", "metric", "score", "case", "network"]
        return Numbers(rows.drop_duplicates(key).reset_index(drop=True))

    return numbers


def count_plots(view: View) -> Numbers:
    """The votes of each network for each class, for single images."""
    rows = claimed("claims-count-plots", VOTES)(view).rows
    if rows.empty:
        return Numbers(rows)
    images = rows["condition"].str.removeprefix("image ").astype("int64")
    return Numbers(rows.assign(image=images, **{"class": rows["case"].astype("int64")}))


def certainty(view: View) -> Numbers:
    """By the share of votes that agree, the images of a network, and the networks' accuracy."""
    rows = claimed("claims-certainty", "images", "correct")(view).rows
    if rows.empty:
        return Numbers(rows)
    place = ["condition", "lower"]
    rows = rows.assign(lower=rows["case"].astype(float))
    counts = rows.pivot_table("value", [*place, "network"], "metric", sort=False)
    counts["accuracy"] = counts["correct"] / counts["images"].where(counts["images"] > 0)
    of_bin = counts.groupby(level=place, sort=False)
    bins = of_bin.agg(
        images=("images", "mean"), least=("accuracy", "min"), most=("accuracy", "max")
    )
    bins["accuracy"] = of_bin["correct"].sum() / of_bin["images"].sum()
    edges = sorted({*rows["lower"], 1.0})
    bins = bins.reset_index()
    return Numbers(bins.assign(upper=[edges[edges.index(edge) + 1] for edge in bins["lower"]]))


def _ranks(view: View, table: pd.DataFrame) -> pd.Series[int]:
    """The position of each row's condition among those of the run."""
    ranks = {name: view.names.condition_rank(name)[0] for name in set(table["condition"])}
    return table["condition"].map(ranks)


def _curve(view: View, name: str) -> pd.DataFrame:
    """The rows of a table of curves of the methods and conditions shown, in their order."""
    table = view.results.curve(name)
    if view.conditions:
        table = table[table["condition"].isin(view.conditions)]
    rows = (where(table, **variant._asdict()) for variant in view.variants)
    table = pd.concat([table.iloc[:0], *rows])  # without a method that has a value, none
    order = _ranks(view, table).sort_values(kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _of_each(
    table: pd.DataFrame, key: list[str], mean: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    """What a function makes of the rows of each method, condition and so on, with these columns."""
    parts = [
        mean(rows).assign(**{name: rows[name].iloc[0] for name in key})
        for _, rows in table.groupby(key, sort=False)
    ]
    return pd.concat(parts, ignore_index=True) if parts else table


def _several(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of methods with several replicates; a single one is drawn as the mean."""
    return table[table.groupby(METHODS)["replicate"].transform("nunique") > 1]
