"""Two workers of Dask against two of joblib, on the same two cores: training as `quick` does it.

The gain is the time of one worker over that of two. Workers are started before the measurement:
that takes as long for a run of seconds as for one of hours. ``PYTHONPATH`` and data as for the
suite; networks are not stored from one round to the next.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from benchmarks.cluster import ClusterChoice, DaskCluster
from benchmarks.run.plan import Plan
from benchmarks.run.train import _train
from benchmarks.run.workspace import Workspace
from tests.runs import QUICK

NETWORKS = 8

PLAN = Plan(replace(QUICK, epochs=1))

Measure = Callable[..., None]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    file = tmp_path_factory.mktemp("cluster") / "cluster.yaml"
    choice = ClusterChoice(file, "local", 2)
    with DaskCluster(choice, kernels=True) as workers:
        yield workers


@pytest.mark.benchmark(group=f"{NETWORKS} networks of one epoch")
class TestTwoWorkers:
    def test_one_worker(self, tmp_path: Path, measure: Measure) -> None:
        self.train(Workspace(tmp_path / "out", tmp_path / "networks", None, 1), measure)

    def test_joblib(self, tmp_path: Path, measure: Measure) -> None:
        self.train(Workspace(tmp_path / "out", tmp_path / "networks", None, 2), measure)

    def test_dask(self, cluster: DaskCluster, tmp_path: Path, measure: Measure) -> None:
        local = Workspace(tmp_path / "out", tmp_path / "networks", None, 1)
        self.train(local.on(cluster), measure)

    def train(self, workspace: Workspace, measure: Measure) -> None:
        def work() -> None:
            shutil.rmtree(workspace.networks, ignore_errors=True)
            workspace.networks.mkdir(parents=True)
            workspace.out.mkdir(exist_ok=True)
            items = [(PLAN.configuration.recipes[0], [number]) for number in range(NETWORKS)]
            done = workspace.in_parallel(
                partial(_train, PLAN), items, stage="train", what="networks", threads=True
            )
            assert len(done) == NETWORKS

        measure(work, rounds=2, networks=NETWORKS)
