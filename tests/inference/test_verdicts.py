"""What an interval says of two methods: by hand, and of all pairs of a run that is made up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.inference.comparisons import compare, verdict_of
from benchmarks.inference.intervals import Relations
from benchmarks.metrics import METRICS
from benchmarks.predictions import RunUnit
from benchmarks.schema import Comparison
from benchmarks.vocabulary import BETTER, WORSE, Verdict
from tests.measuring import known_of
from tests.runs import CONDITIONS

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


OFFSETS = {
    "ahead": 0.002,
    "copy": 0,
    "half": 0.0005,
    "noisy": 0,
    "none": 0,
    "tenth": 0.0001,
    "z": 0.004,
}
"""By method, how much better its accuracy is; the margin on clean images is 0.001."""


def made_up(metric: str, sign: int) -> list[Comparison]:
    random, losses = np.random.default_rng(0), {}
    image = random.normal(size=400)
    for method, offset in OFFSETS.items():
        for r in range(5):
            own = (0.1 if method == "noisy" else 0.002) * random.normal(size=400)
            values = image + sign * offset + own
            losses[RunUnit(method, None, 1, r)] = {(metric, ""): values}
    for r in range(5):
        losses[RunUnit("copy", None, 1, r)] = losses[RunUnit("none", None, 1, r)]
    known = known_of(losses, CONDITIONS["clean"])
    return compare(known, list(losses), Relations()).comparisons


@pytest.mark.parametrize(("metric", "sign"), [("accuracy", 1), ("brier", -1), ("aurc", -1)])
def test_verdict_follows_from_interval_and_margin_of_its_row(metric: str, sign: int) -> None:
    rows, seen = made_up(metric, sign), set()
    for row in rows:
        margin = row.margin or 0.0
        if math.isnan(row.lower):
            assert {row.method, row.other_method} == {"none", "copy"}
            assert (row.difference, row.verdict) == (0, "as good")
            continue
        seen.add(row.verdict)
        ends = sorted((sign * row.lower, sign * row.upper))
        within = max(map(abs, ends)) <= margin
        assert (row.verdict in ("as good", "open")) == (ends[0] <= 0 <= ends[1])
        assert (row.verdict == "as good" or row.verdict.endswith("margin")) == within
        assert row.verdict.startswith("better") == (ends[0] > 0)
        assert row.verdict.startswith("worse") == (ends[1] < 0)
    assert {row.margin for row in rows} == {METRICS[metric].margin("clean") or None}
    of_margins = {"as good", "better, within the margin", "worse, within the margin"}
    assert seen >= {"better", "worse", "open"} | (of_margins if metric != "aurc" else set())
    if metric == "aurc":
        assert not seen & of_margins
