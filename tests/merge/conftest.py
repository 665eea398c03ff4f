"""A small run on real data: whole, and in four parts, each as on a machine of its own."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.merge import command, merging
from benchmarks.run.configuration import Configuration
from benchmarks.run.parts.part import Part
from benchmarks.run.plan import Plan
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Workspace
from tests.run.stages.conftest import no_noise, small_runs  # noqa: F401  (a fixture)

PARTS = 4

CHOSEN = Configuration(
    preset="quick",
    task="mnist",
    recipes=("standard", "plain"),
    methods=("softmax", "mc_dropout", "deep_ensemble"),
    conditions=("rotated-045", "ood-uniform_noise"),
    members=(2, 3),
    passes=(4, 8),
    replicates=2,
    pool=6,
    images=100,
    epochs=1,
    resamples=100,
)
"""The second ensemble of two networks is in two blocks of three."""

PROGRESS = ("probe ", "measure ")
"""How lines of progress begin."""

Record = dict[str, Any]

Merge = Callable[..., tuple[int, str]]


@contextmanager
def merging_small_runs() -> Iterator[None]:
    """MNIST reduced to a few images, and neither timings nor a report."""
    with small_runs(), pytest.MonkeyPatch.context() as patch:
        # tests/report cover it
        patch.setattr(merging, "write_report", lambda out, _: (out / "index.html").touch())
        yield


@pytest.fixture(scope="module", autouse=True)
def _small_runs() -> Iterator[None]:
    with merging_small_runs():
        yield


def merge_of(*arguments: object) -> int:
    """The exit status of a merge."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["merge", *map(str, arguments), "--jobs", "1"])
        return command.command_line()


def run_part(folder: Path, part: Part | None) -> None:
    """Run a part, or the whole, in a folder, with networks that no other part has."""
    workspace = Workspace(folder, folder.with_name(f"{folder.name}-networks"), None, jobs=1)
    assert run_stages(Plan(CHOSEN, part), workspace) == []


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the undivided run; not to be changed."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    with small_runs():
        run_part(folder, None)
    return folder


@pytest.fixture(scope="session")
def computed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders of the parts; not to be changed."""
    folder = tmp_path_factory.mktemp("parts")
    folders = [folder / f"part-{number}" for number in range(1, PARTS + 1)]
    with small_runs():
        for number, one in enumerate(folders, start=1):
            run_part(one, Part(number, PARTS))
    return folders


@pytest.fixture(scope="session")
def merged(computed: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the merged parts; not to be changed."""
    out = tmp_path_factory.mktemp("merged") / "out"
    with merging_small_runs():
        assert merge_of(out, *reversed(computed)) == 0
    return out


@pytest.fixture
def parts(computed: list[Path], tmp_path: Path) -> list[Path]:
    """Copies of the parts, to be damaged."""
    return [shutil.copytree(one, tmp_path / one.name) for one in computed]


def change_record(folder: Path, change: Callable[[Record], object]) -> None:
    """Change the record of a part."""
    record = json.loads((folder / "run.json").read_text())
    change(record)
    (folder / "run.json").write_text(json.dumps(record))


@pytest.fixture
def merge(capsys: pytest.CaptureFixture[str]) -> Merge:
    """Exit status and standard error of a merge of these arguments, without lines of progress."""

    def call(*arguments: object) -> tuple[int, str]:
        capsys.readouterr()
        status = merge_of(*arguments)
        shown = capsys.readouterr().err.splitlines(keepends=True)
        return status, "".join(line for line in shown if not line.startswith(PROGRESS))

    return call
