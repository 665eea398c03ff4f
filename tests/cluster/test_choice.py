"""Files for `--cluster` that say what cannot be: one line each, before anything is computed."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.cluster import ClusterChoice, DaskCluster, read_choice
from benchmarks.io import UserError
from benchmarks.run.stages import run_stages
from tests.cluster.conftest import Command
from tests.runs import DIGITS, numbers, run_of

SLURM = {"backend": "SLURMCluster", "workers": 2}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("backend: [", "the file cannot be read as YAML with keys (ParserError: while parsing"),
        (None, "the file cannot be read as YAML with keys (FileNotFoundError"),
        ("backend: slurm", "backend: 'slurm' is none; choose from local, address, or a class"),
        ("{backend: local, jobs: 2}", "unknown key 'jobs'; choose from backend, workers"),
        ("{backend: local, workers: 0}", "workers: 0; expected a whole number from 1"),
        ("{backend: local, wait: long}", "wait: 'long'; expected a number of seconds"),
        ("{backend: local, options: [1]}", "options: [1]; expected names with values"),
        ("backend: address", "options: there is no address of a scheduler; add 'address: tcp"),
    ],
)
def test_file_that_cannot_be_used(content: str | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError, match=re.escape(f"--cluster {file}: {said}")):
        read_choice(file)


@pytest.mark.slow
def test_jobs_of_a_queue_work_and_end(
    digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    """The queue runs each job at once, in the background; Dask deletes a script once it is sent."""
    folder = tmp_path / "bin"
    folder.mkdir()
    job = f"{tmp_path}/$$.job"
    start = f'cp "$1" {job}; sh {job} > /dev/null 2>&1 & echo "batch job $!"'
    for name, does in (("sbatch", start), ("scancel", 'kill "$@"')):
        (folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    options = {"memory": "1GB", "interface": "lo", "log_directory": str(tmp_path)}
    assert command(**SLURM, wait=3000, options=options) == (0, "")
    assert len(list(tmp_path.glob("*.job"))) == 2
    assert numbers(tmp_path / "out") == numbers(digits_run / "out")


def test_finished_run_starts_no_workers(digits_copy: Path) -> None:
    """Of its stages, `train` and `predict` have nothing left to do."""
    plan, workspace = run_of(DIGITS, digits_copy)
    nowhere = ClusterChoice(digits_copy / "cluster.yaml", "address", options={"address": "nowhere"})
    with DaskCluster(nowhere, kernels=False) as cluster:
        for stage in ("train", "predict"):
            assert run_stages(plan, replace(workspace, cluster=cluster), stage) == []
