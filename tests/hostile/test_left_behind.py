"""What killed runs left half-written goes at the next start; what is not theirs stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.files import HALF_WRITTEN, written_whole
from benchmarks.run.stages import run_stages
from methods.networks import store as network_store
from methods.networks.store import A_DAY, NetworkStore
from tests.hostile.conftest import digits_run

LEFT = (
    *(".run.json.4711.140.part", "curves/.roc.csv.4711.140.part"),
    "predictions/standard/softmax/replicate-00/.clean.npz.4711.140.part",
)


@pytest.mark.usefixtures("quick_stages")
@pytest.mark.parametrize("begin", ["train", "report"])
def test_half_written_files_are_removed(begin: str, folder: Path) -> None:
    out, kept = folder / "out", folder / "out" / ".notes.part.txt"
    kept.touch()
    for name in LEFT:
        (out / name).write_text("half a file")
    assert run_stages(*digits_run(folder), begin) == []
    assert {path for path in out.rglob(".*") if path.name != ".lock"} == {kept}


def test_file_is_not_there_before_it_is_whole(tmp_path: Path) -> None:
    with written_whole(tmp_path / "a.csv") as temporary:
        temporary.write_text("half a file")
        assert [path.match(HALF_WRITTEN) for path in tmp_path.iterdir()] == [True]
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


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
