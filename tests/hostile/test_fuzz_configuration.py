"""Anything on the command line: a run, or one line and status 2; never anything else."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.processes import status_of

WORDS = st.one_of(
    st.text(max_size=12),
    st.integers(-(10**30), 10**30).map(str),
    st.sampled_from(
        ["", ",", "clean", "standard", "softmax", "*", "[", "ood-*", "0", "1", "1,2", "1/2", "NaN"]
    ),
    st.integers(0, 10**6).map(lambda digits: "9" * (digits % 6000)),
)

NAMES = (
    *("--preset", "--task", "--recipe", "--methods", "--method", "--conditions", "--members"),
    *("--passes", "--in-depth", "--replicates", "--pool", "--images", "--subset-images"),
    *("--epochs", "--resamples", "--batch-sizes", "--seed", "--device", "--engine", "--shard"),
    *("--only", "--jobs", "--data-dir"),
)


@pytest.mark.parametrize(
    "examples",
    [pytest.param(80, id="short"), pytest.param(800, id="long", marks=pytest.mark.long)],
)
def test_any_command_line_runs_or_is_one_line(
    examples: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "benchmarks.run.stages.run_stages", lambda plan, *_, **__: plan.units() and []
    )
    monkeypatch.setattr("benchmarks.report.outcome.show_outcome", lambda _: None)
    monkeypatch.chdir(tmp_path)
    few = settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    folders = "--out", str(tmp_path / "out"), "--networks", str(tmp_path / "networks")

    def holds(options: list[tuple[str, str]]) -> None:
        words = [word for option in options for word in option]
        shown, error = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(error):
            status = status_of("--task", "digits", *words, *folders)
        lines = error.getvalue().splitlines()
        assert status in (0, 2)
        assert status == 0 or (len(lines) == 1 and lines[0].startswith("error: ")), lines

    options = st.lists(st.tuples(st.sampled_from(NAMES), WORDS), min_size=1, max_size=3)
    few(given(options=options)(holds))()
