"""What methods and scores cost beside a forward that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count, repeat
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from benchmarks.latency import bench, stage
from benchmarks.latency.bench import Bench
from benchmarks.latency.places import latency_tasks, timed_on
from benchmarks.latency.stage import time_methods
from benchmarks.latency.stopwatch import ROUNDS, Limits, Stopwatch
from benchmarks.run.configuration import configuration_of, stored_scores
from benchmarks.schema import read_table
from methods import METHODS, LaplaceLastLayer, MemberMethod
from methods.engines.torch import TorchNetworks
from methods.scores import SCORES
from tests.runs import run_of

DIGITS = replace(
    configuration_of("quick", "digits"),
    methods=("softmax",),
    scores="all",
    batch_sizes=(1, 8),
)
LIMITS = Limits(seconds=0.01)


def test_scores_that_need_logits_or_features_are_timed_at_every_batch_size(tmp_path: Path) -> None:
    run = run_of(DIGITS, tmp_path)
    time_methods(*run, limits=LIMITS)
    table = read_table(run.workspace.out, "latency.csv")
    table = table[(table["score"] != "") & (table["device"] == "cpu")]
    batch_sizes = table.groupby("score")["batch_size"].agg(set).to_dict()
    timed = stored_scores(run.plan.configuration)
    assert batch_sizes == {name: {1, 8} for name in timed}
    assert set(table["status"]) <= {"ok", "undefined"}  # random features may be singular
    measured = table[table["status"] == "ok"]
    assert (measured["p50_ms"] > 0).all()
    fitted = measured["score"].map(lambda name: SCORES[name].fit is not None)
    assert ((measured["fit_s"] > 0) == fitted).all()


OWN = {
    **{"softmax": 0.25, "temperature_scaling": 0.26, "laplace_last_layer": 3.0},
    **{"deep_ensemble": 0.5, "temperature_scaled_ensemble": 0.6},
}
"""Milliseconds of what methods add to a forward of their networks."""


def test_methods_of_the_same_networks_share_the_time_of_a_forward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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

    run = run_of(replace(DIGITS, methods=tuple(OWN), members=(2, 3), batch_sizes=(2,)), tmp_path)
    place = timed_on(run.plan)[0]
    tasks = list(latency_tasks(*run, None, [place]))
    side_by_side = Bench(run.plan, place, Limits(seconds=10, calls=1))
    side_by_side.prepare(tasks)
    random = np.random.default_rng(0)
    for number in range(ROUNDS[0]):
        side_by_side.time_round(number, random)
    timed: dict[Any, Any] = {
        row.score or (row.method, row.members): row.p50_ms for row in side_by_side.rows().values()
    }
    softmax, ensemble = timed["softmax", "1"], timed["deep_ensemble", "3"]
    for name in ("temperature_scaling", "laplace_last_layer"):
        assert timed[name, "1"] - softmax == pytest.approx(OWN[name] - OWN["softmax"])
    assert softmax - timed["energy"] == pytest.approx(OWN["softmax"])  # it took no time
    assert timed["temperature_scaled_ensemble", "3"] - ensemble == pytest.approx(0.1)
    assert abs(ensemble - softmax) > 0.5  # of other networks


@pytest.mark.parametrize(("slowing", "rounds"), [(1.001, ROUNDS[0]), (1.2, ROUNDS[-1])])
def test_all_go_on_until_all_are_timed_precisely(
    slowing: float, rounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine slows down from round to round, hardly or much."""
    monkeypatch.setattr(Stopwatch, "_milliseconds", lambda self: slowing ** len(self.medians))
    monkeypatch.setattr(stage, "timed_on", lambda plan: timed_on(plan)[:1])
    run = run_of(replace(DIGITS, scores="unfitted", batch_sizes=(1,)), tmp_path)
    time_methods(*run, limits=Limits(seconds=1, calls=1))
    every = 2 * median(slowing**number for number in range(rounds))  # a forward, and what is added
    times = read_table(run.workspace.out, "latency.csv")["p50_ms"]
    assert times.tolist() == pytest.approx([every] * len(times))
