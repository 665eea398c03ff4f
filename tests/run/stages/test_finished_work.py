"""An interrupted stage `measure`: what was finished is kept until something else decides it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import FINISHED_FOLDER
from tests.run.stages.support import LITTLE
from tests.runs import Run, make_up_predictions, run_of


@dataclass
class Interrupting:
    """Stands for workers elsewhere, and is interrupted at one set of images.

    Attributes:
        left: how many sets are finished before.
        done: how many were begun.
    """

    left: int
    done: int = 0

    def in_parallel(
        self,
        work: Callable[[Workspace, Any], Any],
        workspace: Workspace,
        items: Sequence[Any],
        *,
        stage: str,
        what: str,
    ) -> list[Any]:
        results = []
        for item in items:
            if what == "sets of images":
                if self.done == self.left:
                    raise KeyboardInterrupt
                self.done += 1
            results.append(work(workspace, item))
        return results

    def leave_this_machine(self) -> None:
        pass


def predicted(folder: Path) -> Run:
    run = run_of(LITTLE, folder)
    with RunRecord.begin(*run).timed("predict"):
        make_up_predictions(run)
    return run


def interrupted(run: Run, after: int) -> None:
    """Measure until so many sets of images are finished."""
    workspace = replace(run.workspace, cluster=Interrupting(after))
    with pytest.raises(KeyboardInterrupt):
        run_stages(run.plan, workspace, "measure")


def tables(run: Run) -> dict[str, bytes]:
    out = run.workspace.out
    paths = [*out.glob("*.csv"), *out.glob("curves/*.csv")]
    return {path.name: path.read_bytes() for path in paths}


def finished(run: Run) -> set[str]:
    return {path.name for path in (run.workspace.out / FINISHED_FOLDER).glob("*/[!.]*/")}


def test_interrupted_measuring_goes_on_to_equal_numbers(tmp_path: Path) -> None:
    undisturbed, run = predicted(tmp_path / "undisturbed"), predicted(tmp_path / "killed")
    expected = run_stages(*undisturbed, "measure")
    for after in (1, 2):
        interrupted(run, after)
        assert len(finished(run)) == after
        part = run.workspace.out / FINISHED_FOLDER / ".ood-uniform_noise"
        part.mkdir(exist_ok=True)
        (part / "measurements.csv").write_text("killed within a r")
    assert run_stages(*run, "measure") == expected
    assert tables(run) == tables(undisturbed)
    assert not (run.workspace.out / FINISHED_FOLDER).exists()


def test_what_was_finished_is_read_and_not_computed_unless_other_rows_are_wanted(
    tmp_path: Path,
) -> None:
    for all_rows in (False, True):
        run = predicted(tmp_path / str(all_rows))
        interrupted(run, 1)
        (path,) = (run.workspace.out / FINISHED_FOLDER).glob("*/*/measurements.csv")
        path.write_text(path.read_text().replace("accuracy", "another"))
        run_stages(Plan(LITTLE, all_rows=all_rows), run.workspace, "measure")
        assert (b",another," in tables(run)["measurements.csv"]) != all_rows


def test_it_is_forgotten_before_anything_is_predicted(tmp_path: Path) -> None:
    run = run_of(LITTLE, tmp_path)
    assert run_stages(*run, "predict") == []
    interrupted(run, 1)
    assert run_stages(*run, "predict") == []  # there is nothing to predict
    assert finished(run)
    run.workspace.predictions.path(run.plan.units()[0]).unlink()
    assert run_stages(*run, "predict") == []
    assert not finished(run)
