"""Files for `--cluster` that say what cannot be: one line each, before anything is computed."""

from __future__ import annotations

import errno
import logging
import os
import pickle
import socket
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster.choice import ClusterChoice, read_choice
from benchmarks.cluster.dask_cluster import DaskCluster
from benchmarks.cluster.faults import fault_of_work
from benchmarks.cluster.quiet import LOGGERS, dask_held_back
from benchmarks.cluster.start import SETTINGS, wait_for_a_worker
from benchmarks.cluster.unit import Outcome
from benchmarks.errors import MachineError, UserError
from benchmarks.files import NotWrittenError
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Workspace
from tests.cluster.conftest import DIGITS, Command
from tests.runs import run_of

SLURM = {"backend": "slurm", "workers": 2}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "backend: None is none; choose from local, address, htcondor"),
        ({"backend": "cloud"}, "backend: 'cloud' is none; choose from"),
        ({"backend": "local", "jobs": 2}, "unknown key 'jobs'; choose from backend, workers"),
        ({"backend": "local", "workers": 0}, "workers: 0; expected a whole number from 1"),
        ({"backend": "local", "workers": True}, "workers: True; expected"),
        ({"backend": "local", "workers": 10**5}, "expected a whole number from 1 to 10,000"),
        ({"backend": "local", "wait": -1}, "wait: -1 is no number of seconds above 0"),
        ({"backend": "local", "options": [1]}, "options: expected names with values"),
        ({"backend": "local", "options": 0}, "options: expected names with values"),
        (
            {"backend": "local", "options": {"memmory_limit": 0}},
            "LocalCluster has no option 'memmory_limit'; do you mean 'memory_limit'?",
        ),
        (
            {"backend": "local", "options": {"threads_per_worker": 2}},
            "leave out 'threads_per_worker': a worker has one thread, or bits differ",
        ),
        ({"backend": "address"}, "expected the address of a scheduler"),
        (
            {"backend": "address", "workers": 2, "options": {"address": "tcp://127.0.0.1:1"}},
            "the scheduler has its own; leave it out",
        ),
        ({"backend": "slurm"}, "workers is missing; say how many jobs to keep in the queue"),
        (SLURM | {"options": {"memori": 1}}, "has no option 'memori'; do you mean 'memory'?"),
    ],
)
def test_file_that_no_backend_understands(
    content: dict[str, Any], said: str, command: Command
) -> None:
    status, found = command(**content)
    assert status == 2
    assert "--cluster" in found
    assert said in found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"- local\n", "expected keys with values, first 'backend: local'"),
        (b"backend: [\n", "this is no YAML"),
        (b"\xff\xfe\x00", "the file cannot be read (it is no text)"),
        (None, "the file cannot be read (No such file or directory)"),
    ],
)
def test_file_that_is_none(content: bytes | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_choice(file)
    assert said in str(error.value)


def test_queue_that_is_not_here(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    status, said = command(**SLURM, options={"memory": "1GB"})
    assert status == 2
    assert "there is no 'sbatch' here" in said


def test_address_without_a_scheduler(command: Command) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"address": f"tcp://127.0.0.1:{port}", "timeout": 1}
    status, said = command(backend="address", options=options)
    assert status == 2
    assert f"no scheduler answers at tcp://127.0.0.1:{port}" in said


def test_options_that_dask_cannot_use(command: Command) -> None:
    options = {"address": "tcp://127.0.0.1:1", "timeout": "soon"}
    status, said = command(backend="address", options=options)
    assert status == 2
    assert "Dask cannot use these options (KeyError: 'Invalid time unit: soon." in said


class Gone:
    """A client whose scheduler ends while it waits for workers."""

    def nthreads(self) -> dict[str, int]:
        return {}

    def wait_for_workers(self, _: int, timeout: float) -> None:
        raise OSError("Timed out trying to connect to tcp://127.0.0.1:8786 after 10 s")


def test_scheduler_that_ends_before_there_are_workers(tmp_path: Path) -> None:
    choice = ClusterChoice(tmp_path / "cluster.yaml", "address")
    with pytest.raises(MachineError, match=r"--cluster .*: the connection to the scheduler was"):
        wait_for_a_worker(Gone(), choice)


def test_other_options_that_a_cluster_excludes(command: Command) -> None:
    status, said = command("--only", "latency", backend="local")
    assert (status, "leave out --cluster" in said) == (2, True)


def test_folder_of_another_configuration_is_refused_before_workers_start(
    serial: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_bytes((serial / "run.json").read_bytes())
    monkeypatch.setattr("benchmarks.cluster.dask_cluster.started", None)
    status, said = command("--seed", "1", backend="local")
    assert status == 2
    assert "holds a run of another configuration (other seed)" in said


def test_finished_run_starts_no_workers(
    serial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its stages, `train` and `predict` have nothing left to do."""
    plan, workspace = run_of(DIGITS, serial.parent)
    monkeypatch.setattr("benchmarks.cluster.dask_cluster.started", None)
    choice = ClusterChoice(tmp_path / "cluster.yaml", "local", 2)
    with DaskCluster(choice, methods=(), kernels=False) as cluster:
        for stage in ("train", "predict"):
            assert run_stages(plan, workspace.on(cluster), stage) == []


def test_loggers_are_as_before() -> None:
    before = [logging.getLogger(name).level for name in LOGGERS]
    with dask_held_back():
        assert not logging.getLogger("distributed.nanny").isEnabledFor(logging.CRITICAL)
    assert [logging.getLogger(name).level for name in LOGGERS] == before
    assert SETTINGS["distributed.scheduler.allowed-failures"] == 3


def test_another_process_has_no_cluster(tmp_path: Path) -> None:
    choice = ClusterChoice(tmp_path / "cluster.yaml", "local", 2)
    cluster = DaskCluster(choice, methods=(), kernels=False)
    workspace = Workspace(tmp_path, tmp_path, None, 1).on(cluster)
    sent = pickle.loads(pickle.dumps(workspace))
    assert sent.cluster is None
    assert sent == workspace


@pytest.mark.parametrize(
    ("number", "makes_room"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)]
)
def test_full_disk_alone_is_told_to_make_room(number: int, makes_room: bool) -> None:
    error = NotWrittenError(number, os.strerror(number), "/there/x.npz")
    choice = ClusterChoice(Path("cluster.yaml"), "local")
    fault = fault_of_work(Outcome("tcp://10.0.0.7:4", error=error), choice)
    assert isinstance(fault, MachineError)
    assert "tcp://10.0.0.7:4: /there/x.npz: " in str(fault)
    assert ("make room" in str(fault)) is makes_room
