"""What scores cost: which are timed, what they hold, and that rows are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmarks.latency.score_cost import time_scores
from benchmarks.latency.stopwatch import Limits
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import TIMES, made_of
from benchmarks.run.configuration import configuration_of
from benchmarks.run.nouns import nouns_of
from benchmarks.schema import ScoreLatency, read_table, types_of
from methods.scores import SCORES
from tests.runs import Run, run_of

DIGITS = replace(
    configuration_of("quick", "digits"), recipes=("standard",), scores="all", batch_sizes=(1, 8)
)
LIMITS = Limits(seconds=0.01)
OF_NETWORKS = ["max_logit", "energy", "gen", "mahalanobis", "knn", "vim", "ddu"]


def timed(run: Run) -> pd.DataFrame:
    time_scores(*run, LIMITS)
    return read_table(run.workspace.out, "score-latency.csv")


def test_scores_of_logits_and_features_are_timed_at_every_batch_size(tmp_path: Path) -> None:
    table = timed(run_of(DIGITS, tmp_path))
    assert list(table) == list(types_of(ScoreLatency))
    assert list(zip(table["score"], table["batch_size"], strict=True)) == [
        (score, size) for score in OF_NETWORKS for size in (1, 8)
    ]
    measured = table[table["status"] == "ok"]
    assert set(OF_NETWORKS) - set(measured["score"]) <= {"mahalanobis", "ddu"}  # may be singular
    assert (measured["p50_ms"] > 0).all()
    fitted = measured["score"].map(lambda name: SCORES[name].fit is not None)
    assert ((measured["fit_s"] > 0) == fitted).all()
    assert ((measured["state_bytes"] > 0) == fitted).all()
    width = run_of(DIGITS, tmp_path).plan.task.recipes[0].network().head.in_features
    neighbours = measured.loc[measured["score"] == "knn", "state_bytes"]
    assert set(neighbours) == {4 * 1000 * width}  # the features of all training images


def test_rows_of_this_machine_are_kept_and_others_are_not(tmp_path: Path) -> None:
    run = run_of(DIGITS, tmp_path)
    timed(run)
    path = run.workspace.out / "score-latency.csv"
    before = path.read_bytes()
    timed(run)
    assert path.read_bytes() == before
    path.write_bytes(before.replace(b",torch,", b",numba,"))
    assert set(timed(run)["engine"]) == {"torch"}


def test_costs_are_tabled(tmp_path: Path) -> None:
    run = run_of(DIGITS, tmp_path)
    (table,) = made_of(TIMES, Results(pd.DataFrame(), nouns_of(run.plan), score_latency=timed(run)))
    assert [row.labels[0] for row in table.rows][:2] == ["Max. logit", "Energy"]
    assert table.headings == ("Fitting\n(s)", "State\n(MB)", "1\nimage", "8\nimages")
