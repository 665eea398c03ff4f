"""The rows of ``answer.csv``: what the rule says of each contestant, or why it does not apply."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.inference.differences import own_estimate
from benchmarks.inference.evidence import HeadlineEvidence
from benchmarks.inference.intervals import FEW_OF_A_KIND, TOO_FEW
from benchmarks.inference.rule import (
    ALONE,
    NO_ENSEMBLES,
    NOT_FINITE,
    OF_SCALE,
    OTHER_IMAGES,
    answer,
)
from benchmarks.nouns import Contestant
from benchmarks.schema import AnswerRow
from tests.measuring import MEASURES, Floats, known_of

IMAGES = 400
ONE = {"network": "predictive_entropy"}
"""The method of single networks, with its primary score."""


def contestant(method: str, budget: float = 1, members: str = "1", score: str = "") -> Contestant:
    return Contestant(method, members, budget, score)


NETWORK, BETTER, ALIKE, WORSE = map(contestant, ("network", "better", "alike", "worse"))
FIVE, FIVES = contestant("network", 5), contestant("ensemble", 5, "5")
SCALE = [contestant("ensemble", size, str(size)) for size in (1, 2, 5, 10)]
SKILL = {BETTER: -0.4, WORSE: 0.4, FIVE: -0.3, FIVES: -0.5, SCALE[1]: -0.3, SCALE[3]: -0.55}


def losses_of(*others: Contestant) -> dict[Contestant, Floats]:
    """Five replicates each, that differ little by networks."""
    random = np.random.default_rng(0)
    image = random.normal(size=IMAGES)
    networks = random.normal(size=(5, IMAGES))
    chosen = dict.fromkeys([*SCALE, NETWORK, BETTER, ALIKE, WORSE, FIVE, *others])
    return {
        each: image
        + SKILL.get(each._replace(score=""), 0)
        + 0.1 * networks
        + 0.3 * random.normal(size=(5, IMAGES))
        for each in chosen
    }


LOSSES = losses_of()


def rows_of(
    evidence: HeadlineEvidence, alone: Mapping[str, str] = ONE
) -> dict[Contestant, AnswerRow]:
    rows = {
        Contestant(row.method, row.members, row.budget, row.score): row
        for row in answer([evidence], alone)
    }
    assert len(rows) == len(answer([evidence], alone))
    return rows


ROWS = rows_of(known_of(LOSSES))


def same(row: AnswerRow, other: AnswerRow, *but: str) -> bool:
    """NaN is NaN."""
    return repr(replace(row, **{name: getattr(other, name) for name in but})) == repr(other)


def test_best_better_and_worth_of_a_budget() -> None:
    best = {each for each, row in ROWS.items() if row.best == "yes"}
    assert best & {NETWORK, BETTER, ALIKE, WORSE} == {BETTER}
    assert FIVES in best
    assert ROWS[BETTER].difference == pytest.approx(-0.4, abs=0.05)
    for each, sign in ((BETTER, -1), (WORSE, 1)):
        row = ROWS[each]
        assert row.difference_lower is not None
        assert row.difference_upper is not None
        ends = row.difference_lower, row.difference_upper
        assert min(sign * end for end in ends) > 0
    assert ROWS[ALIKE].difference_lower < 0 < ROWS[ALIKE].difference_upper  # type: ignore[operator]
    assert math.isnan(ROWS[NETWORK].difference or math.nan)
    assert (ROWS[NETWORK].worth, ROWS[WORSE].worth) == ("1", "<1")
    assert 2 <= float(ROWS[BETTER].worth) <= 5
    for each, row in ROWS.items():
        assert (row.stays is not None) == (row.best == "yes")
        assert row.lower < row.value < row.upper  # type: ignore[operator]
        known = known_of(LOSSES)
        half = own_estimate(known, known.contestants.index(each)).half_width
        assert row.upper - row.value == pytest.approx(half, rel=1e-3)  # type: ignore[operator]


def test_ensembles_measure_worth_and_that_of_one_is_the_network_alone() -> None:
    assert SCALE[0] not in ROWS
    for each in (SCALE[1], SCALE[3]):
        assert (ROWS[each].best, ROWS[each].reason) == ("", OF_SCALE)
        assert ROWS[each].worth == each.members


def test_no_row_depends_on_the_order_of_contestants_or_measures() -> None:
    backwards = rows_of(known_of(dict(reversed(LOSSES.items()))))
    assert repr(backwards) == repr(ROWS)
    both = [known_of(LOSSES, MEASURES[name]) for name in ("nll", "brier")]
    there, back = answer(both, ONE), answer(both[::-1], ONE)
    assert repr(sorted(map(repr, there))) == repr(sorted(map(repr, back)))


def test_two_sittings_joined_differ_by_worth_across_them_alone() -> None:
    """What networks of both add together to a difference is not known, and is left in it."""
    known = known_of(LOSSES)
    late = [k for k, each in enumerate(known.contestants) if each == FIVE]
    early = [k for k in range(len(known.contestants)) if k not in late]
    rows = rows_of(known.chosen(early).joined(known.chosen(late)))
    assert rows.keys() == ROWS.keys()
    for each, row in rows.items():
        of_other = ("worth", "worth_lower", "worth_upper") if each == FIVE else ()
        assert same(row, ROWS[each], *of_other)
    assert float(rows[FIVE].worth) == pytest.approx(float(ROWS[FIVE].worth), rel=0.2)


def test_one_contestant_alone() -> None:
    row = rows_of(known_of({each: LOSSES[each] for each in (NETWORK, FIVE)}))[FIVE]
    assert (row.best, row.stays, row.difference, row.reason) == ("", None, None, ALONE)
    assert (row.worth, row.worth_reason) == ("", NO_ENSEMBLES)
    assert row.status == "ok"


def test_without_a_network_alone_there_is_a_set_and_no_difference() -> None:
    rows = rows_of(known_of(LOSSES), {})
    assert {each: row.best for each, row in rows.items()} == {
        each: row.best for each, row in ROWS.items()
    }
    assert all(row.difference is None for row in rows.values())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"value": math.inf}, NOT_FINITE),
        ({"undefined": 0.02}, TOO_FEW),
    ],
)
def test_contestant_without_a_number_is_left_out_with_a_reason(
    changes: Mapping[str, Any], reason: str
) -> None:
    rows = rows_of(known_of(LOSSES, changes={BETTER: changes}))
    row = rows[BETTER]
    assert (row.best, row.difference, row.reason) == ("", None, reason)
    assert (row.status == "undefined") == ("value" in changes)
    assert row.worth == ""
    assert row.worth_reason
    others = {each: own for each, own in LOSSES.items() if each != BETTER}
    without = rows_of(known_of(others))
    assert all(same(row, without[each]) for each, row in rows.items() if each != BETTER)


def test_network_alone_without_a_number_leaves_a_set_and_no_difference() -> None:
    rows = rows_of(known_of(LOSSES, changes={NETWORK: {"value": math.inf}}))
    assert rows[NETWORK].reason == NOT_FINITE
    assert (rows[BETTER].best, rows[BETTER].difference) == ("yes", None)


def test_contestants_of_other_replicates_or_images_are_left_out_with_a_reason() -> None:
    one_fewer = {**LOSSES, BETTER: {r: LOSSES[BETTER][r] for r in (0, 1, 2, 4)}}
    row = rows_of(known_of(one_fewer))[BETTER]
    assert (row.best, row.reason) == ("", "of replicates it has 4, and most others 5")
    assert row.worth != ""
    rows = rows_of(known_of(LOSSES, splits={"better": "all"}))
    assert (rows[BETTER].best, rows[BETTER].reason) == ("", OTHER_IMAGES)
    assert (rows[BETTER].worth, rows[BETTER].worth_reason) == ("", OTHER_IMAGES)
    assert rows[ALIKE].best == "yes"
    # The network alone says what the others are.
    of_network = rows_of(known_of(LOSSES, splits={"network": "all"}))
    assert of_network[NETWORK].reason != OTHER_IMAGES
    assert of_network[BETTER].reason == OTHER_IMAGES


def test_detection_of_few_images_has_no_answer() -> None:
    scored = {each._replace(score=ONE["network"]): own for each, own in LOSSES.items()}
    for images, reason in ((29, FEW_OF_A_KIND), (30, "")):
        rows = rows_of(known_of(scored, MEASURES["auroc"], images=images)).values()
        alone = [row for row in rows if row.reason not in (OF_SCALE, ALONE)]
        assert {row.reason for row in alone} == {reason}
        assert {row.worth_reason == reason for row in alone if row.method == "better"} >= {
            bool(reason)
        }
        assert all(math.isnan(row.lower) == bool(reason) for row in rows)  # type: ignore[arg-type]


def test_scores_of_one_network_are_contestants_beside_its_primary_one() -> None:
    primary, energy = (NETWORK._replace(score=score) for score in (ONE["network"], "energy"))
    losses = losses_of(energy)
    scored = {
        each if each.score else each._replace(score=ONE["network"]): own
        for each, own in losses.items()
    }
    rows = rows_of(known_of(scored, MEASURES["auroc"]))
    assert math.isnan(rows[primary].difference or math.nan)
    assert rows[energy].difference == pytest.approx(0, abs=0.1)
    assert rows[energy].best in ("yes", "no")
