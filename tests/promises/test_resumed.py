"""1. A run that is killed at any moment is continued by the same command, to the same numbers."""

from __future__ import annotations

import json
import os
import random
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.io import UserError
from benchmarks.predictions import PoolNetwork
from benchmarks.run.stages import run_stages
from benchmarks.vocabulary import TRAIN
from tests.processes import Start
from tests.runs import (
    DIGITS,
    command_words,
    compute,
    lose_predictions,
    network_file,
    numbers,
    run_of,
)

KILLED_AT = """
import os, signal, sys
from dataclasses import replace

from benchmarks.latency.stopwatch import Limits
from benchmarks.run.configuration import PRESETS

PRESETS["quick"] = replace(PRESETS["quick"], limits=Limits(seconds=0.02))
left = [{moment}]


def count(event, arguments):
    opens = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wxa+")
    if (opens or event in ("os.rename", "os.remove")) and {folder!r} in str(arguments[0]):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), {by})


sys.addaudithook(count)
"""
"""A run that ends itself at the n-th change that it makes on the disk.

A file is opened to be written, renamed or removed: so moments fall into every stage, and a failure
comes again.
"""

COUNTED = """
import atexit

atexit.register(lambda: print(-left[0]))
"""


def ended(start: Start, folder: Path, first: str) -> tuple[int, str]:
    """Run the shared run's command in a folder; its exit status, and its last line."""
    process = start(*command_words(folder), first=first)
    shown, error = process.communicate(timeout=600)
    assert "Traceback" not in error, error
    return process.returncode, shown.splitlines()[-1] if shown else ""


@pytest.mark.parametrize(
    ("seed", "kills"),
    [
        pytest.param(0, 2, marks=pytest.mark.slow),
        *(pytest.param(seed, 6, marks=pytest.mark.long) for seed in range(1, 4)),
    ],
)
def test_run_killed_at_any_moments_ends_the_same(
    seed: int, kills: int, start: Start, digits_run: Path, tmp_path: Path
) -> None:
    """Each series of kills ends with a run that is left alone."""
    whole, seeded = tmp_path / "whole", random.Random(seed)
    counting = KILLED_AT.format(moment=0, folder=str(whole), by=0) + COUNTED
    status, changes = ended(start, whole, counting)
    assert status == 0
    series = 0
    while kills:
        series += 1
        folder, left = tmp_path / f"killed-{series}", int(changes)
        while kills and left > 1:
            moment, by = seeded.randint(1, left), seeded.choice((signal.SIGKILL, signal.SIGTERM))
            kills, left = kills - 1, left - moment
            first = KILLED_AT.format(moment=moment, folder=str(folder), by=int(by))
            assert ended(start, folder, first)[0] in (-by, 0)
        assert ended(start, folder, KILLED_AT.format(moment=0, folder="", by=0))[0] == 0
        assert numbers(folder / "out") == numbers(digits_run / "out")
        names = [
            sorted(path.name for path in out.rglob("*")) for out in (folder / "out", whole / "out")
        ]
        assert names[0] == names[1]


NETWORK = PoolNetwork("well-trained", 0)


def times_written(folder: Path) -> dict[Path, int]:
    """When each network and each prediction was written."""
    paths = (*folder.rglob("*.safetensors"), *folder.rglob("predictions/**/*.npz"))
    return {path: path.stat().st_mtime_ns for path in paths}


def test_what_is_lost_is_computed_again_and_nothing_else(
    digits_run: Path, digits_copy: Path
) -> None:
    run, network = run_of(DIGITS, digits_copy), PoolNetwork("well-trained", 3)
    network_file(run, network).unlink()
    # Or the network would not be needed.
    run.workspace.predictions.path(network, "clean").unlink()
    lose_predictions(digits_copy / "out", "rotated-045", "mc_dropout-5/*/*")
    kept = times_written(digits_copy)
    assert compute(run) == []
    assert numbers(digits_copy / "out") == numbers(digits_run / "out")
    now = times_written(digits_copy)
    of_passes = {path for path in kept if "mc_dropout-5" in path.parts}
    assert all(now[path] == time for path, time in kept.items() if path not in of_passes)


@pytest.mark.parametrize("budgets", [(1.0, 2.0), pytest.param((2.0, 1.0), marks=pytest.mark.slow)])
def test_budgets_of_two_sittings_are_joined(
    budgets: tuple[float, ...], digits_run: Path, tmp_path: Path
) -> None:
    """Nothing of the first is computed again, and both orders give what one run gives."""
    first, second = (run_of(replace(DIGITS, budgets=(budget,)), tmp_path) for budget in budgets)
    assert compute(first) == []
    kept = times_written(tmp_path)
    assert compute(second) == []
    if budgets[0] == 1:  # else scores of features are added to networks of ensembles
        assert kept.items() < times_written(tmp_path).items()
    records = [
        json.loads((folder / "out" / "run.json").read_text()) for folder in (tmp_path, digits_run)
    ]
    for part in ("configuration", "command", "replicates", "data"):
        assert records[0][part] == records[1][part]
    assert numbers(tmp_path / "out") == numbers(digits_run / "out")
    # The first one's command is of a part of what the folder holds, and changes nothing.
    assert compute(first) == []
    assert numbers(tmp_path / "out") == numbers(digits_run / "out")
    with pytest.raises(UserError, match=r"another configuration \(other [^)]+\); "):
        run_stages(*run_of(replace(DIGITS, budgets=(5.0,), seed=1), tmp_path))


def test_what_killed_runs_left_half_written_is_removed_at_the_start(digits_copy: Path) -> None:
    out = digits_copy / "out"
    of_network = run_of(DIGITS, digits_copy).workspace.predictions.path(NETWORK, "clean")
    prediction = of_network.with_name(f".{of_network.name}.4711.140.part")
    network = digits_copy / "networks" / ".a-seed0-000-abc.safetensors.4711.part"
    of_another_run = network.with_name(".b.safetensors.4712.part")
    left = [out / ".run.json.4711.140.part", prediction, network]
    stays = [out / ".notes.part.txt", of_another_run]
    for path in (*left, *stays):
        path.write_text("half a file")
    os.utime(network, (0, 0))
    assert run_stages(*run_of(DIGITS, digits_copy), TRAIN) == []
    assert [path for path in left if path.exists()] == []
    assert [path for path in stays if not path.exists()] == []
