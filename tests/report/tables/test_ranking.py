"""Tables of the best: of each kind, by recipe, and the possible ranks."""

from __future__ import annotations

import math

import pytest

from benchmarks.report.results import Candidate, Results
from benchmarks.report.tables.table import BEST, UNCOMPARED, Row, markdown
from benchmarks.report.tables.table import OPEN as OPEN_CELL
from benchmarks.vocabulary import Verdict
from methods import METHODS
from tests.report.answer.cases import (
    ACCURACY,
    AUROC,
    CLEAN,
    DROPOUT,
    FIFTY,
    FIVE,
    LAPLACE,
    NLL,
    ONE_CLEAN,
    OPEN,
    PLAIN,
    SCALED,
    SHIFTED,
    SOFTMAX,
    compared,
    ranked,
    run,
)
from tests.report.support import made_table, table_named

EVERY = [*CLEAN, *SHIFTED, *AUROC]


def rows_of(results: Results, recipe: str = "standard") -> dict[str, Row]:
    table = made_table(results, "kinds")
    return {row.labels[0]: row for row in table.rows if row.recipe == recipe} if table else {}


def test_lowest_nll_is_the_best_of_its_kind_by_each_recipe() -> None:
    plain = FIVE._replace(recipe="plain")
    every = (SOFTMAX, SCALED, DROPOUT, FIVE, FIFTY, PLAIN, plain)
    for best, worse in ((FIVE, FIFTY), (FIFTY, FIVE)):
        values = {(best, NLL): 0.01, (worse, ACCURACY): 1.0, (PLAIN, NLL): 0.001}
        results = run(dict.fromkeys(every, EVERY), values=values)
        rows = rows_of(results)
        assert set(rows) == {"Single network", "Temperature scaling", "Dropout", "Ensemble"}
        assert rows["Ensemble"].labels[1] == f"Deep ensemble (M = {best.members})"
        assert rows["Ensemble"].cells[1].value == 0.01
        assert rows["Single network"].cells[1].value == 0.05
        assert rows_of(results, "plain")["Single network"].cells[1].value == 0.001


def test_kind_without_a_value_has_no_row() -> None:
    measured = {SOFTMAX: EVERY, DROPOUT: EVERY, LAPLACE: EVERY}
    assert "Laplace approximation" in rows_of(run(measured))
    unknown = run(measured, values={(LAPLACE, NLL): math.nan})
    assert "Laplace approximation" not in rows_of(unknown)


@pytest.mark.parametrize(
    ("knn", "vim", "best"), [(0.99, 0.7, "K-th neighbour"), (0.7, 0.99, "Virtual logit")]
)
def test_score_of_the_highest_mean_auroc_is_the_best_of_its_kind(
    knn: float, vim: float, best: str
) -> None:
    scored = [one._replace(score=score) for one in AUROC for score in ("knn", "vim", "energy")]
    between = compared(SOFTMAX._replace(score="knn"), DROPOUT, AUROC, OPEN)
    measured = {SOFTMAX: [*EVERY, *scored], DROPOUT: [*EVERY, *scored]}
    aurocs = {"knn": knn, "vim": vim, "energy": 0.5}
    values = {(SOFTMAX, one): aurocs[one.score] for one in scored}
    values |= {(DROPOUT, one): 1.0 for one in scored}  # no single network
    results = run(measured, between, values=values)
    rows = rows_of(results)
    assert rows["Score of logits"].labels[1] == "Energy (with Softmax)"
    assert best in rows["Score of features"].labels[1]
    *quality, detection, networks, image = rows["Score of features"].cells
    assert (detection.value, networks.text) == (max(knn, vim), "1")
    assert all(math.isnan(cell.value) and not cell.text for cell in (*quality, image))


