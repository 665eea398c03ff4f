"""What a run's record says of the code and the machine."""

from __future__ import annotations

import getpass
import json
import os
import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.run.record import commit, environment
from methods.determinism import processor
from methods.engines.numba import NumbaEngine


def test_environment_is_this_machines_without_names_of_users() -> None:
    record = environment(NumbaEngine())
    assert record["python"] == platform.python_version()
    assert record["cores"] == os.cpu_count()
    assert record["device"] == "cpu"
    libraries = record["libraries"]
    assert isinstance(libraries, dict)
    assert (libraries["numpy"], libraries["torch"]) == (np.__version__, torch.__version__)
    text = json.dumps(record)
    assert json.loads(text) == record
    for name in (str(Path.home()), platform.node(), getpass.getuser()):
        assert len(name) < 4 or name not in text


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="only Linux has this file")
def test_processor_is_the_systems() -> None:
    system = Path("/proc/cpuinfo").read_text()
    assert f": {processor()}\n" in system or processor() == platform.processor()


def git(folder: Path, *arguments: str) -> str:
    ended = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    )
    return ended.stdout.strip()


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of code in a fresh repository."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    path = tmp_path / "repository" / "benchmarks" / "code.py"
    path.parent.mkdir(parents=True)
    path.write_text("1\n")
    git(path.parents[1], "init", "--quiet")
    git(path.parents[1], "add", ".")
    author = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org")
    git(path.parent, *author, "commit", "--quiet", "--no-gpg-sign", "-m", "one")
    return path


def test_commit_is_the_heads_and_changed_code_is_marked(code: Path) -> None:
    head = git(code.parent, "rev-parse", "HEAD")
    assert commit(code) == head
    of_user = code.parents[1] / "venv" / "new.py"  # in a checkout there may be anything else
    of_user.parent.mkdir()
    of_user.touch()
    assert commit(code) == head
    code.with_name("new.py").write_text("2\n")
    assert commit(code) == f"{head} modified"


def test_there_is_no_commit_of_code_outside_git(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = code.parent / ".venv" / "code.py"  # a repository around it does not count
    installed.parent.mkdir()
    installed.touch()
    assert commit(installed) is None
    assert commit(tmp_path / "code.py") is None
    monkeypatch.setenv("PATH", str(tmp_path))  # without git
    assert commit(code) is None
