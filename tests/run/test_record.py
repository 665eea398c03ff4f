"""The record of a run: code, machine and data, and which runs may be resumed."""

from __future__ import annotations

import getpass
import json
import os
import platform
import subprocess
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from benchmarks.io import UserError
from benchmarks.report.page import facts
from benchmarks.run import record as run_record
from benchmarks.run.configuration import Configuration, command_of
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord, commit, environment
from benchmarks.run.workspace import Workspace
from methods.determinism import machine, processor
from methods.engines.numba import NumbaEngine
from tests.runs import QUICK, Run


def run_in(folder: Path, configuration: Configuration = QUICK) -> Run:
    return Run(Plan(configuration), Workspace(folder, folder / "networks", None, jobs=1))


def content(folder: Path) -> dict[str, object]:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def test_record_has_identity_command_and_environment(tmp_path: Path) -> None:
    RunRecord.begin(*run_in(tmp_path / "new" / "folder"))
    record = content(tmp_path / "new" / "folder")
    assert record["version"] == version("uncertainty-bench")
    assert record["configuration"] == QUICK.identity
    assert record["command"] == command_of(QUICK)
    units = Counter(unit.name.rpartition("/")[0] for unit in Plan(QUICK).units())
    assert record["replicates"] == units
    assert (record["data"], record["seconds"]) == ({}, {})


def test_folder_of_another_configuration_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_record, "environment", lambda engine: {"engine": engine.name})
    RunRecord.begin(*run_in(tmp_path))
    before = (tmp_path / "run.json").read_bytes()
    for changes in ({"seed": 1, "members": (3,)}, {"device": "cuda", "engine": "torch"}):
        other = ", ".join(sorted(changes, key=list(QUICK.identity).index))
        message = rf"{tmp_path}[^\n]*\(other {other}\)[^\n]*--out[^\n]*--overwrite[^\n]*\Z"
        with pytest.raises(UserError, match=message):
            RunRecord.begin(*run_in(tmp_path, replace(QUICK, **changes)))
    assert (tmp_path / "run.json").read_bytes() == before


def test_run_that_mixes_machines_says_so(tmp_path: Path) -> None:
    record = RunRecord.begin(*run_in(tmp_path))
    record.note_machines("networks", ["A", ""])
    record.note_machines("predictions", ["B"], anew=True)
    record.note_machines("predictions", ["A", "A"], anew=True)
    assert "Mixed machines" not in facts(tmp_path)
    record.note_machines("networks", ["B"])
    assert content(tmp_path)["machines"] == {"networks": ["A", "B"], "predictions": ["A"]}
    assert facts(tmp_path)["Mixed machines"].startswith("networks by A / B; predictions by A.")


def test_images_must_stay_those_that_the_run_was_begun_with(tmp_path: Path) -> None:
    """Also where they could not be had in between, or at first."""
    record = RunRecord.begin(*run_in(tmp_path))
    record.note_data({"ood-kmnist": {"unavailable": "no"}, "clean": {"fingerprint": "f"}})
    record.note_data({"ood-kmnist": {"fingerprint": "e"}, "clean": {"unavailable": "no"}})
    of_clean = {"fingerprint": "f", "unavailable": "no"}
    assert content(tmp_path)["data"] == {"ood-kmnist": {"fingerprint": "e"}, "clean": of_clean}
    assert record.unavailable == {"clean": "no"}
    with pytest.raises(UserError, match=r"the images of 'clean' differ .* --overwrite"):
        record.note_data({"clean": {"fingerprint": "d"}})
    record.note_data({"clean": {"fingerprint": "f"}})
    assert record.unavailable == {}


def test_published_results_are_begun_anew(tmp_path: Path) -> None:
    """A clone holds results without their predictions, perhaps of another processor's bits."""
    record = RunRecord.begin(*run_in(tmp_path))
    record.note_data({"clean": {"fingerprint": "f" * 64}})
    with record.timed("measure"):
        pass
    again = RunRecord.begin(*run_in(tmp_path))
    again.note_data({"clean": {"fingerprint": "e" * 64}})
    assert content(tmp_path)["seconds"] == {}
    with again.timed("train"):
        pass
    # Each stage of a run in Python begins it again.
    assert RunRecord.begin(*run_in(tmp_path)).data == {"clean": {"fingerprint": "e" * 64}}
    assert content(tmp_path)["seconds"] == {"train": 0.0}


def test_environment_and_machine_are_those_of_here_without_names_of_users() -> None:
    record = environment(NumbaEngine())
    assert record["cores"] == os.cpu_count()
    versions = {"Python": platform.python_version(), "torch": torch.__version__}
    assert record["python"] == versions["Python"]
    assert record["libraries"]["torch"] == versions["torch"]
    first, *parts = machine().split(", ")
    assert first == processor()
    assert {f"{name} {version}" for name, version in versions.items()} < {*parts}
    text = json.dumps(record)
    assert json.loads(text) == record
    for name in (str(Path.home()), platform.node(), getpass.getuser()):
        assert len(name) < 4 or name not in text + machine()


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="only Linux has this file")
def test_processor_is_the_systems() -> None:
    system = Path("/proc/cpuinfo").read_text()
    assert f": {processor()}\n" in system or processor() == platform.processor()


def test_commit_is_the_heads_and_changed_code_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    repository = tmp_path / "repository"
    code = repository / "benchmarks" / "code.py"
    of_user = repository / "venv" / "new.py"  # in a checkout there may be anything else
    installed = code.parent / ".venv" / "code.py"  # a repository around it does not count
    for path in (code, of_user, installed):
        path.parent.mkdir(parents=True)
        path.write_text("1\n")

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(repository), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    git("add", "benchmarks/code.py")
    author = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org")
    git(*author, "commit", "--quiet", "--no-gpg-sign", "-m", "one")
    head = git("rev-parse", "HEAD")
    assert commit(installed) is None
    assert commit(tmp_path / "code.py") is None
    installed.unlink()
    assert commit(code) == head
    code.with_name("new.py").write_text("2\n")
    assert commit(code) == f"{head} modified"
    monkeypatch.setenv("PATH", str(tmp_path))  # without git
    assert commit(code) is None
