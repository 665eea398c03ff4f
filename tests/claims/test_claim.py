"""Verdicts from parts, and what every claim has."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import pytest

from benchmarks.claims import CLAIMS, statements
from benchmarks.claims.claim import Claim, Verdict, by_networks, by_parts
from benchmarks.vocabulary import CENTRAL
from tests.claims.support import NO, PARTLY, YES


def test_every_claim_is_there_once_with_all_that_a_reader_needs() -> None:
    files = [file.name for file in iter_modules(statements.__path__)]
    modules = [import_module(f"{statements.__name__}.{name}") for name in files]
    defined = [one for module in modules for one in vars(module).values() if type(one) is Claim]
    assert sorted(CLAIMS) == sorted(claim.id for claim in defined)
    assert [claim.id for claim in defined if claim.weight == CENTRAL] == ["dropout-mimics-ensemble"]
    for claim in CLAIMS.values():
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
