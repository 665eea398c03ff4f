from __future__ import annotations

import getpass
import json
import os
import platform
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import environment as module
from benchmarks.environment import commit, environment, processor
from methods.engines.numba import NumbaEngine


def test_environment_is_this_machines() -> None:
    record = environment(NumbaEngine())
    assert record["python"] == platform.python_version()
    assert record["cores"] == os.cpu_count()
    assert record["device"] == "cpu"
    libraries = record["libraries"]
    assert isinstance(libraries, dict)
    assert libraries["numpy"] == np.__version__
    assert libraries["torch"] == torch.__version__
    assert json.loads(json.dumps(record)) == record


def test_environment_names_no_user_or_host() -> None:
    text = json.dumps(environment(NumbaEngine()))
    assert str(Path.home()) not in text
    assert platform.node() not in text
    if len(getpass.getuser()) > 3:
        assert getpass.getuser() not in text


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="only Linux has this file")
def test_processor_is_the_systems() -> None:
    assert isinstance(processor(), str)
    (name, *_) = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M) or [
        platform.processor()
    ]
    assert processor() == name.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh repository in which the module seems to lie."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "package").mkdir()
    for name in ("code.py", "environment.py"):
        (tmp_path / "package" / name).write_text("1\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    author = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org")
    git(tmp_path, *author, "commit", "--quiet", "--no-gpg-sign", "-m", "one")
    monkeypatch.setattr(module, "__file__", str(tmp_path / "package" / "environment.py"))
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    ended = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    )
    return ended.stdout.strip()


def test_commit_is_the_heads(repository: Path) -> None:
    assert commit() == git(repository, "rev-parse", "HEAD")


@pytest.mark.parametrize("file", ["code.py", "new.py"])
def test_changed_code_is_marked(file: str, repository: Path) -> None:
    (repository / "package" / file).write_text("2\n")
    assert commit() == f"{git(repository, 'rev-parse', 'HEAD')} modified"


def test_repository_around_an_installed_package_does_not_count(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = repository / ".venv" / "package" / "environment.py"
    installed.parent.mkdir(parents=True)
    installed.touch()
    monkeypatch.setattr(module, "__file__", str(installed))
    assert commit() is None


def test_there_is_no_commit_outside_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "__file__", str(tmp_path / "environment.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit() is None


def test_there_is_no_commit_without_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit() is None
