"""Timing on a machine that has a checkout, and few packages: as a bare one with a GPU would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pandas as pd
import pytest

from tests.processes import ROOT
from tests.runs import QUICK

REQUIRED = {"torch", "numpy", "pandas", "typer", "jaxtyping", "platformdirs"}
"""What `--only latency` needs, by docs/speed.md."""


def required_by(package: str) -> set[str]:
    """The names of the packages that one requires itself, without extras."""
    stated = [each for each in requires(package) or [] if "extra ==" not in each]
    return {re.split(r"[^\w.-]", each)[0].lower() for each in stated}


@pytest.mark.slow
def test_timing_needs_few_of_the_packages_that_the_suite_declares(tmp_path: Path) -> None:
    others = required_by("uncertainty-bench") - REQUIRED.union(*map(required_by, REQUIRED))
    absent = [
        module for module, packages in packages_distributions().items() if others & {*packages}
    ]
    assert {"matplotlib", "sklearn"} <= {*absent}
    without = f"import sys; sys.modules.update(dict.fromkeys({absent})); "
    options = (
        *("--only", "latency", "--out", tmp_path / "out", "--networks", tmp_path / "networks"),
        *("--batch-sizes", "1", "--passes", "2", "--members", "2", "--device", "cpu"),
    )
    ended = subprocess.run(
        [sys.executable, "-c", f"{without}import run_all; run_all.main()", *options],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out" / "tables" / "cost.md").exists()
    table = pd.read_csv(tmp_path / "out" / "latency.csv", keep_default_na=False)
    assert set(table["method"]) == set(QUICK.methods)
    assert set(table["engine"]) == {"torch"}
