"""Folders whose tests share runs stay on one worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shared_runs import FOLDERS, BySharedRuns

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_has_runs_to_share(folder: str) -> None:
    assert 'scope="session"' in (ROOT / folder / "conftest.py").read_text()


def test_tests_are_divided_by_folder_or_file() -> None:
    scope = BySharedRuns._split_scope
    of = [
        scope(BySharedRuns.__new__(BySharedRuns), name)
        for name in (
            "tests/cluster/test_choice.py::test_a[x::y]",
            "tests/cluster/test_ending.py::test_b",
            "tests/report/tables/test_cost.py::test_c",
            "tests/run/test_plan.py::test_d",
        )
    ]
    assert of == ["tests/cluster", "tests/cluster", "tests/report", "tests/run/test_plan.py"]
