"""Verdicts from parts, and what every claim has."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import pytest

from benchmarks.claims import CLAIMS, statements
from benchmarks.claims.claim import (
    FEWEST_COUNTED,
    HALF,
    Claim,
    Judgement,
    NotTestableError,
    Part,
    Verdict,
    by_networks,
    by_parts,
    require_intervals,
)
from benchmarks.claims.intervals import Interval, over_networks, share_of_networks
from benchmarks.vocabulary import CENTRAL, WEIGHTS
from tests.claims.support import NO, PARTLY, YES


def test_every_claim_is_there_once_with_all_that_a_reader_needs() -> None:
    files = [file.name for file in iter_modules(statements.__path__)]
    modules = [import_module(f"{statements.__name__}.{name}") for name in files]
    defined = [one for module in modules for one in vars(module).values() if type(one) is Claim]
    assert sorted(CLAIMS) == sorted(claim.id for claim in defined)
    for claim in CLAIMS.values():
        assert claim.statement
        assert claim.against.endswith("."), claim.id
        assert claim.place
        assert claim.rule
        assert claim.statement.endswith(".")


def test_claims_are_in_the_order_of_their_weights() -> None:
    weights = [claim.weight for claim in CLAIMS.values()]
    assert weights == sorted(weights, key=list(WEIGHTS).index)
    assert [claim.id for claim in CLAIMS.values() if claim.weight == CENTRAL] == [
        "dropout-mimics-ensemble",
        "image-61",
        "image-591-many-for-3",
        "image-591-few-for-7-or-9",
        "certain-when-agreeing",
        "disagree-on-edge-cases",
    ]


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [((True, True), YES), ((True, False), PARTLY), ((False, False), NO)],
)
def test_parts(parts: tuple[bool, bool], verdict: Verdict) -> None:
    judged = [Part("a", "1", parts[0]), Part("b", "2", parts[1]), Part("c", "3")]
    assert by_parts(judged, "a reason") == Judgement(verdict, "a reason", tuple(judged))


def test_parts_must_hold_for_the_same_networks() -> None:
    judgement = by_networks({"First": [True, False] * 10, "Second": [False, True] * 10})
    assert judgement.verdict == NO
    assert judgement.why == (
        "Both conditions hold in 0 of 20 networks: 0 % (95 % interval: 0 to 17 %). First in 10 "
        "networks. Second in 10 networks."
    )


def test_fewer_networks_than_can_show_a_half_have_no_verdict() -> None:
    assert share_of_networks([True] * FEWEST_COUNTED).above(HALF)
    assert not share_of_networks([True] * (FEWEST_COUNTED - 1)).above(HALF)
    assert by_networks({"It rises": [True] * FEWEST_COUNTED}).verdict == YES
    with pytest.raises(NotTestableError, match="takes at least 6; there are 5"):
        by_networks({"It rises": [True] * (FEWEST_COUNTED - 1)})


def test_a_single_value_has_no_interval_to_judge_by() -> None:
    require_intervals([over_networks([0.1, 0.2]), Interval(0.5, 0.4, 0.6)])
    with pytest.raises(NotTestableError, match="takes at least two"):
        require_intervals([over_networks([0.1, 0.2]), over_networks([0.5])])
