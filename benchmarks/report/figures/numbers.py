"""What figures show, computed from the tables of a run: rows of values, curves, bins and votes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from benchmarks.report.read.comparisons import Quantity, Record
from benchmarks.report.results import Results
from benchmarks.report.timings import batch_sizes, main_setup, milliseconds
from benchmarks.schema import where
from benchmarks.vocabulary import CLEAN, FEWEST_REPLICATES, VOTES

KEY = ["method", "members", "replicate", "condition"]

FEWEST = 10
"""Images that a bin must hold to be drawn, as for the MCE: the accuracy of fewer is chance."""

SPLITS = ("training", "validation")
"""Whose curves are drawn: the images of others are not those of the curves."""

DROPOUT_ON = "accuracy_dropout_on"


def values(
    view: View, metrics: Sequence[str], conditions: Sequence[str], variants: Iterable[Variant] = ()
) -> pd.DataFrame:
    """A row a metric, method and condition with a value; the mean of a few has no interval.

    Args:
        conditions: those of them that are chosen, if any are.
        variants: by default those with a line.
    """
    return pd.DataFrame(
        [
            {
                "metric": metric,
                "condition": condition,
                **variant._asdict(),
                "replicates": int(row["replicates"]),
                "value": row["value"],
                **dict(zip(("lower", "upper"), shown_bounds(row), strict=True)),
            }
            for metric in metrics
            for variant in variants or view.variants
            for condition in conditions
            if condition in (view.conditions or conditions)
            for row in filter(None, [view.results.find(variant, Quantity(condition, metric))])
            if pd.notna(row["value"])
        ],
        columns=[
            *("metric", "condition", "method", "members"),
            *("replicates", "value", "lower", "upper"),
        ],
    )


def shown_bounds(row: Record) -> tuple[float, float]:
    """The interval of a row of the summary as figures show it; the mean of a few has none (NaN).

    That of a single replicate is over the draw of images alone.
    """
    count = int(row["replicates"])
    is_shown = count == 1 or count >= FEWEST_REPLICATES
    return (row["lower"], row["upper"]) if is_shown else (math.nan, math.nan)


def with_replicates(view: View, rows: pd.DataFrame, *along: str) -> Numbers:
    """The rows, and the replicates of those that are means of several without an interval.

    Args:
        along: further columns of the rows that replicates need.
    """
    measured = view.results.measured
    without = rows[rows["lower"].isna() & (rows["replicates"] > 1)]
    if measured.empty or without.empty:
        return Numbers(rows)
    key = ["method", "members", "condition", "metric"]
    single = measured[measured["metric"].isin(set(without["metric"]))][[*key, "replicate", "value"]]
    return Numbers(rows, without[[*key, *along]].merge(single, on=key))


def severities(view: View) -> Numbers:
    """Metrics at each severity of a group from the least on, the unchanged images at 0.

    Without metrics that only these have.
    """
    conditions = view.results.severities[view.group]
    at = {one.name: one.severity for one in conditions}
    ordered = {conditions[0].reference: 0.0} | at
    metrics = view.metrics or tuple(metric.name for metric in view.names.main)
    rows = values(view, metrics, sorted(ordered, key=lambda name: ordered[name]))
    rows = rows[rows["metric"].isin(rows.loc[rows["condition"].isin(at), "metric"])]
    rows = rows.assign(severity=rows["condition"].map(ordered)).reset_index(drop=True)
    if rows["severity"].nunique() < 2:
        rows = rows.iloc[:0]
    return with_replicates(view, rows, "severity")


def set_coverages(view: View) -> Numbers:
    """The coverage of each method's sets on clean images, and as the mean over each group."""
    metrics = [one.name for one in view.names.metrics if not math.isnan(one.nominal)]
    conditions = view.conditions or (CLEAN, *view.results.group_means)
    return with_replicates(view, values(view, metrics, conditions))


def entropies(view: View) -> Numbers:
    """The parts of each condition's entropy, of which mutual information may be undefined."""
    conditions = [one.name for one in view.results.conditions]
    parts = values(view, (*ENTROPY_PARTS, TOTAL_ENTROPY), conditions)
    key = ["method", "members", "condition"]
    total = where(parts, metric=TOTAL_ENTROPY)[key].assign(
        **{name: where(parts, metric=TOTAL_ENTROPY)[name] for name in ("value", "lower", "upper")}
    )
    rows = total.rename(columns={"value": TOTAL_ENTROPY})
    for part in ENTROPY_PARTS:
        values_of_part = where(parts, metric=part)[[*key, "value"]]
        rows = rows.merge(values_of_part.rename(columns={"value": part}), on=key, how="left")
    return Numbers(rows.dropna(subset=ENTROPY_PARTS[0]).reset_index(drop=True))


