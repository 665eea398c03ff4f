"""The suite's version; alone in its file, which can be run without importing torch."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path


def suite_version() -> str:
    """The suite's version, read from the checkout where there is one."""
    project = Path(__file__).parents[1] / "pyproject.toml"
    if not project.exists():
        return version("uncertainty-bench")
    text: str = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
    return text
