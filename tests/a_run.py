"""A run as tests hand it about: what it computes, and where."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from benchmarks.run.configuration import Configuration
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace


class Run(NamedTuple):
    """Its two parts are what most functions take: ``write_curves(*run)``."""

    plan: Plan
    workspace: Workspace


def run_of(configuration: Configuration, folder: Path, *, jobs: int = 1) -> Run:
    """A run in ``out`` below the folder, with its networks beside it in ``networks``."""
    workspace = Workspace(folder / "out", folder / "networks", None, jobs)
    return Run(Plan(configuration), workspace)
