"""What figures of claims and of votes say, as their titles: computed, so never false."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from benchmarks.report.results import Results
from benchmarks.report.texts import listed
from benchmarks.schema import where
from benchmarks.vocabulary import CEILING, IMITATION

MOST_VOTES = 0.9
"""The share of a network's votes that counts as nearly all."""


def certainty_finding(results: Results, numbers: pd.DataFrame) -> str:
    """How often the largest majorities are right, under the first and the last condition."""
    highest = numbers[numbers["upper"] == numbers["upper"].max()].dropna(subset="accuracy")
    if highest.empty:
        return ""
    ends = dict.fromkeys((0, len(highest) - 1))
    right = [
        f"{100 * row['accuracy']:.1f} % ({results.label_of(row['condition'])})"
        for row in (highest.iloc[end] for end in ends)
    ]
    least = highest["lower"].iloc[0]
    return f"Majorities of {100 * least:.0f} % of the votes or more are right in {listed(right)}"


def rank_finding(results: Results, correlations: pd.DataFrame) -> str:
    """The mean rank correlations of the imitation and its ceiling, by the first score."""
    condition, score = correlations[["condition", "score"]].iloc[0]
    means = where(correlations, condition=condition, score=score).groupby("case")["value"].mean()
    told = [f"{means[pair]:.2f} ({pair})" for pair in (IMITATION, CEILING) if pair in means]
    return f"By {results.names.score(score).label.lower()}, rankings correlate by {listed(told)}"


def missing_data_finding(results: Results, numbers: pd.DataFrame) -> str:
    """The first measure by the first and the last training set, of the first method."""
    chosen = numbers.iloc[0]
    first = where(numbers, **{name: chosen[name] for name in ("metric", "method", "condition")})
    means = first.groupby("case", sort=False)["value"].mean()
    ends = [
        f"{means[name]:.3f} ({name})" for name in dict.fromkeys((means.index[0], means.index[-1]))
    ]
    metric, method = (first[name].iloc[0] for name in ("metric", "method"))
    named = f"{results.names.metric(metric).label} of {results.names.in_text(method)}"
    return f"{named}, by training images: {' to '.join(ends)}"


def spread_finding(spread: pd.DataFrame) -> str:
    """How much more votes differ between networks than between samples of passes."""
    by_network, by_passes = (spread[f"std_by_{name}"].mean() for name in ("network", "passes"))
    if not by_passes > 0:
        return ""
    times = f"{by_network / by_passes:.1f} times"
    return f"Votes differ {times} as much between networks as between samples of 100 passes"


def example_finding(results: Results, votes: pd.DataFrame) -> str:
    """For how many classes members vote, at the least and at the greatest severity."""
    cast = votes[votes["vote_share"] > 0]
    ends = dict.fromkeys((cast["severity"].min(), cast["severity"].max()))
    counts = []
    for severity in ends:
        here = cast[cast["severity"] == severity]
        most = here.groupby(["method", "members"])["class"].nunique().max()
        counts.append(f"{most} ({results.label_of(here['condition'].iloc[0])})")
    return f"A method's votes go to at most {listed(counts)} classes"


def disagreement_finding(results: Results, votes: pd.DataFrame) -> str:
    """Of which group most of the images are."""
    images = votes.drop_duplicates("rank")["condition"]
    groups = Counter(results.names.condition(condition).group for condition in images)
    group, count = groups.most_common(1)[0]
    return f"{count} of the {len(images)} images on which methods differ most are {group}"


def networks_finding(numbers: pd.DataFrame) -> str:
    """In how many networks nearly all votes for an image are for one class."""
    told = []
    for image, votes in numbers.groupby("image"):
        of_network = votes.groupby("network")["value"]
        sure = of_network.max() > MOST_VOTES * of_network.sum()
        told.append(f"{sure.sum()} of {len(sure)} networks (image {image:g})")
    return f"More than {100 * MOST_VOTES:.0f} % of the votes agree in {listed(told)}"
