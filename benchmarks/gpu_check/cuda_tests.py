"""The tests that need a GPU, and how many of them passed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from benchmarks.errors import UserError

TESTS = Path(__file__).parents[2] / "tests"

RAN = (0, 1, 5)
"""Exit statuses of pytest: all passed, some failed, none was found. With others it did not run."""


@dataclass(frozen=True)
class CudaTests:
    """What became of the tests.

    Attributes:
        passed, skipped, failed: how many; those that could not begin have failed.
    """

    passed: int
    skipped: int
    failed: int

    @property
    def succeeded(self) -> bool:
        """Whether tests have run, and none failed."""
        return self.passed > 0 and self.failed == 0

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.skipped} skipped, {self.failed} failed"


class NotRunError(Exception):
    """Pytest could not run; the message has its last line."""


def require_tests() -> None:
    """Stop where there are no tests.

    Raises:
        UserError: they are not installed.
    """
    if not TESTS.exists():
        raise UserError("the tests are not installed; run this from a checkout, or use --no-tests")


def run_tests() -> CudaTests:
    """Run the tests marked `cuda`.

    Raises:
        NotRunError: pytest could not run them.
    """
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", f"--junitxml={report}"]
        done = subprocess.run([*command, str(TESTS)], capture_output=True, text=True)
        if done.returncode not in RAN or not report.exists():
            *_, last = ["", *filter(None, (done.stdout + done.stderr).splitlines())]
            raise NotRunError(f"pytest ended with status {done.returncode}: {last}")
        return counted(report)


def counted(report: Path) -> CudaTests:
    """The tests in a report of pytest, in the form of JUnit."""
    (suite,) = ElementTree.parse(report).getroot().iter("testsuite")
    every, skipped, failures, errors = (
        int(suite.get(name, 0)) for name in ("tests", "skipped", "failures", "errors")
    )
    failed = failures + errors
    return CudaTests(passed=every - skipped - failed, skipped=skipped, failed=failed)