def selective_errors(view: View) -> Numbers:
    """The error of each method where it abstains on some images, in percent of those left."""
    metrics = view.results.abstained
    abstained = {metric.name: round(100 * (1 - metric.coverage), 6) for metric in metrics}
    rows = values(view, [*abstained], view.conditions or view.results.well_labelled)
    rows = rows.assign(abstained=rows["metric"].map(abstained))
    if rows["abstained"].nunique() < 2:
        return Numbers(rows.iloc[:0])
    order = {name: rank for rank, name in enumerate(dict.fromkeys(rows["condition"]))}
    rows = rows.sort_values("condition", key=lambda column: column.map(order), kind="stable")
    found = with_replicates(view, rows.reset_index(drop=True), "abstained")
    return Numbers(*(_in_percent(table) for table in found))


def _in_percent(table: pd.DataFrame) -> pd.DataFrame:
    """Errors from the metrics of `selective_errors`, of which accuracy is a share of no errors."""
    if table.empty:
        return table
    is_share = table["metric"] == RIGHT
    table = table.assign(error=100 * table["value"].where(~is_share, 1 - table["value"]))
    if "lower" in table:
        lower, upper = table["lower"], table["upper"]
        table["lower"] = 100 * lower.where(~is_share, 1 - upper)
        table["upper"] = 100 * upper.where(~is_share, 1 - lower)
    return table.drop(columns="value")


def curves(name: str, x: str, y: str) -> Callable[[View], Numbers]:
    """The means of the curves of `curves/`, and those of their replicates."""

    def of_view(view: View) -> Numbers:
        table = _in_order(view, view.results.curve(name))
        if table.empty:
            return Numbers(table)
        key = ["recipe", "method", "members", "condition", "score"]
        rows = _of_each(table, key, lambda curve: mean_curve(curve, x, y))
        return Numbers(rows[[*key, "replicates", x, y, "lower", "upper"]], _several(table))

    return of_view


