"""What figures show and say, computed from the tables of a run: rows of values, and titles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import product

import pandas as pd

from benchmarks.nouns import METHOD_COLUMNS, Contestant
from benchmarks.report.editorial import (
    ENSEMBLE,
    PROBABLE,
    RIGHT,
    SHOWN_FIRST,
    VOTES,
)
from benchmarks.report.figures.engine import View
from benchmarks.report.results import Quantity, Results
from benchmarks.report.texts import listed
from benchmarks.report.timings import MEDIAN, engines, main_setup, timed
from benchmarks.schema import where
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


def severities(view: View) -> pd.DataFrame:
    """Metrics at each severity of a group from the least on, the unchanged images at 0.

    Without metrics that only these have; without those that the baseline lacks, if none are chosen.
    """
    at = view.severities
    metrics = view.metrics or tuple(metric.name for metric in view.names.main)
    rows = values(view, metrics, sorted(at, key=lambda name: at[name]))
    rows = rows.assign(severity=rows["condition"].map(at))
    rows = rows[rows["metric"].isin(rows.loc[rows["severity"] != 0, "metric"])]
    if view.contestants and not view.metrics:
        rows = rows[rows["metric"].isin(where(rows, **view.baseline.columns)["metric"])]
    return _with_differences(view, rows if rows["severity"].nunique() > 1 else rows.iloc[:0])


def selective_errors(view: View) -> pd.DataFrame:
    """The error of each method where it abstains on some images, in percent of those left."""
    metrics = view.results.abstained
    abstained = {metric.name: round(100 * (1 - metric.coverage), 6) for metric in metrics}
    if len(abstained) < 2:
        return pd.DataFrame()
    conditions = view.conditions or view.results.well_labelled
    rows = pd.concat([values(view, abstained, [name]) for name in conditions], ignore_index=True)
    interval, is_accuracy = ["value", "lower", "upper"], rows["metric"] == RIGHT
    errors = 1 - rows.loc[is_accuracy, ["value", "upper", "lower"]].to_numpy()
    rows.loc[is_accuracy, interval] = errors  # of which accuracy is the share without
    rows[interval] *= 100
    rows = _with_differences(view, rows.assign(abstained=rows["metric"].map(abstained)))
    return rows.rename(columns={"value": "error"})


def _with_differences(view: View, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, and how much their values differ from those of the baseline."""
    if rows.empty:
        return rows
    place = ["condition", "metric"]
    levels = where(rows, **view.baseline.columns).set_index(place)["value"]
    levels = levels.reindex(pd.MultiIndex.from_frame(rows[place]))
    return rows.assign(difference=rows["value"] - levels.to_numpy())


# Quality against cost.


