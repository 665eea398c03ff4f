"""What an interval says of two methods: by hand, and of all pairs of a run that is made up."""

from __future__ import annotations

import pytest

from benchmarks.inference.comparisons import verdict_of
from benchmarks.metrics import METRICS
from benchmarks.vocabulary import BETTER, WORSE, Verdict

MARGIN = 0.002

BY_HAND = [
    (1.5, 3.0, "better"),
    (0.25, 1.5, "better"),
    (0.25, 0.75, "better, within the margin"),
    (0.25, 1.0, "better, within the margin"),
    (-0.5, 0.5, "as good"),
    (0.0, 0.5, "as good"),
    (-1.0, 1.0, "as good"),
    (-0.5, 1.5, "open"),
    (0.0, 1.5, "open"),
    (-3.0, 3.0, "open"),
]
"""Where higher is better: an interval in margins, and its verdict."""

OF_THE_OTHER = {
    "better": "worse",
    "better, within the margin": "worse, within the margin",
    "as good": "as good",
    "open": "open",
}


@pytest.mark.parametrize(("lower", "upper", "verdict"), BY_HAND)
def test_verdict_in_both_directions(lower: float, upper: float, verdict: str) -> None:
    interval = lower * MARGIN, upper * MARGIN
    mirrored = -interval[1], -interval[0]
    higher, lower_is_better = METRICS["accuracy"], METRICS["nll"]
    assert verdict_of(higher, *interval, MARGIN) == verdict
    assert verdict_of(lower_is_better, *mirrored, MARGIN) == verdict
    for metric, of_other in ((higher, mirrored), (lower_is_better, interval)):
        assert verdict_of(metric, *of_other, MARGIN) == OF_THE_OTHER[verdict]
    assert Verdict(verdict).flipped == OF_THE_OTHER[verdict]
    assert Verdict(verdict).flipped.flipped == verdict


def test_without_a_margin_nothing_is_as_good() -> None:
    tiny = 1e-12
    found = {verdict_of(METRICS["auroc"], *ends, 0.0) for ends in ((-tiny, tiny), (0, tiny))}
    assert found == {Verdict.OPEN}
    assert verdict_of(METRICS["auroc"], tiny, 2 * tiny, 0.0) == Verdict.BETTER


def test_verdicts_that_exclude_zero() -> None:
    assert {verdict.flipped for verdict in BETTER} == set(WORSE)
    assert set(Verdict) - {*BETTER, *WORSE} == {Verdict.AS_GOOD, Verdict.OPEN}
