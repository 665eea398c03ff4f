"""A run in tests: what it computes, and where."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from benchmarks.run.configuration import Configuration
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace


class Run(NamedTuple):
    """A plan and a workspace, which most functions take: ``write_curves(*run)``."""

    plan: Plan
    workspace: Workspace


def run_of(configuration: Configuration, folder: Path, *, jobs: int = 1) -> Run:
    """A run that writes to ``out`` in the folder, with its networks in ``networks``."""
    workspace = Workspace(folder / "out", folder / "networks", None, jobs)
    return Run(Plan(configuration), workspace)
