"""What a run's record says of the code and the machine."""

from __future__ import annotations

import getpass
import json
import os
import platform
import subprocess
from pathlib import Path

import pytest
import torch

from benchmarks.run.record import commit, environment
from methods.determinism import machine, processor
from methods.engines.numba import NumbaEngine


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