def quality(view: View) -> pd.DataFrame:
    """Measures of the headline of the contestants of the first table, and of all ensembles."""
    usual = view.results.usual(view.results.contestants)
    ensembles = (each for each in usual if each.method == ENSEMBLE and each.size > 1)
    every = list(dict.fromkeys((*view.contestants, *ensembles)))
    parts = [values(view, [q.metric], [q.condition], every) for q in _against_cost(view)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def costs(view: View) -> pd.DataFrame:
    """Measures of each size of a method, and the time of one image by each engine."""
    latency = view.results.latency
    parts = [
        _timed(view, engine, _against_cost(view), _sizes(view)).dropna(subset="p50_ms")
        for engine in engines(latency, main_setup(latency))
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _against_cost(view: View) -> list[Quantity]:
    """The user's choice of metrics and conditions, or measures of the headline."""
    if view.metrics or view.conditions:
        pairs = product(view.conditions or [CLEAN], view.metrics or [PROBABLE])
        return [Quantity(*pair) for pair in pairs]
    return [quantity for quantity in view.results.headline if quantity.metric in SHOWN_FIRST]


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
    view: View, engine: str, shown: Sequence[Quantity], sizes: Sequence[Contestant]
) -> pd.DataFrame:
    """A row a measure and size that has a value, with its time by an engine, if it has one."""
    latency = view.results.latency
    setup = main_setup(latency)
    if setup is None:
        return pd.DataFrame()
    times = timed(where(latency, batch_size=1, score=""), setup, engine)
    times = times[[*SIZE, *MEDIAN]].drop_duplicates(SIZE)
    parts = [values(view, [metric], [condition], sizes) for condition, metric, _ in shown]
    rows = pd.concat(parts, ignore_index=True) if parts else values(view, (), ())
    rows = rows.merge(times, on=SIZE, how="left")
    return rows.assign(engine=engine, device_name=setup.device_name, threads=setup.threads)


# Curves, bins and votes.


def roc(view: View) -> pd.DataFrame:
    """The mean over replicates of the images flagged at each share of clean images flagged.

    A single replicate has an interval over images; several have their range in its place.
    """
    points = _curve(view, "roc")
    if points.empty:
        return points
    points = points.fillna({"lower": points["flagged"], "upper": points["flagged"]})
    return points.groupby(
        [*METHOD_COLUMNS, "condition", "score", "flagged_clean"], sort=False, as_index=False
    ).agg(flagged=("flagged", "mean"), lower=("lower", "min"), upper=("upper", "max"))


def reliability(view: View) -> pd.DataFrame:
    """The mean over replicates of each bin: of images, and of the confidence and accuracy of these.

    A single replicate has an interval over images; several have their range in its place. A bin
    has an accuracy if it has `FEWEST` images in half of the replicates: what fewer do is no mean.
    """
    bins = _curve(view, "reliability")
    if bins.empty:
        return bins
    accuracy = ["confidence", "accuracy", "accuracy_lower", "accuracy_upper"]
    for name in accuracy[2:]:
        bins[name] = bins[name].fillna(bins["accuracy"])
    bins["full"] = bins["count"] >= FEWEST
    bins[accuracy] = bins[accuracy].where(bins["full"])
    ways = {"accuracy_lower": "min", "accuracy_upper": "max"}
    means = bins.groupby(
        [*METHOD_COLUMNS, "condition", "lower", "upper"], sort=False, as_index=False
    ).agg({name: ways.get(name, "mean") for name in ("count", "full", *accuracy)})
    means[accuracy] = means[accuracy].where(means.pop("full") >= 0.5)
    return means


def examples(view: View) -> pd.DataFrame:
    """The first image of each condition of which the run has one."""
    names = view.conditions or [condition.name for condition in view.results.conditions]
    shown = [name for name in names if (name, 0) in view.results.images]
    return pd.DataFrame({"condition": shown, "index": 0})


MOST_IMAGES = 8
"""Of those on which methods disagree."""


def high_disagreement(view: View) -> pd.DataFrame:
    """The votes for labelled images on which methods differ most, of as many conditions as can be.

    An image that several conditions change is there once.
    """
    votes = _curve(view, "image_votes")
    if votes.empty:
        return votes
    votes = votes[votes["label"].notna() & (votes["divergence"] > 0)]
    images = votes.sort_values("divergence", ascending=False, kind="stable")
    images = images.drop_duplicates("number")[["condition", "number"]]
    turn = images.groupby("condition").cumcount().sort_values(kind="stable")
    return images.loc[turn.index[:MOST_IMAGES]].merge(votes, on=["condition", "number"])


def _curve(view: View, name: str) -> pd.DataFrame:
    """The rows of a table of curves of the methods and conditions shown, in their order."""
    table = view.results.curve(name)
    if view.conditions:
        table = table[table["condition"].isin(view.conditions)]
    rows = (where(table, **contestant.columns) for contestant in view.contestants)
    table = pd.concat([table.iloc[:0], *rows], ignore_index=True)
    ranks = {name: view.names.condition_rank(name)[0] for name in set(table["condition"])}
    return table.sort_values("condition", key=lambda names: names.map(ranks), kind="stable")


def count_plots(view: View) -> pd.DataFrame:
    """The votes of each network for each class, for the single images of the claims; each once."""
    rows = view.results.curve("claims")
    if rows.empty:
        return rows
    rows = rows[(rows["metric"] == VOTES) & rows["value"].notna()]
    rows = rows.drop_duplicates(["method", "condition", "case", "network"])
    images = rows["condition"].str.removeprefix("image ").astype("int64")
    return rows.assign(image=images, **{"class": rows["case"].astype("int64")})


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
    width = results.detectable_difference(budget, quantity)
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


def quality_title(_: View, __: pd.DataFrame) -> str:
    """What is drawn: the table beside it has what the rule says."""
    return "Quality against training"


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
