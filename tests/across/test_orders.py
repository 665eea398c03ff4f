"""Pairs of methods that tests order alike in several settings."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.across.rankings import Orders, in_order, orders
from benchmarks.across.settings import Setting
from tests.report.answer.cases import (
    BETTER,
    CLEAN,
    DROPOUT,
    FIVE,
    OPEN,
    SOFTMAX,
    WORSE,
    compared,
    run,
)

ACCURACY, NLL = CLEAN
PAIRS = ((DROPOUT, SOFTMAX), (FIVE, SOFTMAX), (FIVE, DROPOUT))


def setting(network: str, *said: str) -> Setting:
    """Where tests say this of the three pairs by the NLL; the first is better by the accuracy."""
    tests = compared(DROPOUT, SOFTMAX, [ACCURACY], BETTER)
    for (one, other), verdict in zip(PAIRS, said, strict=True):
        tests += compared(one, other, [NLL], verdict)
    return Setting("MNIST", network, run(dict.fromkeys((SOFTMAX, DROPOUT, FIVE), CLEAN), tests))


def test_pairs_are_counted_by_their_order() -> None:
    one = setting("lenet5", BETTER, WORSE, BETTER)
    other = setting("lenet5_relu", BETTER, BETTER, OPEN)
    found = {row.metric: row for row in orders([one, other])}
    assert found["nll"] == Orders("clean", "Clean", "nll", 3, 1, 1, 1, 0)
    assert found["accuracy"] == Orders("clean", "Clean", "accuracy", 1, 1, 0, 0, 0)
    assert list(in_order(list(found.values()))) == [
        "Over all measures, tests order 2 pairs of methods alike in every setting, 1 in some "
        "settings alone, and 1 in opposite ways."
    ]


def test_pairs_that_a_setting_lacks_do_not_count() -> None:
    one = setting("lenet5", BETTER, BETTER, BETTER)
    lacking = replace(one, network="other", results=run({SOFTMAX: CLEAN, DROPOUT: CLEAN}))
    assert list(orders([one, lacking])) == []
    assert list(in_order([])) == []
