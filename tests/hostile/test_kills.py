"""Runs that are killed while they write: whatever the moment, the same command ends the same.

A run kills itself at the n-th change that it makes on the disk, for seeded n: as a file is opened
to be written, renamed or removed. So moments fall into every stage, and a failure comes again.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.run.stages import run_stages
from tests.hostile.conftest import digits_run
from tests.processes import processes
from tests.runs import written

KILLED_AT = """
import os, signal, sys

left = [{moment}]


def count(event, arguments):
    opens = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wxa+")
    if (opens or event in ("os.rename", "os.remove")) and {folder!r} in str(arguments[0]):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(count)
"""

DRAWN = """
from benchmarks.report import write_report

runner.write_report = write_report
"""
"""The stage `report` as well, which takes most of the time."""

COUNTED = (
    KILLED_AT
    + """
ends = command


def command():
    status = ends()
    open({count!r}, "w").write(str(-left[0]))
    return status
"""
)

DIGITS = (
    *("--task", "digits", "--recipe", "standard,plain", "--conditions", "rotated-045,ood-*"),
    *("--members", "2", "--passes", "5", "--replicates", "2", "--images", "100"),
    *("--epochs", "1", "--resamples", "100", "--device", "cpu", "--jobs", "1"),
)
"""All stages but `latency`, whose numbers differ from run to run."""


Run = Callable[..., int]


@pytest.fixture
def run() -> Iterator[Run]:
    """Run a command in a folder, and return its exit status; `first`: see `tests.processes`."""
    with processes() as start:

        def ended(folder: Path, options: tuple[str, ...], first: str) -> int:
            places = ("--out", str(folder / "out"), "--networks", str(folder / "networks"))
            process = start(*options, *places, first=first)
            _, shown = process.communicate(timeout=600)
            assert "Traceback" not in shown, shown
            return process.returncode

        yield ended


def kill_and_continue(
    run: Run, tmp_path: Path, options: tuple[str, ...], kills: int, seed: int, before: str
) -> None:
    """Kill runs at so many moments; each series ends with a run that is left alone."""
    whole, count = tmp_path / "whole", tmp_path / "count"
    counted = before + COUNTED.format(moment=0, folder=str(whole), count=str(count))
    assert run(whole, options, counted) == 0
    changes, seeded = int(count.read_text()), random.Random(seed)
    expected, series = written(whole / "out"), 0
    while kills:
        series += 1
        folder, left = tmp_path / f"killed-{series}", changes
        while kills and left > 1:
            moment = seeded.randint(1, left)
            kills, left = kills - 1, left - moment
            first = before + KILLED_AT.format(moment=moment, folder=str(folder))
            assert run(folder, options, first) in (-signal.SIGKILL, 0)
        assert run(folder, options, before) == 0
        assert written(folder / "out") == expected


@pytest.mark.slow
def test_run_killed_at_a_moment_ends_the_same(run: Run, tmp_path: Path) -> None:
    kill_and_continue(run, tmp_path, DIGITS, kills=2, seed=0, before="")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_run_killed_at_many_moments_ends_the_same(run: Run, tmp_path: Path, seed: int) -> None:
    before = DRAWN if seed == 0 else ""
    kill_and_continue(run, tmp_path, DIGITS, kills=6, seed=seed + 1, before=before)


@pytest.mark.usefixtures("quick_stages")
def test_what_killed_runs_left_half_written_is_removed_at_the_start(folder: Path) -> None:
    out = folder / "out"
    prediction = "predictions/standard/softmax/.replicate-00.zip.4711.140.part"
    network = folder / "networks" / ".a-seed0-000-abc.safetensors.4711.part"
    of_another_run = network.with_name(".b.safetensors.4712.part")
    left = [out / ".run.json.4711.140.part", out / prediction, network]
    stays = [out / ".notes.part.txt", of_another_run]
    for path in (*left, *stays):
        path.write_text("half a file")
    os.utime(network, (0, 0))
    assert run_stages(*digits_run(folder), "train") == []
    assert [path for path in left if path.exists()] == []
    assert [path for path in stays if not path.exists()] == []
