"""What numbers were computed by: the processor, and the versions of what computes."""

from __future__ import annotations

import platform
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

COMPUTE = ("torch", "numpy", "numba")
"""The libraries whose versions decide the bits of networks and predictions."""


@cache
def machine() -> str:
    """This machine in one line, without its name: processor, Python, libraries and the suite.

    Each network and prediction file has it, so that a run that mixes machines can say so.
    """
    libraries = [f"{name} {version_of(name)}" for name in COMPUTE if version_of(name)]
    return ", ".join(
        (
            processor() or platform.machine(),
            f"Python {platform.python_version()}",
            *libraries,
            f"uncertainty-bench {suite_version()}",
        )
    )


def processor() -> str:
    """The processor's model name, as far as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def version_of(library: str) -> str | None:
    """The installed version; ``None`` without one: not every stage needs all libraries."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def suite_version() -> str:
    """The suite's version, read from the checkout where there is one."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    if not project.exists():
        return version("uncertainty-bench")
    text: str = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
    return text
