"""The sentences are views of `answer.csv`: they name the best sets, and nothing besides."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.nouns import Contestant
from benchmarks.report.answer import MOST_NAMES, NOT_JUDGED, answer, best_sets, write_answer
from benchmarks.report.results import Quantity, Results
from tests.report.made_answers import (
    DROPOUT,
    FEW,
    FIFTY,
    FIVE,
    HEADLINE,
    MANY,
    NLL,
    SOFTMAX,
    by_chance,
    made,
)
from tests.report.support import answers

WITHOUT = DROPOUT._replace(method="mc_dropout_without_blanks")
BEST: dict[str, Any] = {"best": "yes", "stays": 0.9}
ALIKE: dict[str, Any] = BEST | {
    **{"difference": 0.001, "difference_lower": -0.003, "difference_upper": 0.005}
}
BETTER: dict[str, Any] = BEST | {  # a lower NLL
    **{"difference": -0.02, "difference_lower": -0.03, "difference_upper": -0.01}
}


def with_shares(results: Results) -> Results:
    """The shares of redraws, each its own, of the same answer."""
    shares = 0.5 + pd.Series(range(len(results.answer))) / 1000
    return replace(results, answer=results.answer.assign(stays=shares.to_numpy()))


@pytest.mark.parametrize("seed", range(6))
def test_each_budget_and_measure_has_a_sentence_that_names_its_best_set(seed: int) -> None:
    results = with_shares(by_chance(MANY if seed % 2 else FEW, seed))
    said = answer(results)["best"]
    assert [*said] == ["1", "5"]
    assert all(len(sentences) == len(HEADLINE) for sentences in said.values())
    sets = {(each.budget, each.quantity): each for each in best_sets(results)}
    for budget in results.budgets:
        for quantity, sentence in zip(results.headline, said[f"{budget:g}"], strict=True):
            rows = results.answer[results.answer["budget"] == budget]
            own = rows[(rows["metric"] == quantity.metric) & (rows["best"] == "yes")]
            best = {results.names.by_primary(Contestant(*row[1:5])) for row in own_sides(own)}
            assert sets[budget, quantity].stays.keys() == best
            labels = {one: results.label(one) for one in results.judged(budget)}
            _, _, listed = sentence.partition("): ")
            named = [one for one, label in labels.items() if label in listed]
            assert {*named} <= {
                one for one in labels if any(labels[one] in labels[b] for b in best)
            }
            assert (f"{len(best) - MOST_NAMES} more" in listed) == (len(best) > MOST_NAMES)


def own_sides(rows: pd.DataFrame) -> list[Any]:
    """The rows by what names their contestants, an index in front."""
    return [*rows[[*Contestant._fields]].itertuples(name=None)]


def test_names_stand_by_how_often_they_stay_whatever_the_order_of_the_rows() -> None:
    results = with_shares(by_chance(MANY, 1))
    turned = replace(results, answer=results.answer[::-1].reset_index(drop=True))
    assert answer(turned) == answer(results)
    for each in best_sets(results):
        assert [*each.stays.values()] == sorted(each.stays.values(), reverse=True)


def sentence(results: Results, quantity: Quantity, budget: float = 1.0) -> str:
    (own,) = (e for e in best_sets(results) if (e.budget, e.quantity) == (budget, quantity))
    return own.sentence(results)


def test_where_nothing_is_better_the_difference_is_told_that_would_have_been_shown() -> None:
    wide = ALIKE | {"difference_lower": -0.03, "difference_upper": 0.03}
    choices = {SOFTMAX: BEST, DROPOUT: ALIKE, WITHOUT: wide}
    results = made([*choices], {(one, NLL): said for one, said in choices.items()})
    assert "a difference of 0.03 would have been shown" in sentence(results, NLL)
    better = made([*choices], {(one, NLL): s for one, s in (choices | {DROPOUT: BETTER}).items()})
    assert sentence(better, NLL).endswith("One network is in this set.")
    beaten = {(SOFTMAX, NLL): {"best": "no"}, (DROPOUT, NLL): BETTER}
    assert "One network is not in this set." in sentence(made([SOFTMAX, DROPOUT], beaten), NLL)


def worth(text: str, lower: str, upper: str) -> dict[str, str]:
    return {"worth": text, "worth_lower": lower, "worth_upper": upper}


def test_dropout_is_told_against_one_network_and_against_many() -> None:
    accuracy, *_, brier, augrc, auroc = HEADLINE
    said = {
        (DROPOUT, accuracy): ALIKE | worth("<1", "<1", "1.2"),
        (DROPOUT, NLL): BETTER | worth("2.1", "1.4", ">50"),
        (DROPOUT, brier): {"best": "no"},
        (DROPOUT, augrc): BETTER | {"difference_upper": 0.001},
        (DROPOUT, auroc): BETTER | worth(">50", ">50", ">50"),
        (FIFTY, NLL): {"best": ""},
    }
    results = made([SOFTMAX, DROPOUT, FIVE, FIFTY], said)
    assert answer(results)["short"] == (
        "MC-dropout (T = 100) against one network: better by NLL; worse by AUROC; not shown to "
        "differ by accuracy and AUGRC. Its worth in networks, with 95 % intervals: <1 (<1 to 1.2) "
        "by accuracy, 2.1 (1.4 to >50) by NLL, >50 by AUROC. It is shown to be as good as 50 "
        "networks by AUROC."
    )
    assert answer(made([SOFTMAX], {(SOFTMAX, NLL): BEST}))["short"] == ""


def test_run_without_an_answer_is_not_judged(tmp_path: Path) -> None:
    results = replace(made([SOFTMAX, DROPOUT], {}), answer=pd.DataFrame())
    write_answer(results, tmp_path)
    written = json.loads((tmp_path / "answer.json").read_text())
    assert written == answer(results) == {"short": NOT_JUDGED, "best": {}, "blanks": ""}
    assert answers([]).empty