def test_leaderboard_has_the_best_beside_what_the_article_compares() -> None:
    known = {one.method for one in (SOFTMAX, DROPOUT, FIVE)}
    others = [Candidate("standard", name, "1") for name in METHODS if name not in known][:15]
    own = Candidate("standard", "mine", "1")
    every = (SOFTMAX, DROPOUT, FIVE, FIFTY, *others, own)
    values = {(DROPOUT, NLL): 0.9, (SOFTMAX, NLL): 0.8, (FIVE, NLL): 0.01, (FIFTY, NLL): 0.7}
    values |= {(other, NLL): 0.1 + k / 100 for k, other in enumerate(others)} | {(own, NLL): 2.0}
    rows = [
        *compared(DROPOUT, SOFTMAX, [NLL], Verdict.WORSE),
        *compared(FIVE, SOFTMAX, [NLL], Verdict.BETTER),
        *compared(FIVE, others[0], [NLL], OPEN),
    ]
    results = run(dict.fromkeys(every, EVERY), rows, values=values)
    table = table_named(results, "leaderboard")
    assert [row.labels[0] for row in table.rows] == [
        "Deep ensemble, M = 5",
        *(results.names.label(other.variant) for other in others[:8]),
        *("Deep ensemble, M = 50", "Softmax", "MC-dropout, T = 100", "mine"),
    ]
    assert "At most 12 methods beside your own, ranked by" in markdown(table)
    cells = [row.cells[table.headings.index("NLL ↓\nClean")] for row in table.rows]
    assert [cell.verdict for cell in cells[:3]] == [BEST, OPEN_CELL, UNCOMPARED]
    assert [cell.is_worse_than_alone for cell in cells] == [False] * 11 + [True, False]
    networks = [row.cells[table.headings.index("Networks ↓")].text for row in table.rows]
    assert networks == ["5", *["1"] * 8, "50", "1", "1", "1"]
    assert "▾ worse than the network alone" in markdown(table)


def test_recipes_are_compared_by_the_network_alone_and_methods_below_them() -> None:
    article = PLAIN._replace(recipe="article")  # of other training images
    rows = [
        *compared(PLAIN, SOFTMAX, CLEAN, Verdict.BETTER),
        *ranked([[SCALED], [DROPOUT, SOFTMAX]], [NLL], ONE_CLEAN),
        *ranked([[SOFTMAX, DROPOUT, SCALED]], [ACCURACY], ONE_CLEAN),
    ]
    measured = dict.fromkeys((SOFTMAX, PLAIN, article, SCALED, DROPOUT, FIFTY), CLEAN)
    values = {(PLAIN, NLL): 0.04, (article, NLL): 0.3, (DROPOUT, ACCURACY): 0.985}
    table = table_named(run(measured, rows, values=values), "recipes")
    assert table.headings == ("Accuracy ↑\nClean", "NLL ↓\nClean")
    shown = {row.labels[0]: [cell.texts[0] for cell in row.cells] for row in table.rows}
    # The made-up differences are 0.01 ± 0.005 or 0.0001 ± 0.005 of the better.
    assert shown == {
        "standard": ["0.9800", "0.0500"],
        "article": ["0.9800", "0.3000"],
        "plain": ["0.9800 (+0.010, 0.005 to 0.015)", "0.0400 (−0.010, −0.015 to −0.005)"],
        "largest gain of a method of one network": [
            "0.000, −0.005 to 0.005, MC-dropout (T = 100)",
            "−0.010, −0.015 to −0.005, Temperature scaling",
        ],
    }
    assert made_table(run({SOFTMAX: CLEAN, SCALED: CLEAN}, rows), "recipes") is None
    guessing = values | {(SCALED, NLL): 2.5}
    *_, gains = table_named(run(measured, rows, values=guessing), "recipes").rows
    assert gains.cells[1].texts[0] == "none"


def test_table_of_ranks_has_each_candidate_with_what_is_possible() -> None:
    rows = ranked([[SCALED, DROPOUT], [SOFTMAX]], [NLL], ONE_CLEAN)
    values = {(DROPOUT, NLL): 2.5, (SCALED, NLL): 0.04, (SOFTMAX, NLL): 2.6}
    results = run(dict.fromkeys((SOFTMAX, SCALED, DROPOUT, PLAIN), CLEAN), rows, values=values)
    table = table_named(results, "ranks")
    shown = [(row.group, *row.labels, *(cell.texts[0] for cell in row.cells)) for row in table.rows]
    place = "I train one network: Clean images", "NLL ↓, Clean"
    assert shown == [
        (*place, "Temperature scaling", "0.0400", "1–2", "yes"),
        (*place, "MC-dropout (T = 100)", "2.5000", "1–2", "no: worse than guessing"),
        (*place, "Softmax", "2.6000", "3", "no: worse than guessing"),
    ]
    assert [bool(row.cells[0].guessing) for row in table.rows] == [False, True, True]
