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

from benchmarks.vocabulary import NOUNS_JSON

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


def bare(packages: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python without its site packages, and with the required ones instead."""
    return subprocess.run(
        [sys.executable, "-S", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(packages), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_timing_needs_few_packages_and_no_installation(packages: Path, tmp_path: Path) -> None:
    ended = bare(
        packages,
        *("run_all.py", "--only", "latency", "--out", str(tmp_path / "out")),
        *("--networks", str(tmp_path / "networks"), "--batch-sizes", "1"),
        *("--passes", "2", "--members", "2", "--device", "cpu"),
    )
    assert ended.returncode == 0, ended.stderr
    out = tmp_path / "out"
    assert {path.name for path in out.glob("[!.]*")} == {
        "latency.csv",
        "run.json",
        "tables",
        NOUNS_JSON,
    }
    assert {path.name for path in out.glob("tables/*.md")} == {"cost.md"}
    table = pd.read_csv(out / "latency.csv", keep_default_na=False)
    assert set(table["method"]) == {"softmax", "mc_dropout", "mc_dropout_article", "deep_ensemble"}
    assert set(table["engine"]) == {"torch"}
