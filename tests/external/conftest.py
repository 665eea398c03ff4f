"""What tests of given predictions share: a folder in which they write their files."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, empty at first."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
