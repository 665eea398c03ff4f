"""A run of seconds by itself, and the same by workers of Dask that tests kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.cluster import ClusterChoice, DaskCluster
from benchmarks.run.configuration import Configuration
from benchmarks.run.workspace import Failure
from tests.processes import status_of
from tests.runs import DIGITS, Run, command_words, compute, run_of

Command = Callable[..., tuple[int, str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Dask leaves sockets of killed workers to be collected."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


def run_on_workers(
    folder: Path,
    *,
    configuration: Configuration = DIGITS,
    **options: Any,
) -> list[Failure]:
    """The same run by two workers of this machine, to which these options are given."""
    # Where all cores are busy, a worker takes minutes to start.
    choice = ClusterChoice(folder / "cluster.yaml", "local", 2, wait=3000, options=options)
    plan, workspace = run_of(configuration, folder)
    workspace.networks.mkdir(parents=True)
    with DaskCluster(choice, kernels=False) as cluster:
        return compute(Run(plan, replace(workspace, cluster=cluster)))


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The run as a command with a file for `--cluster`: its status, and what it says at the end.

    Arguments are further options; by name the file's content.
    """

    def call(*options: str, **content: Any) -> tuple[int, str]:
        (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(content))
        cluster = "--cluster", str(tmp_path / "cluster.yaml")
        arguments = [*command_words(tmp_path), *cluster, *options]
        capsys.readouterr()
        status = status_of(*arguments)
        lines = capsys.readouterr().err.splitlines()
        faults = [line for line in lines if line.startswith("error: ")]
        assert len(faults) <= 1, lines
        return status, "".join(faults)

    return call
