"""The best of each kind: of methods by NLL, of scores by detection, whatever the recipe."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from benchmarks.report.results import Candidate, Quantity, Results
from benchmarks.report.tables.table import Row
from tests.report.answer.cases import (
    AUROC,
    CLEAN,
    DROPOUT,
    FIFTY,
    FIVE,
    OPEN,
    PLAIN,
    SHIFTED,
    SOFTMAX,
    compared,
    named,
    run,
)
from tests.report.support import made_table

LAPLACE, SWAG = Candidate("plain", "laplace_kron", ""), Candidate("plain", "swag", "30")
EVERY = [*CLEAN, *SHIFTED, *AUROC]


def with_value(results: Results, candidate: Candidate, quantity: Quantity, value: float) -> Results:
    rows = results.summary
    chosen = rows["condition"] == quantity.condition
    for name, wanted in (*named(candidate).items(), *quantity._asdict().items()):
        chosen &= rows[name] == wanted
    assert chosen.sum() == 1
    return replace(results, summary=rows.assign(value=rows["value"].where(~chosen, value)))


def rows_of(results: Results) -> dict[str, Row]:
    table = made_table(results, "kinds")
    return {row.labels[0]: row for row in table.rows} if table else {}


def test_lowest_nll_is_the_best_of_its_kind_whatever_the_recipe() -> None:
    results = run(dict.fromkeys((SOFTMAX, PLAIN, DROPOUT, FIVE, FIFTY, SWAG), EVERY))
    for best, other in ((SOFTMAX, PLAIN), (PLAIN, SOFTMAX)):
        chosen = with_value(results, best, CLEAN[1], 0.01)
        chosen = with_value(chosen, other, CLEAN[0], 1.0)  # accuracy does not choose
        rows = rows_of(with_value(chosen, FIVE, CLEAN[1], 0.02))
        assert list(rows) == ["Single network", "Dropout", "Ensemble", "Snapshots"]
        name = {
            SOFTMAX: "Softmax (recipe standard)",
            PLAIN: "Softmax (recipe plain)",
        }
        assert rows["Single network"].labels[1] == name[best]
        assert [cell.value for cell in rows["Single network"].cells[1:2]] == [0.01]
        assert rows["Ensemble"].labels[1] == "Deep ensemble (M = 5, recipe standard)"


def test_kind_without_a_value_has_no_row() -> None:
    results = run({SOFTMAX: EVERY, LAPLACE: EVERY})
    assert "Laplace approximation" in rows_of(results)
    assert "Laplace approximation" not in rows_of(with_value(results, LAPLACE, CLEAN[1], math.nan))


@pytest.mark.parametrize(
    ("knn", "vim", "best"), [(0.99, 0.7, "K-th neighbour"), (0.7, 0.99, "Virtual logit")]
)
def test_score_of_the_highest_mean_auroc_is_the_best_of_its_kind(
    knn: float, vim: float, best: str
) -> None:
    scored = [one._replace(score=score) for one in AUROC for score in ("knn", "vim", "energy")]
    between = compared(SOFTMAX._replace(score="knn"), DROPOUT, AUROC, OPEN)
    measured = {SOFTMAX: [*EVERY, *scored], DROPOUT: [*EVERY, *scored]}
    results = run(measured, between)
    for quantity in scored:
        value = {"knn": knn, "vim": vim}.get(quantity.score, 0.5)
        results = with_value(results, SOFTMAX, quantity, value)
    rows = rows_of(results)
    assert rows["Score of logits"].labels[1] == "Energy (with Softmax)"
    assert best in rows["Score of features"].labels[1]
    *quality, detection, training, image = rows["Score of features"].cells
    assert detection.value == max(knn, vim)
    assert all(math.isnan(cell.value) and not cell.text for cell in (*quality, training, image))
