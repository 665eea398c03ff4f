"""What figures show and say, computed from the tables of a run: rows of values, and titles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import product

import numpy as np
import pandas as pd

from benchmarks.nouns import METHOD_COLUMNS, Contestant
from benchmarks.report.editorial import (
    DETECTION,
    ENSEMBLE,
    PROBABLE,
    RIGHT,
    SHOWN_WITH_COST,
    VOTES,
)
from benchmarks.report.figures.engine import FigureData, Panel, View
from benchmarks.report.results import Quantity, Results
from benchmarks.report.texts import listed
from benchmarks.report.timings import MEDIAN, PYTORCH, engines, main_setup, timed
from benchmarks.schema import Measurement, table_of, where
from benchmarks.vocabulary import CLEAN, FEWEST_REPLICATES

SIZE = ["method", "members"]
"""By which a prediction has a time, whatever the training."""

VALUES = [*("metric", "condition"), *METHOD_COLUMNS, *("replicates", "value", "lower", "upper")]

FEWEST = 10
"""Images that a bin must hold to be drawn, as for the MCE: the accuracy of fewer is chance."""

# Values of metrics.


def values(
    view: View,
    metrics: Iterable[str],
    conditions: Sequence[str],
    contestants: Iterable[Contestant] = (),
) -> pd.DataFrame:
    """A row a metric, method and condition with a value, in the columns `VALUES`.

    The mean of a few replicates has no interval: it is NaN. That of a single one is over the draw
    of images alone.

    Args:
        conditions: those of them that are chosen, if any are.
        contestants: by default those with a line.
    """
    rows: list[tuple[object, ...]] = []
    for metric, contestant, condition in product(
        metrics, contestants or view.contestants, conditions
    ):
        row = view.results.row(contestant, Quantity(condition, metric))
        if row is None or pd.isna(row["value"]) or condition not in (view.conditions or conditions):
            continue
        has_interval = row["replicates"] == 1 or row["replicates"] >= FEWEST_REPLICATES
        interval = (row["lower"], row["upper"]) if has_interval else (math.nan, math.nan)
        place = metric, condition, *contestant.columns.values()
        rows.append((*place, int(row["replicates"]), row["value"], *interval))
    return pd.DataFrame(rows, columns=VALUES)


def severities(view: View) -> FigureData:
    """Metrics at each severity of a group from the least on, the unchanged images at 0.

    Without metrics that only these have.
    """
    at = view.severities
    metrics = view.metrics or tuple(metric.name for metric in view.names.main)
    rows = values(view, metrics, sorted(at, key=lambda name: at[name]))
    shifted = rows[rows["condition"].map(at) != 0]
    rows = rows[rows["metric"].isin(shifted["metric"])].reset_index(drop=True)
    rows = rows.assign(severity=rows["condition"].map(at))
    if rows["severity"].nunique() < 2:
        return FigureData(rows.iloc[:0])
    return with_differences(view, rows, "severity")


def selective_errors(view: View) -> FigureData:
    """The error of each method where it abstains on some images, in percent of those left."""
    metrics = view.results.abstained
    abstained = {metric.name: round(100 * (1 - metric.coverage), 6) for metric in metrics}
    if len(abstained) < 2:
        return FigureData(pd.DataFrame())
    conditions = view.conditions or view.results.well_labelled
    rows = pd.concat([values(view, abstained, [name]) for name in conditions], ignore_index=True)
    rows = rows.assign(abstained=rows["metric"].map(abstained))
    return FigureData(*map(_in_percent, with_differences(view, rows, "abstained")))


# Differences to the network alone.


def baseline(view: View) -> Contestant:
    """What differences are to: the network alone; where it is not shown, the first method."""
    results = view.results
    alone = (v for v in view.contestants if results.is_network_alone(v))
    return next(alone, view.contestants[0])


def baseline_alone(panel: Panel) -> Panel:
    """What a panel shows, of the baseline alone."""
    return panel._replace(rows=where(panel.rows, **baseline(panel.view).columns))


def other_methods(panel: Panel) -> Panel:
    """What a panel shows, without the baseline and its replicates."""
    looks = {name: look for name, look in panel.looks.items() if name != baseline(panel.view)}
    return panel._replace(looks=looks, replicates=pd.DataFrame())


def with_differences(view: View, rows: pd.DataFrame, *along: str) -> FigureData:
    """The rows, and how much they differ from the baseline.

    Where the baseline is a mean of several replicates without an interval, these are there, too.

    Args:
        along: further columns of the rows that replicates need.
    """
    if rows.empty:
        return FigureData(rows)
    place, measured = ["condition", "metric"], view.results.measured
    base = where(rows, **baseline(view).columns)
    levels = base.set_index(place)["value"].reindex(pd.MultiIndex.from_frame(rows[place]))
    rows = rows.assign(difference=rows["value"] - levels.to_numpy())
    if measured.empty:
        measured = table_of(Measurement, ())
    means = base[base["lower"].isna() & (base["replicates"] > 1)]
    key = [*METHOD_COLUMNS, *place]
    replicates = means[[*key, *along]].merge(measured[[*key, "replicate", "value"]], on=key)
    return FigureData(rows, replicates)


def _in_percent(table: pd.DataFrame) -> pd.DataFrame:
    """Errors in place of values, of which accuracy is the share of images without an error."""
    if table.empty:
        return table
    is_accuracy, opposite = table["metric"] == RIGHT, {"lower": "upper", "upper": "lower"}
    errors = {
        name: 100 * table[name].mask(is_accuracy, 1 - table[opposite.get(name, name)])
        for name in ("value", "lower", "upper")
        if name in table
    }
    if "difference" in table:
        errors["difference"] = 100 * table["difference"].mask(is_accuracy, -table["difference"])
    return table.assign(**errors).rename(columns={"value": "error"})


def quality(view: View) -> FigureData:
    """Measures of the headline, and PyTorch's time of one image: of methods and all ensembles.

    Of a method that was not timed, the time is NaN.
    """
    ensembles = [
        contestant
        for contestant in _sizes(view)
        if contestant.method == ENSEMBLE and contestant not in view.contestants
    ]
    shown = [quantity for quantity in _against_cost(view) if quantity.metric != DETECTION]
    return _timed(view, [PYTORCH], shown, [*view.contestants, *ensembles], with_untimed=True)


def costs(view: View) -> FigureData:
    """Measures of each size of a method, and the time of one image by each engine."""
    latency = view.results.latency
    by = engines(latency, main_setup(latency))
    return _timed(view, by, _against_cost(view), _sizes(view))


def _against_cost(view: View) -> list[Quantity]:
    return [quantity for quantity in view.results.headline if quantity.metric in SHOWN_WITH_COST]


def _sizes(view: View) -> list[Contestant]:
    """Every size of the methods shown; an ensemble of one is a network, which has its own row."""
    methods = {contestant.method for contestant in view.contestants}
    sizes = {*view.results.usual(view.results.contestants), *view.contestants}
    return [
        contestant
        for contestant in view.results.contestants
        if contestant in sizes
        and contestant.method in methods
        and not (contestant.members == "1" and view.names.method(contestant.method).counts_networks)
    ]


def _timed(
    view: View,
    by: Sequence[str],
    shown: Sequence[Quantity],
    sizes: Sequence[Contestant],
    *,
    with_untimed: bool = False,
) -> FigureData:
    """A row a measure, engine and size that has a value and a time, with the setup of the timings.

    Args:
        by: the engines.
        shown: where the user chooses no metrics and conditions.
        with_untimed: also those without a time.
    """
    setup = main_setup(view.results.latency)
    if setup is None:
        return FigureData(pd.DataFrame())
    if view.metrics or view.conditions:
        pairs = product(view.conditions or [CLEAN], view.metrics or [PROBABLE])
        shown = [Quantity(*pair) for pair in pairs]
    single = where(view.results.latency, batch_size=1, score="")
    parts = [pd.DataFrame(columns=[*VALUES, *MEDIAN, "engine"])]
    for engine, quantity in product(by, shown):
        rows = values(view, [quantity.metric], [quantity.condition], sizes)
        times = timed(single, setup, engine)[[*SIZE, *MEDIAN]].drop_duplicates(SIZE)
        rows = rows.merge(times, on=SIZE, how="left" if with_untimed else "inner")
        if rows["p50_ms"].notna().any():
            parts.append(rows.assign(engine=engine))
    rows = pd.concat(parts[1:] or parts, ignore_index=True)
    return FigureData(rows.assign(device_name=setup.device_name, threads=setup.threads))


# Curves, bins and votes.


def curves(name: str, x: str, y: str) -> Callable[[View], FigureData]:
    """The means of the curves of a table in `curves/`, and those of their replicates."""
    return lambda view: _means(_curve(view, name), lambda curve: mean_curve(curve, x, y))


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


def reliability(view: View) -> FigureData:
    """The means of bins of confidence, and the bins of replicates."""
    table = _curve(view, "reliability")
    return FigureData(table) if table.empty else _means(_full_alone(table), mean_bins)


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


def examples(view: View) -> FigureData:
    """The first image of each condition of which the run has one."""
    names = view.conditions or [condition.name for condition in view.results.conditions]
    shown = [name for name in names if (name, 0) in view.results.images]
    return FigureData(pd.DataFrame({"condition": shown, "index": 0}))


def high_disagreement(view: View) -> FigureData:
    """The votes for the images on which methods differ most."""
    return FigureData(_curve(view, "high_disagreement").sort_values("rank", kind="stable"))


def _shown_conditions(view: View, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the conditions shown, in their order."""
    if view.conditions:
        table = table[table["condition"].isin(view.conditions)]
    ranks = {name: view.names.condition_rank(name)[0] for name in set(table["condition"])}
    order = table["condition"].map(ranks).sort_values(kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _curve(view: View, name: str) -> pd.DataFrame:
    """The rows of a table of curves of the methods and conditions shown, in their order."""
    table = view.results.curve(name)
    rows = (where(table, **contestant.columns) for contestant in view.contestants)
    # Without a method that has a value there are no rows.
    return _shown_conditions(view, pd.concat([table.iloc[:0], *rows]))


def _means(table: pd.DataFrame, mean: Callable[[pd.DataFrame], pd.DataFrame]) -> FigureData:
    """What a function makes of the replicates of each curve, and those of several replicates."""
    if table.empty:
        return FigureData(table)
    key = [name for name in (*METHOD_COLUMNS, "condition", "score") if name in table]
    parts = [
        mean(rows).assign(**{name: rows[name].iloc[0] for name in key})
        for _, rows in table.groupby(key, sort=False)
    ]
    several = table.groupby([*METHOD_COLUMNS])["replicate"].transform("nunique") > 1
    return FigureData(pd.concat(parts, ignore_index=True), table[several])


# The article's claims.


def claimed(figure: str, *metrics: str) -> Callable[[View], FigureData]:
    """The numbers of the claims that name a figure, of these metrics or of all; each once."""

    def data(view: View) -> FigureData:
        rows, content = view.results.curve("claims"), view.results.claims or {"claims": []}
        if rows.empty:
            return FigureData(rows)
        named = [claim["id"] for claim in content["claims"] if claim["figure"] == figure]
        rows = rows[rows["claim"].isin(named) & rows["value"].notna()]
        rows = rows[rows["metric"].isin(metrics or set(rows["metric"]))]
        key = ["method", "condition", "metric", "score", "case", "network"]
        return FigureData(rows.drop_duplicates(key).reset_index(drop=True))

    return data


def count_plots(view: View) -> FigureData:
    """The votes of each network for each class, for single images."""
    rows = claimed("claims-count-plots", VOTES)(view).rows
    if rows.empty:
        return FigureData(rows)
    images = rows["condition"].str.removeprefix("image ").astype("int64")
    return FigureData(rows.assign(image=images, **{"class": rows["case"].astype("int64")}))


def certainty(view: View) -> FigureData:
    """By the share of votes that agree, the images of a network, and the networks' accuracy."""
    rows = claimed("claims-certainty", "images", "correct")(view).rows
    if rows.empty:
        return FigureData(rows)
    place = ["condition", "lower"]
    rows = rows.assign(lower=rows["case"].astype(float))
    counts = rows.pivot_table("value", [*place, "network"], "metric", sort=False)
    counts["accuracy"] = counts["correct"] / counts["images"].where(counts["images"] > 0)
    grouped = counts.groupby(level=place, sort=False)
    bins = grouped.agg(
        images=("images", "mean"), least=("accuracy", "min"), most=("accuracy", "max")
    )
    bins["accuracy"] = grouped["correct"].sum() / grouped["images"].sum()
    edges = sorted({*rows["lower"], 1.0})
    bins = bins.reset_index()
    return FigureData(bins.assign(upper=[edges[edges.index(edge) + 1] for edge in bins["lower"]]))


# What is said above figures.

MOST_NAMED = 4
"""Methods that a title names; of more it says how many they are."""


def in_best_set(results: Results, choices: Sequence[Contestant]) -> str:
    """That these contestants are in it, as the beginning of a sentence."""
    labels = list(map(results.label, choices)) or ["No contestant shown"]
    names = listed(labels) if len(labels) <= MOST_NAMED else f"{len(labels)} methods"
    return f"{names} {'are' if len(labels) > 1 else 'is'} in the best set"


def finding(view: View, quantity: Quantity) -> str:
    """What the rule says by a measure, of the methods drawn that have the least budget.

    Empty where the run has no answer.
    """
    results, budget = view.results, min(view.results.budgets)
    best = results.leaders(budget).get(quantity, [])
    if not best:
        return ""
    at = f" of budget {budget:g}" if any(each.budget != budget for each in view.contestants) else ""
    metric, images = results.names.metric(quantity.metric), results.label_of(quantity.condition)
    by = f"by {metric.label} ({images})"
    is_better = any(results.better(choice, quantity) for choice in results.judged(budget))
    width = results.smallest_difference(budget, quantity)
    if width and not is_better and any(map(results.is_network_alone, best)):
        shown = f"a difference of {width} would have been shown"
        return f"Nothing is shown to be better than one network{at} {by}; {shown}"
    drawn = [choice for choice in best if choice.unscored in view.contestants and not choice.score]
    first = "Of those drawn, " if 0 < len(drawn) < len(best) else ""
    return f"{first}{in_best_set(results, drawn)}{at} {by}"


def best_by(metric: str, otherwise: str) -> Callable[[View, pd.DataFrame], str]:
    """What the rule says by a measure of the headline; of a figure of a group, on its images.

    Args:
        otherwise: where it says nothing; with ``{group}``, which is named.
    """

    def title(view: View, rows: pd.DataFrame) -> str:
        names, own = view.names, (q for q in view.results.headline if q.metric == metric)
        findings = (
            finding(view, q) for q in own if view.group in ("", names.condition(q.condition).group)
        )
        return next(findings, "") or otherwise.format(group=view.group.capitalize())

    return title


def quality_title(view: View, rows: pd.DataFrame) -> str:
    """What the rule says by each measure drawn."""
    drawn = rows[["condition", "metric"]].drop_duplicates().itertuples(index=False, name=None)
    findings = [finding(view, Quantity(*pair)) for pair in drawn]
    return ". ".join(filter(None, findings)) or cost_title(view, rows)


def cost_title(view: View, rows: pd.DataFrame) -> str:
    """Where methods were timed."""
    setup = main_setup(view.results.latency)
    return f"Quality against median latency on {setup.label}" if setup else ""


def verdict(figure: str) -> Callable[[View, pd.DataFrame], str]:
    """The first claim that names a figure, with its verdict."""

    def title(view: View, rows: pd.DataFrame) -> str:
        for claim in (view.results.claims or {"claims": []})["claims"]:
            if claim["figure"] == figure:
                return f"“{claim['statement'].rstrip('.')}”: {claim['verdict']}"
        return ""

    return title
