"""Timing on a machine that has a checkout, and few packages: as a bare one with a GPU would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pandas as pd
import pytest

from tests.runs import QUICK

ROOT = Path(__file__).parents[1]

REQUIRED = ("torch", "torchvision", "numpy", "pandas", "typer", "jaxtyping", "platformdirs")
"""What `--only latency` needs, by docs/speed.md."""


def with_dependencies(names: tuple[str, ...]) -> list[Distribution]:
    """These packages and all that they require here."""
    distributions: dict[str, Distribution] = {}
    wanted = list(names)
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in distributions:
            continue
        try:
            distributions[name] = distribution(name)
        except PackageNotFoundError:
            continue  # of another system or Python
        required = [r for r in distributions[name].requires or [] if "extra ==" not in r]
        wanted += [re.split(r"[^\w.-]", requirement)[0] for requirement in required]
    return list(distributions.values())


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the required packages alone, as links to those installed."""
    folder = tmp_path_factory.mktemp("packages")
    for package in with_dependencies(REQUIRED):
        for name in {path.parts[0] for path in package.files or [] if path.parts[0] != ".."}:
            link = folder / name
            if not link.exists():
                link.symlink_to(Path(str(package.locate_file(name))))
    return folder


def test_timing_needs_few_packages_and_no_installation(packages: Path, tmp_path: Path) -> None:
    """Of Python without its site packages, and with the required ones instead."""
    ended = subprocess.run(
        [
            *(
                sys.executable,
                "-S",
                "run_all.py",
                "--only",
                "latency",
                "--out",
                str(tmp_path / "out"),
            ),
            *("--networks", str(tmp_path / "networks"), "--batch-sizes", "1"),
            *("--passes", "2", "--members", "2", "--device", "cpu"),
        ],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(packages), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out" / "tables" / "latency.md").exists()
    table = pd.read_csv(tmp_path / "out" / "latency.csv", keep_default_na=False)
    assert set(table["method"]) == set(QUICK.methods)
    assert set(table["engine"]) == {"torch"}
