"""What computes: the commit, the versions and the machine, without a path or a name of anybody."""

from __future__ import annotations

import os
import platform
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from methods.engines.base import Engine

LIBRARIES = (
    *("joblib", "numba", "numpy", "pandas", "safetensors", "scikit-learn", "scipy"),
    *("torch", "torchvision"),
)


def environment(engine: Engine) -> dict[str, object]:
    """The versions, the processor, and the engine and device that networks run on."""
    return {
        "python": platform.python_version(),
        "libraries": {name: version_of(name) for name in LIBRARIES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "engine": engine.name,
        "device": "cpu" if engine.device == "cpu" else torch.cuda.get_device_name(engine.device),
    }


def version_of(library: str) -> str | None:
    """The version installed; ``None`` where it is not: not every stage needs all of them."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def suite_version() -> str:
    """The suite's own version, which a checkout tells even where it is not installed."""
    project = Path(__file__).parents[1] / "pyproject.toml"
    if not project.exists():
        return version("uncertainty-bench")
    told: str = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
    return told


def processor() -> str:
    """The processor's own name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def commit() -> str | None:
    """The commit of the code, ``modified`` where a file differs from it; ``None`` outside git."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
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
