"""Titles of figures of claims and votes, worked out by hand."""

from __future__ import annotations

import pandas as pd

from benchmarks.report.numbers.findings import (
    certainty_finding,
    disagreement_finding,
    example_finding,
    missing_data_finding,
    networks_finding,
    rank_finding,
    spread_finding,
)
from benchmarks.report.results import Results
from benchmarks.vocabulary import CEILING, IMITATION
from tests.report.support import NAMES

RESULTS = Results(pd.DataFrame(), NAMES)


def test_largest_majorities_are_told_where_the_first_and_the_last_condition_have_them() -> None:
    bins = [("clean", 0.5, 0.4), ("clean", 1.0, 0.99), ("rotated-060", 1.0, 0.7)]
    numbers = pd.DataFrame(bins, columns=["condition", "upper", "accuracy"])
    numbers["lower"] = numbers["upper"] - 0.1
    expected = (
        "Majorities of 90 % of the votes or more are right in 99.0 % (Clean) and 70.0 % (60°)"
    )
    assert certainty_finding(RESULTS, numbers) == expected
    assert certainty_finding(RESULTS, numbers.assign(accuracy=float("nan"))) == ""


def test_rank_correlations_are_means_by_the_first_score_on_the_first_images() -> None:
    rows = [
        *(("clean", "mutual_information", IMITATION, value) for value in (0.25, 0.75)),
        ("clean", "mutual_information", CEILING, 0.8),
        ("clean", "predictive_entropy", CEILING, 0.1),
        ("rotated-060", "mutual_information", CEILING, 0.1),
    ]
    numbers = pd.DataFrame(rows, columns=["condition", "score", "pair", "value"])
    assert rank_finding(RESULTS, numbers) == (
        f"By mutual information, rankings correlate by 0.50 ({IMITATION}) and 0.80 ({CEILING})"
    )


def test_missing_data_are_told_from_the_first_to_the_last_training_set() -> None:
    numbers = pd.DataFrame({"training_set": ["1,000", "1,000", "9,000"], "value": [0.1, 0.3, 0.05]})
    numbers = numbers.assign(metric="nll", method="softmax", condition="clean")
    expected = "NLL of softmax, by training images: 0.200 (1,000) to 0.050 (9,000)"
    assert missing_data_finding(RESULTS, numbers) == expected


def test_spread_is_a_ratio() -> None:
    spread = pd.DataFrame({"std_by_network": [0.3, 0.1], "std_by_passes": [0.05, 0.05]})
    assert "differ 4.0 times as much between networks" in spread_finding(spread)
    assert spread_finding(spread.assign(std_by_passes=0.0)) == ""


def test_votes_are_counted() -> None:
    votes = pd.DataFrame(
        [
            *(
                ("softmax", "1", 0.0, "clean", 3, 1.0),
                ("softmax", "1", 60.0, "rotated-060", 3, 1.0),
            ),
            *(("mc", "8", 60.0, "rotated-060", 1, 0.5), ("mc", "8", 60.0, "rotated-060", 2, 0.5)),
            ("mc", "8", 60.0, "rotated-060", 7, 0.0),
        ],
        columns=["method", "members", "severity", "condition", "class", "vote_share"],
    )
    expected = "A method's votes go to at most 1 (Clean) and 2 (60°) classes"
    assert example_finding(RESULTS, votes) == expected
    ranks = pd.DataFrame(
        {"rank": [1, 1, 2, 3], "condition": ["clean", "clean", *["rotated-060"] * 2]}
    )
    assert disagreement_finding(RESULTS, ranks).startswith("2 of the 3 images")


def test_networks_are_counted_whose_votes_agree() -> None:
    votes = [(61, 0, 95), (61, 0, 5), (61, 1, 90), (61, 1, 10)]
    numbers = pd.DataFrame(votes, columns=["image", "network", "value"])
    expected = "More than 90 % of the votes agree in 1 of 2 networks (image 61)"
    assert networks_finding(numbers) == expected
