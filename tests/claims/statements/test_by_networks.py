"""Every rule that counts networks, on either side of each of its thresholds."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from benchmarks.claims import CLAIMS
from benchmarks.claims.claim import Verdict, rows
from tests.claims.support import NO, PARTLY, YES, judged

NETWORKS = 50


def of_networks(holding: int, holds: pd.DataFrame, fails: pd.DataFrame) -> pd.DataFrame:
    """The rows of 50 networks, of which so many are like the first."""
    return pd.concat([holds] * holding + [fails] * (NETWORKS - holding))


def rise(
    training: float = 0.97,
    validation: float = 0.97,
    correlations: tuple[float, float] = (0.9, 0.9),
) -> pd.DataFrame:
    """Of one network, whose accuracies begin at 93 %."""
    splits = ("training", "validation")
    return pd.concat(
        rows(metric, [value], condition=split, case=case)
        for split, last, correlation in zip(
            splits, (training, validation), correlations, strict=True
        )
        for metric, case, value in (
            ("accuracy", "first epoch", 0.93),
            ("accuracy", "last epoch", last),
            ("rank_correlation", "with the epoch", correlation),
        )
    )


def final(accuracy: float, split: str, metric: str = "accuracy") -> pd.DataFrame:
    return rows(metric, [accuracy], condition=split, case="last epoch")


def votes(image: int, **classes: float) -> pd.DataFrame:
    keys = {"method": "mc_dropout", "condition": f"image {image}"}
    return pd.concat(
        rows("votes", [classes.get(f"c{c}", 0.0)], case=str(c), **keys) for c in range(10)
    )


def switch(same: float = 1.0, first: float = 1.0, second: float = 2.0) -> pd.DataFrame:
    return pd.concat(
        [
            rows("repeats", [same], method="softmax"),
            *(
                rows("classes_with_votes", [count], method="mc_dropout", condition=image)
                for image, count in (("image 61", first), ("image 591", second))
            ),
        ]
    )


PER_NETWORK: list[tuple[str, pd.DataFrame, pd.DataFrame]] = [
    *(
        ("accuracy-rises", rise(), fails)
        for fails in (
            rise(training=0.93),
            rise(validation=0.92),
            rise(correlations=(0.899, 0.9)),
            rise(correlations=(0.9, 0.899)),
            rise(correlations=(0.9, math.nan)),
        )
    ),
    *(
        (id, final(inside, *split), final(outside, *split))
        for id, *split in (
            ("final-training-accuracy-dropout-off", "all training"),
            ("final-training-accuracy-dropout-off", "training"),
            ("final-training-accuracy-dropout-on", "all training", "accuracy_dropout_on"),
        )
        for inside, outside in ((0.970, 0.96999), (0.980, 0.98001))
    ),
    *(
        ("final-validation-accuracy", final(inside, "validation"), final(outside, "validation"))
        for inside, outside in ((0.968, 0.96799), (0.978, 0.97801))
    ),
    ("image-61", votes(61, c8=91, c2=9), votes(61, c8=90, c2=10)),
    ("image-61", votes(61, c8=91, c2=5, c3=4), votes(61, c8=91, c2=4, c3=5)),
    ("image-61", votes(61, c8=96, c2=4), votes(61, c8=96, c2=2, c3=2)),
    ("image-61", votes(61, c8=96, c2=3, c1=1), votes(61, c8=96, c1=2, c2=2)),
    ("image-61", votes(61, c8=99, c2=1), votes(61, c8=100)),
    ("image-591-many-for-3", votes(591, c3=41, c8=59), votes(591, c3=40, c8=60)),
    ("image-591-few-for-7-or-9", votes(591, c7=2, c8=98), votes(591, c7=1, c8=99)),
    ("image-591-few-for-7-or-9", votes(591, c7=3, c9=3, c8=94), votes(591, c7=3, c9=4, c8=93)),
    ("eval-switch", switch(), switch(same=0.0)),
    ("eval-switch", switch(first=2.0, second=1.0), switch(second=1.0)),
]


@pytest.mark.parametrize(("id", "holds", "fails"), PER_NETWORK)
@pytest.mark.parametrize(
    ("holding", "verdict"),
    # The 95 % interval of 33 of 50 begins above a half, that of 10 of 50 above a tenth.
    [(50, YES), (33, YES), (32, PARTLY), (10, PARTLY), (9, NO), (0, NO)],
)
def test_rule_counts_networks(
    id: str, holds: pd.DataFrame, fails: pd.DataFrame, holding: int, verdict: Verdict
) -> None:
    assert judged(id, of_networks(holding, holds, fails)) == verdict


@pytest.mark.parametrize(
    ("table", "runners_up"),
    [(votes(61, c2=60, c8=40), 0), (votes(61, c2=50, c8=50), 0), (votes(61, c3=60, c2=40), 50)],
)
def test_winner_is_no_runner_up(table: pd.DataFrame, runners_up: int) -> None:
    why = CLAIMS["image-61"].judge(of_networks(NETWORKS, table, table)).why
    assert f"2 is the only runner-up in {runners_up} networks." in why
