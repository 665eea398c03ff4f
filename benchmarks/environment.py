"""Provenance: the commit, the versions and the machine, without paths or users' names."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import torch

from methods.determinism import processor, suite_version, version_of
from methods.engines.base import Engine

__all__ = ["commit", "environment", "processor", "suite_version", "version_of"]

LIBRARIES = (
    *("joblib", "numba", "numpy", "pandas", "safetensors", "scikit-image", "scikit-learn"),
    *("scipy", "torch", "torchvision"),
)


def environment(engine: Engine) -> dict[str, object]:
    """Versions, processor, engine and device."""
    return {
        "python": platform.python_version(),
        "libraries": {name: version_of(name) for name in LIBRARIES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "engine": engine.name,
        "device": "cpu" if engine.device == "cpu" else torch.cuda.get_device_name(engine.device),
    }


def commit() -> str | None:
    """The commit of the code, ``modified`` where a file differs from it; ``None`` outside git.

    A repository that only surrounds the installed code does not count.
    """
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        own = [*git, "ls-files", "--error-unmatch", "--", Path(__file__).name]
        subprocess.run(own, capture_output=True, check=True)
        head = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        )
        status = subprocess.run(
            [*git, "status", "--porcelain", "--", ":/*.py"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + (" modified" if status.stdout.strip() else "")
