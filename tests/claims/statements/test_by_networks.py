"""Every rule that counts networks, on either side of each of its thresholds."""

from __future__ import annotations

import math

import pytest

from benchmarks.claims import CLAIMS
from benchmarks.claims.claim import Verdict
from tests.claims.support import NO, PARTLY, YES, judged

NETWORKS = 50

Numbers = dict[str, list[float]]


def of_networks(holding: int, holds: Numbers, fails: Numbers) -> Numbers:
    """Numbers of 50 networks, of which so many are like the first."""
    return {name: holds[name] * holding + fails[name] * (NETWORKS - holding) for name in holds}


def rise() -> Numbers:
    numbers = {}
    for split in ("training", "validation"):
        numbers[f"{split} accuracy, first epoch"] = [0.93]
        numbers[f"{split} accuracy, last epoch"] = [0.97]
        numbers[f"{split}, rank correlation with epoch"] = [0.9]
    return numbers


def final(training: float = 0.975, validation: float = 0.973) -> Numbers:
    return {
        "training accuracy": [training],
        "validation accuracy": [validation],
        "training accuracy, dropout on": [0.5],
        "validation accuracy, dropout on": [0.5],
    }


def votes(**classes: float) -> Numbers:
    return {f"votes for {c}": [classes.get(f"c{c}", 0.0)] for c in range(10)}


def switch(same: float = 1.0, first: float = 1.0, second: float = 2.0) -> Numbers:
    return {
        "softmax repeats itself": [same],
        "classes with votes, image 61": [first],
        "classes with votes, image 591": [second],
    }


PER_NETWORK: list[tuple[str, Numbers, Numbers]] = [
    *(
        ("accuracy-rises", rise(), rise() | {name: [value]})
        for name, value in (
            ("training accuracy, last epoch", 0.93),
            ("validation accuracy, last epoch", 0.92),
            ("training, rank correlation with epoch", 0.899),
            ("validation, rank correlation with epoch", 0.899),
            ("validation, rank correlation with epoch", math.nan),
        )
    ),
    ("final-accuracy", final(0.970), final(0.96999)),
    ("final-accuracy", final(0.980), final(0.98001)),
    ("final-accuracy", final(validation=0.968), final(validation=0.96799)),
    ("final-accuracy", final(validation=0.978), final(validation=0.97801)),
    ("image-61", votes(c8=91, c2=9), votes(c8=90, c2=10)),
    ("image-61", votes(c8=91, c2=5, c3=4), votes(c8=91, c2=4, c3=5)),
    ("image-61", votes(c8=96, c2=4), votes(c8=96, c2=2, c3=2)),
    ("image-61", votes(c8=96, c2=3, c1=1), votes(c8=96, c1=2, c2=2)),
    ("image-61", votes(c8=99, c2=1), votes(c8=100)),
    ("image-591", votes(c3=41, c7=2, c9=2, c8=55), votes(c3=40, c7=2, c9=2, c8=56)),
    ("image-591", votes(c3=41, c7=2, c8=57), votes(c3=41, c7=1, c8=58)),
    ("image-591", votes(c3=41, c7=3, c9=3, c8=53), votes(c3=41, c7=3, c9=4, c8=52)),
    ("eval-switch", switch(), switch(same=0.0)),
    ("eval-switch", switch(first=2.0, second=1.0), switch(second=1.0)),
]


@pytest.mark.parametrize(("id", "holds", "fails"), PER_NETWORK)
@pytest.mark.parametrize(
    ("holding", "verdict"),
    [(50, YES), (25, YES), (24, PARTLY), (5, PARTLY), (4, NO), (0, NO)],
)
def test_rule_counts_networks(
    id: str, holds: Numbers, fails: Numbers, holding: int, verdict: Verdict
) -> None:
    assert judged(id, of_networks(holding, holds, fails)) == verdict


def test_each_part_has_its_own_count() -> None:
    numbers = of_networks(30, votes(c8=95, c2=5), votes(c8=95, c3=5))
    assert CLAIMS["image-61"].judge(numbers).why == (
        "more than 90 votes for 8: 50 of 50 networks; runner-up 2: 30; both: 30"
    )


@pytest.mark.parametrize(
    ("numbers", "runners_up"),
    [(votes(c2=60, c8=40), 0), (votes(c2=50, c8=50), 0), (votes(c3=60, c2=40), 1)],
)
def test_winner_is_no_runner_up(numbers: Numbers, runners_up: int) -> None:
    assert f"runner-up 2: {runners_up};" in CLAIMS["image-61"].judge(numbers).why
