"""What methods and scores cost beside a forward that they share, and what scores hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count, repeat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.latency import bench
from benchmarks.latency.bench import Bench
from benchmarks.latency.places import LatencyTask, timed_on
from benchmarks.latency.stage import time_methods
from benchmarks.latency.stopwatch import ROUNDS, Limits, Stopwatch
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import TIMES, made_of
from benchmarks.run.configuration import configuration_of
from benchmarks.run.nouns import nouns_of
from benchmarks.run.plan import Plan
from benchmarks.schema import ScoreLatency, read_table, types_of
from methods import METHODS, LaplaceLastLayer, MemberMethod
from methods.engines.torch import TorchNetworks
from methods.scores import SCORES
from tests.runs import Run, run_of

DIGITS = replace(
    configuration_of("quick", "digits"),
    methods=("softmax",),
    scores="all",
    batch_sizes=(1, 8),
)
LIMITS = Limits(seconds=0.01)
OF_NETWORKS = ["max_logit", "energy", "gen", "mahalanobis", "knn", "vim", "ddu"]


def timed(run: Run) -> pd.DataFrame:
    time_methods(*run, limits=LIMITS)
    return read_table(run.workspace.out, "score-latency.csv")


def test_scores_of_logits_and_features_are_timed_at_every_batch_size(tmp_path: Path) -> None:
    table = timed(run_of(DIGITS, tmp_path))
    assert list(table) == list(types_of(ScoreLatency))
    assert list(zip(table["score"], table["batch_size"], strict=True)) == [
        (score, size) for score in OF_NETWORKS for size in (1, 8)
    ]
    assert set(table["status"]) <= {"ok", "undefined"}
    measured = table[table["status"] == "ok"]
    assert set(OF_NETWORKS) - set(measured["score"]) <= {"mahalanobis", "ddu"}  # may be singular
    assert (measured["p50_ms"] > 0).all()
    fitted = measured["score"].map(lambda name: SCORES[name].fit is not None)
    assert ((measured["fit_s"] > 0) == fitted).all()
    assert ((measured["state_bytes"] > 0) == fitted).all()
    width = run_of(DIGITS, tmp_path).plan.recipe.network().head.in_features
    neighbours = measured.loc[measured["score"] == "knn", "state_bytes"]
    assert set(neighbours) == {4 * 1000 * width}  # the features of all training images


def test_costs_are_tabled(tmp_path: Path) -> None:
    run = run_of(DIGITS, tmp_path)
    (table,) = made_of(TIMES, Results(pd.DataFrame(), nouns_of(run.plan), score_latency=timed(run)))
    assert [row.labels[0] for row in table.rows][:2] == ["Max. logit", "Energy"]
    assert table.headings == ("Fitting\n(s)", "State\n(MB)", "1\nimage", "8\nimages")


OWN = {
    **{"softmax": 0.25, "temperature_scaling": 0.26, "laplace_last_layer": 3.0},
    **{"deep_ensemble": 0.5, "temperature_scaled_ensemble": 0.6},
}
"""Milliseconds of what methods add to a forward of their networks."""


def test_methods_of_the_same_networks_share_the_time_of_a_forward(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each forward takes longer than the one before, as if a machine became ever slower."""
    clock, forwards = [0], count(1)

    def taking(milliseconds: Iterator[float], call: Callable[..., object]) -> Callable[..., object]:
        def slowed(*arguments: object) -> object:
            clock[0] += round(1e6 * next(milliseconds))
            return call(*arguments)

        return slowed

    for name in ("outputs", "logits"):
        forward = taking(map(float, forwards), getattr(TorchNetworks, name))
        monkeypatch.setattr(TorchNetworks, name, forward)
    predict: Any = MemberMethod.predict_outputs, LaplaceLastLayer.predict_outputs
    for name, ms in OWN.items():
        original = predict[name.startswith("laplace")]
        monkeypatch.setattr(METHODS[name], "predict_outputs", taking(repeat(ms), original))
    monkeypatch.setattr(bench, "Stopwatch", partial(Stopwatch, now=lambda: clock[0]))

    plan = Plan(replace(DIGITS, methods=tuple(OWN), members=(2, 3)))
    place = next(place for place in timed_on(plan) if place.engine == "torch")
    task = partial(LatencyTask, place=place, batch_size=2)
    tasks = [task("softmax", None, score="energy")]
    tasks += [task(name, 3 if METHODS[name].counts_networks else None) for name in OWN]
    side_by_side = Bench(plan, place, Limits(seconds=10, calls=1))
    side_by_side.prepare(tasks)
    for number in range(ROUNDS):
        side_by_side.time_round(number)
    timed: dict[str, Any] = {
        task.score or task.method: row.p50_ms for task, (row,) in side_by_side.rows().items()
    }
    for name in ("temperature_scaling", "laplace_last_layer"):
        assert timed[name] - timed["softmax"] == pytest.approx(OWN[name] - OWN["softmax"])
    assert timed["softmax"] - timed["energy"] == pytest.approx(OWN["softmax"])  # it took no time
    ensemble = timed["deep_ensemble"]
    assert timed["temperature_scaled_ensemble"] - ensemble == pytest.approx(0.1)
    assert abs(ensemble - timed["softmax"]) > 0.5  # of other networks
