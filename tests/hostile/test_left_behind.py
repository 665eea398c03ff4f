"""What killed runs left half-written goes at the next start; what is not theirs stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.latency import stage as latency
from benchmarks.run.stages import run_stages
from methods.networks import store as network_store
from methods.networks.store import A_DAY, NetworkStore
from tests.hostile.conftest import digits_run

OURS = (
    *(".run.json.4711.140", ".summary.csv.4711.140", "curves/.roc.csv.4711.140"),
    "predictions/standard/softmax/replicate-00/.clean.npz.4711.140",
    "predictions/standard/softmax/replicate-07/.rotated-045.npz.4711.140",
    "errors/.standard-softmax-replicate-00.txt.4711.140",
)
MINE = (
    *(".notes.txt.4711.140", "figures/.mine.svg.4711.140", ".hidden", "predictions/.mine.4711.140"),
    *(".summary.csv.backup", ".summary.csv.4711", "networks/.summary.csv.4711.140"),
    "predictions/standard/softmax/replicate-00/.notes.txt.4711.140",
)


def put(out: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("half a file")


def left(out: Path) -> set[str]:
    return {
        path.relative_to(out).as_posix()
        for path in out.rglob(".*")
        if path.is_file() and path.name != ".lock"
    }


@pytest.mark.usefixtures("quick_stages")
@pytest.mark.parametrize("only", ["train", "report"])
def test_temporary_files_of_the_runs_own_are_removed(only: str, folder: Path) -> None:
    put(folder / "out", (*OURS, *MINE))
    assert run_stages(*digits_run(folder), only) == []
    assert left(folder / "out") == set(MINE)


def test_temporary_files_are_removed_where_methods_are_only_timed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "time_methods", lambda *_: [])
    put(folder / "out", (*OURS, *MINE))
    assert latency.time_alone(*digits_run(folder)) == []
    assert left(folder / "out") == set(MINE)


KILLED_WHILE_DRAWING = """
import os
import signal
import sys
from pathlib import Path

from benchmarks.report import recipe, write_report


def write_bytes(path, content):
    path.write_text("half a figure")
    os.kill(os.getpid(), signal.SIGKILL)


Path.write_bytes = write_bytes
recipe.GROUPS = recipe.GROUPS[:2]
write_report(Path(sys.argv[1]))
"""


@pytest.mark.usefixtures("quick_stages")
def test_half_a_figure_of_a_killed_run_is_removed(folder: Path) -> None:
    out = folder / "out"
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_DRAWING, str(out)], check=False)
    assert killed.returncode == -9
    assert len(left(out)) == 1
    assert run_stages(*digits_run(folder), "train") == []
    assert left(out) == set()


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def store(tmp_path: Path) -> NetworkStore:
    return NetworkStore(tmp_path)


def temporary(store: NetworkStore, writer: str, *, age: float = 0) -> Path:
    path = store.folder / f".standard-seed0-000-abc.safetensors.{writer}.140"
    path.write_text("half a network")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_half_a_network_of_a_dead_process_is_removed(store: NetworkStore) -> None:
    here = network_store._computer()
    gone = [
        temporary(store, f"{here}.{dead_process()}"),
        temporary(store, f"{here}.{os.getpid()}"),  # of a process before this one
        temporary(store, f"elsewhere.{dead_process()}", age=A_DAY + 60),
        temporary(store, f"{here}.1", age=A_DAY + 60),
        temporary(store, f"{dead_process()}", age=A_DAY + 60),  # of an earlier version
    ]
    stays = [
        temporary(store, f"{here}.{os.getppid()}"),
        temporary(store, f"elsewhere.{dead_process()}"),
        temporary(store, f"{dead_process()}", age=60),
    ]
    for name in (f".mine.{here}.{dead_process()}.1", ".mine", "whole.safetensors"):
        stays.append(store.folder / name)
        stays[-1].write_text("mine")
        os.utime(stays[-1], (0, 0))
    store.remove_half_written()
    assert [path for path in gone if path.exists()] == []
    assert [path for path in stays if not path.exists()] == []


@pytest.mark.usefixtures("quick_stages")
def test_run_removes_them_at_its_start(folder: Path) -> None:
    path = temporary(
        NetworkStore(folder / "networks"), f"{network_store._computer()}.{dead_process()}"
    )
    assert run_stages(*digits_run(folder), "train") == []
    assert not path.exists()


def test_file_that_is_being_stored_has_such_a_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    write = Path.write_bytes

    def look(path: Path, content: bytes) -> int:
        seen.append(path)
        return write(path, content)

    run = digits_run(folder)
    (stored,) = run.workspace.store.folder.iterdir()
    stored.unlink()
    (folder / "out" / "training.csv").unlink()  # so that the network is trained anew
    monkeypatch.setattr(Path, "write_bytes", look)
    assert run_stages(*run, "train") == []
    (name,) = [path.name for path in seen if "safetensors" in path.name]
    match = network_store._TEMPORARY.fullmatch(name)
    assert match is not None
    assert (match["computer"], match["process"]) == (network_store._computer(), str(os.getpid()))
    assert [path.name for path in stored.parent.iterdir()] == [stored.name]