def mean_curve(rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """The mean of the replicates' curves at every x that one of them has: vertical averaging.

    Between its points each curve is a straight line. A single replicate is its own mean, with the
    bounds of its band; the mean of several has none (``lower``, ``upper``: NaN). Curves begin at
    the same x; where one rises there vertically, so does the mean.
    """
    replicates = [one for _, one in rows.groupby("replicate")]
    if len(replicates) < 2:
        return rows.assign(replicates=1)
    at = np.unique(rows[x])
    first = np.mean([one[y].iloc[0] for one in replicates])
    mean = np.mean([np.interp(at, one[x], one[y]) for one in replicates], axis=0)
    points = {x: [at[0], *at], y: [first, *mean], "lower": np.nan, "upper": np.nan}
    return pd.DataFrame(points).assign(replicates=len(replicates))


def reliability(view: View) -> Numbers:
    """The means of bins of confidence, and the bins of replicates."""
    table = _in_order(view, view.results.curve("reliability"))
    if table.empty:
        return Numbers(table)
    key = ["recipe", "method", "members", "condition"]
    return Numbers(_of_each(table, key, mean_bins), _several(_full_alone(table)))


def mean_bins(bins: pd.DataFrame) -> pd.DataFrame:
    """The replicates' mean in each bin: of images, and of the confidence and accuracy of full bins.

    Those that half of the replicates fill with `FEWEST` images: what fewer do is no mean. A single
    replicate is its own mean, with intervals; the mean of several has none.
    """
    known, count = _full_alone(bins), bins["replicate"].nunique()
    if count < 2:
        return known.assign(replicates=1).drop(columns="replicate")
    grouped = known.groupby("lower", as_index=False)
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
    shown = [name for name in view.results.ood if name in known]
    parts = []
    for variant in view.variants:
        of_method = where(table, **variant._asdict())
        for name in shown:
            pair = {name, view.names.condition(name).reference}
            parts.append(of_method[of_method["condition"].isin(pair)].assign(against=name))
    return Numbers(pd.concat(parts, ignore_index=True) if parts else table.iloc[:0])


def votes_by_severity(view: View) -> Numbers:
    """The votes for one image by each severity of a group."""
    conditions = view.results.severities[view.group]
    at = {conditions[0].reference: 0.0} | {one.name: one.severity for one in conditions}
    table = view.results.curve("example_image")
    table = _of_variants(view, table[table["condition"].isin(at)])
    table = table.assign(severity=table["condition"].map(at))
    return Numbers(table if table["severity"].nunique() > 1 else table.iloc[:0])


def high_disagreement(view: View) -> Numbers:
    """The votes for the images on which methods differ most."""
    table = _of_variants(view, view.results.curve("high_disagreement"))
    return Numbers(table.sort_values("rank", kind="stable").reset_index(drop=True))


def sampling_errors(view: View) -> Numbers:
    """The error of an image's measures against the number of members."""
    table = view.results.curve("sampling_error")
    if table.empty:
        return Numbers(table)
    table = table[table["measure"].isin(SAMPLED_MEASURES) & table["rms_error"].notna()]
    table = table.assign(size=table["members"].astype("int64")).sort_values("size", kind="stable")
    return Numbers(_in_order(view, table))


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
    measures = [*TRAINING_MEASURES, DROPOUT_ON] if differs else [*TRAINING_MEASURES]
    same = ["split", "images", "epoch"]
    tidy = log.melt(id_vars=same, value_vars=measures, var_name="measure").dropna(subset="value")
    grouped = tidy.groupby(["measure", *same], sort=True)["value"]
    rows = grouped.agg(mean="mean", least="min", most="max").reset_index()
    panel = rows["measure"].replace(DROPOUT_ON, RIGHT)
    order = [*TRAINING_MEASURES]
    rows = rows.assign(panel=panel, dropout_on=rows["measure"] == DROPOUT_ON)
    return Numbers(rows.sort_values("panel", key=lambda names: names.map(order.index)))


def worth(view: View) -> Numbers:
    """Worth in networks by the measures that the answer is judged by; no row without a number."""
    table = view.results.worth
    if table.empty:
        return Numbers(table)
    table = view.results.by_primary_score(table)
    judged = [(quantity.metric, quantity.condition) for quantity in judged_by(view.results)]
    pairs = pd.Series(list(zip(table["metric"], table["condition"], strict=True)), table.index)
    rank = {pair: place for place, pair in enumerate(sorted(judged, key=_by_metric(judged, view)))}
    shown = {tuple(variant) for variant in view.sizes}
    named = pd.Series(list(zip(table["method"], table["members"], strict=True)), table.index)
    rows = table[
        (table["ensemble_recipe"] == table["recipe"])
        & (table["metric"].isin(view.metrics) if view.metrics else pairs.isin(judged))
        & table["condition"].isin(view.conditions or set(table["condition"]))
        & named.isin(shown)
        & (table["status"] == "ok")
    ]
    order = pairs[rows.index].map(lambda pair: rank.get(pair, len(rank))).sort_values(kind="stable")
    return Numbers(rows.loc[order.index].reset_index(drop=True))


def _by_metric(judged: Sequence[tuple[str, str]], view: View) -> Callable[..., tuple[object, ...]]:
    """The order of panels: metrics as they are judged by, and within each its conditions."""
    metrics = list(dict.fromkeys(metric for metric, _ in judged))
    return lambda pair: (metrics.index(pair[0]), view.names.condition_rank(pair[1]))


def costs(view: View) -> Numbers:
    """The value of each size of a method, and the time of one image and of the largest batch."""
    latency, results = view.results.latency, view.results
    setup = main_setup(latency)
    if setup is None:
        return Numbers(pd.DataFrame())
    shown = [(metric, CLEAN) for metric in COST_METRICS]
    shown += [(DETECTION, condition) for condition in results.ood[:1]]
    if view.metrics or view.conditions:
        shown = [*product(view.metrics or COST_METRICS, view.conditions or [CLEAN])]
    parts = []
    for metric, condition in shown:
        rows = values(view, [metric], [condition], _sizes(results))
        for size in batch_sizes(latency):
            found = [
                milliseconds(latency, setup, Variant(*pair), size)
                for pair in rows[["method", "members"]].itertuples(index=False)
            ]
            timed = rows.assign(
                batch_size=size,
                p50_ms=[math.nan if row is None else float(row["p50_ms"]) for row in found],
            ).dropna(subset="p50_ms")
            sign = -1 if view.names.metric(metric).better == "higher" else 1
            parts.append(timed.assign(pareto=_on_front(timed["p50_ms"], sign * timed["value"])))
    rows = pd.concat(parts).sort_values("batch_size", kind="stable", ignore_index=True)
    machine = {name: getattr(setup, name) for name in ("device_name", "threads", "engine")}
    return with_replicates(view, rows.assign(**machine), "batch_size", "p50_ms")


def claimed(figure: str, *metrics: str) -> Callable[[View], Numbers]:
    """The numbers of the claims that name a figure, of these metrics; each once."""

    def of_view(view: View) -> Numbers:
        rows, content = view.results.curve("claims"), view.results.claims or {"claims": []}
        named = [claim["id"] for claim in content["claims"] if claim["figure"] == figure]
        if rows.empty:
            return Numbers(rows)
        rows = rows[rows["claim"].isin(named) & rows["value"].notna()]
        if metrics:
            rows = rows[rows["metric"].isin(metrics)]
        key = ["method", "condition", "metric", "score", "case", "network"]
        return Numbers(rows.drop_duplicates(key).reset_index(drop=True))

    return of_view


def count_plots(view: View) -> Numbers:
    """The votes of each network for each class, for single images."""
    rows = claimed("claims-count-plots", VOTES)(view).rows
    if rows.empty:
        return Numbers(rows)
    images = rows["condition"].str.removeprefix("image ")
    return Numbers(
        rows.assign(image=images, **{"class": rows["case"]}).astype(
            {"image": "int64", "class": "int64"}
        )
    )


def certainty(view: View) -> Numbers:
    """By the share of votes that agree, the images of a network, and the networks' accuracy."""
    rows = claimed("claims-certainty", "images", "correct")(view).rows
    if rows.empty:
        return Numbers(rows)
    rows = rows.assign(lower=rows["case"].astype(float))
    edges = sorted({*rows["lower"], 1.0})
    parts = []
    for (condition, lower), of_bin in rows.groupby(["condition", "lower"], sort=False):
        counts = of_bin.pivot_table(index="network", columns="metric", values="value")
        images, correct = counts["images"], counts["correct"]
        accuracy = (correct / images)[images > 0]
        parts.append(
            {
                "condition": condition,
                "lower": lower,
                "upper": edges[edges.index(lower) + 1],
                "images": images.mean(),
                "accuracy": correct.sum() / images.sum() if images.sum() else math.nan,
                "least": accuracy.min(),
                "most": accuracy.max(),
            }
        )
    return Numbers(pd.DataFrame(parts))


def spread(view: View) -> Numbers:
    """How much the votes for a class differ between networks, and between samples of passes."""
    return Numbers(view.results.curve("claims-spread"))


def _sizes(results: Results) -> list[Variant]:
    """All, but an ensemble of one: it is a single network, which has its own row."""
    return [
        variant
        for variant in results.variants
        if not (variant.members == "1" and results.names.method(variant.method).counts_networks)
    ]


def _on_front(costs: pd.Series[float], losses: pd.Series[float]) -> list[bool]:
    """Whether no other point is as fast and as good, and better in one."""
    places = list(zip(costs, losses, strict=True))
    return [
        not any(other != one and other[0] <= one[0] and other[1] <= one[1] for other in places)
        for one in places
    ]


def _in_order(view: View, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the chosen conditions, these in the order in which they are shown."""
    if view.conditions:
        table = table[table["condition"].isin(view.conditions)]
    ranked = sorted(set(table["condition"]), key=view.names.condition_rank)
    if table.empty:
        return table
    return table.sort_values(
        "condition", key=lambda names: names.map(ranked.index), kind="stable"
    ).reset_index(drop=True)


def _of_variants(view: View, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the view's methods, in their order."""
    parts = [where(table, **variant._asdict()) for variant in view.variants]
    return pd.concat(parts) if parts else table.iloc[:0]


def _of_each(
    table: pd.DataFrame, key: list[str], mean: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    """What a function makes of the rows of each method, condition and so on, with these columns."""
    return pd.concat(
        [
            mean(rows).assign(**{name: rows[name].iloc[0] for name in key})
            for _, rows in table.groupby(key, sort=False)
        ],
        ignore_index=True,
    )


def _several(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of methods with several replicates; a single one is drawn as the mean."""
    return table[table.groupby(["method", "members"])["replicate"].transform("nunique") > 1]


def parts_of(rows: pd.DataFrame, column: str) -> Iterator[tuple[object, pd.DataFrame]]:
    """The rows by the values of a column, in the order in which these come."""
    for value in dict.fromkeys(rows[column]):
        yield value, rows[rows[column] == value]
