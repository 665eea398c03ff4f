"""Tables of the best: of each kind and budget, and the possible ranks."""

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
    DROPOUT_LONGER,
    FIFTY,
    FIVE,
    HALVES,
    LAPLACE,
    LONGER,
    NLL,
    ONE_CLEAN,
    OPEN,
    SCALED,
    SHIFTED,
    SOFTMAX,
    compared,
    question_of,
    ranked,
    run,
)
from tests.report.support import made_table, table_named

EVERY = [*CLEAN, *SHIFTED, *AUROC]


def rows_of(results: Results, block: str = "") -> dict[str, Row]:
    table = made_table(results, "kinds")
    return {row.labels[0]: row for row in table.rows if row.block == block} if table else {}


def test_lowest_nll_is_the_best_of_its_kind_at_each_budget() -> None:
    every = (SOFTMAX, SCALED, DROPOUT, FIVE, FIFTY)
    for best, worse in ((FIVE, FIFTY), (FIFTY, FIVE)):
        values = {(best, NLL): 0.01, (worse, ACCURACY): 1.0, (LONGER, NLL): 0.001}
        rows = rows_of(run(dict.fromkeys(every, EVERY), values=values))
        assert set(rows) == {"Single network", "Temperature scaling", "Dropout", "Ensemble"}
        assert rows["Ensemble"].labels[1] == f"Deep ensemble (M = {best.members})"
        assert rows["Ensemble"].cells[1].value == 0.01
        assert rows["Single network"].cells[1].value == 0.05
        results = run(dict.fromkeys((*every, LONGER), EVERY), values=values)
        assert rows_of(results, "Budget 5")["Single network"].cells[1].value == 0.001
        assert rows_of(results, "Budget 5")["Ensemble"].labels[1] == "Deep ensemble (M = 5)"
        assert "Ensemble" not in rows_of(results, "Budget 1")


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
    others = [Candidate(name, "1") for name in METHODS if name not in known][:15]
    own = Candidate("mine", "1")
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


def test_leaderboard_has_a_block_of_each_budget_and_the_largest_ensembles_below() -> None:
    two, ten = (FIVE._replace(members=size, budget=float(size)) for size in ("2", "10"))
    every = (SOFTMAX, DROPOUT, LONGER, DROPOUT_LONGER, FIVE, HALVES, two, ten, FIFTY)
    values = {(DROPOUT, NLL): 0.01, (HALVES, NLL): 0.01, (DROPOUT_LONGER, NLL): 0.02}
    rows = [
        *compared(DROPOUT, SOFTMAX, [NLL], Verdict.BETTER),
        *compared(DROPOUT_LONGER, LONGER, [NLL], Verdict.WORSE),
        *compared(HALVES, DROPOUT_LONGER, [NLL], OPEN),
    ]
    results = run(dict.fromkeys(every, EVERY), rows, values=values)
    table = table_named(results, "leaderboard")
    blocks = {name: [row.labels[0] for row in block] for name, block in table.groups.items()}
    named = {
        name: list(map(results.names.label, own))
        for name, own in {
            "Budget 1": (DROPOUT.variant, SOFTMAX.variant),
            "Budget 5": (HALVES.variant, DROPOUT_LONGER.variant, LONGER.variant, FIVE.variant),
            "More networks": (FIFTY.variant,),
        }.items()
    }
    assert blocks == named
    at = table.headings.index("NLL ↓\nClean")
    verdicts = [(row.cells[at].verdict, row.cells[at].is_worse_than_alone) for row in table.rows]
    # Each budget has its best, and a network alone of as much training.
    assert verdicts[0] == verdicts[2] == (BEST, False)
    assert verdicts[3] == (OPEN_CELL, True)
    assert not any(verdict == BEST for verdict, _ in verdicts[4:])


def test_table_of_ranks_has_each_candidate_with_what_is_possible() -> None:
    rows = ranked([[SCALED, DROPOUT], [SOFTMAX]], [NLL], ONE_CLEAN)
    values = {(DROPOUT, NLL): 2.5, (SCALED, NLL): 0.04, (SOFTMAX, NLL): 2.6}
    results = run(dict.fromkeys((SOFTMAX, SCALED, DROPOUT), CLEAN), rows, values=values)
    table = table_named(results, "ranks")
    shown = [(row.group, *row.labels, *(cell.texts[0] for cell in row.cells)) for row in table.rows]
    place = f"{question_of(ONE_CLEAN).situation}: Clean images", "NLL ↓, Clean"
    assert shown == [
        (*place, "Temperature scaling", "0.0400", "1–2", "yes"),
        (*place, "MC-dropout (T = 100)", "2.5000", "1–2", "no: worse than guessing"),
        (*place, "Softmax", "2.6000", "3", "no: worse than guessing"),
    ]
    assert [bool(row.cells[0].guessing) for row in table.rows] == [False, True, True]
