"""The command of the speed measurements, ``python -m pytest tests/benchmarks``, measures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_speeds_are_measured_by_the_plain_command() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "tests/benchmarks/test_condition_speed.py"]
    ended = subprocess.run(
        [*command, "-k", "test_suite"],
        cwd=Path(__file__).parents[1],
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Rounds" in ended.stdout
