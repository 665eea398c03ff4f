"""Verdicts from parts, and what every claim has."""

from __future__ import annotations

import pytest

from benchmarks.claims import CLAIMS
from benchmarks.claims.claim import Verdict, by_networks, by_parts
from tests.claims.support import NO, PARTLY, YES


def test_every_claim_is_there_once_with_all_that_a_reader_needs() -> None:
    for id, claim in CLAIMS.items():
        assert claim.id == id
        assert claim.statement
        assert claim.place
        assert claim.rule
        assert claim.statement.endswith(".")


def test_one_claim_is_central() -> None:
    central = [claim.id for claim in CLAIMS.values() if claim.weight == "central"]
    assert central == ["dropout-mimics-ensemble"]


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [((True, True), YES), ((True, False), PARTLY), ((False, False), NO)],
)
def test_parts(parts: tuple[bool, bool], verdict: Verdict) -> None:
    assert by_parts({"a": parts[0], "b": parts[1]}).verdict == verdict


def test_parts_must_hold_for_the_same_networks() -> None:
    judgement = by_networks({"a": [True, False], "b": [False, True]})
    assert judgement.verdict == NO
    assert judgement.why == "a: 1 of 2 networks; b: 1; both: 0"
