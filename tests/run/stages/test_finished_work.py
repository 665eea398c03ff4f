"""An interrupted stage `measure`: what was finished is kept until something else decides it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.inference.comparison.comparisons import Estimates
from benchmarks.inference.comparison.intervals import Interval
from benchmarks.run.finished_work import (
    estimates_of,
    forget_finished,
    keep_finished,
    plain_estimates,
    plain_rows,
    rows_of,
)
from benchmarks.run.record import RunRecord
from benchmarks.run.stages import run_stages
from benchmarks.run.workspace import Workspace
from benchmarks.schema import Comparison, Measurement, WorthRow
from benchmarks.vocabulary import FINISHED_FOLDER, MEASURE
from tests.run.stages.support import LITTLE
from tests.runs import Run, make_up_predictions, run_of

ROW = Measurement("plain", "softmax", "1", "clean", "", "accuracy", 0, 0.1 + 0.2, 150)

COMPARISON = Comparison(
    **dict.fromkeys(("family", "split", "condition", "metric", "score"), "a"),
    **{"recipe": "plain", "method": "softmax", "members": "1", "other_recipe": "plain"},
    **{"other_method": "deep_ensemble", "other_members": "2"},
    difference=1 / 3,
    p_value=1e-300,
    images=150,
)

WORTH = WorthRow(
    *("plain", "softmax", "1", "clean", "", "nll", "plain", "ensemble"), "<1", "", "", 9
)


@dataclass
class Interrupting:
    """Stands for workers elsewhere, and is interrupted at one piece of measuring.

    Attributes:
        left: how many pieces are finished before.
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
            if stage == MEASURE:
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
    """Measure until so many pieces are finished."""
    workspace = replace(run.workspace, cluster=Interrupting(after))
    with pytest.raises(KeyboardInterrupt):
        run_stages(run.plan, workspace, "measure")


def tables(run: Run) -> dict[str, bytes]:
    out = run.workspace.out
    paths = [*out.glob("*.csv"), *out.glob("curves/*.csv")]
    return {path.name: path.read_bytes() for path in paths}


def finished(run: Run) -> set[str]:
    return {path.name for path in (run.workspace.out / FINISHED_FOLDER).glob("*-*.json")}


def test_interrupted_measuring_goes_on_to_equal_numbers(tmp_path: Path) -> None:
    undisturbed, run = predicted(tmp_path / "undisturbed"), predicted(tmp_path / "killed")
    expected = run_stages(*undisturbed, "measure")
    for after in (1, 7):
        interrupted(run, after)
        assert len(finished(run)) == after
    assert run_stages(*run, "measure") == expected
    assert tables(run) == tables(undisturbed)
    assert not (run.workspace.out / FINISHED_FOLDER).exists()


def test_what_was_finished_is_read_and_not_computed(tmp_path: Path) -> None:
    run = predicted(tmp_path)
    interrupted(run, 1)
    path = run.workspace.out / FINISHED_FOLDER / "unit-0.json"
    assert "accuracy" in path.read_text()
    path.write_text(path.read_text().replace("accuracy", "another"))
    run_stages(*run, "measure")
    assert b",another," in tables(run)["measurements.csv"]


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        ({"commit": "a"}, {"commit": "a"}, True),
        ({"commit": None}, {"commit": None}, True),
        ({"commit": "a"}, {"commit": "b"}, False),
        ({"commit": "a modified"}, {"commit": "a modified"}, False),
        ({"commit": "a", "left_out": []}, {"commit": "a", "left_out": ["clean"]}, False),
    ],
)
def test_it_is_forgotten_where_something_else_decided_it(
    before: dict[str, Any], now: dict[str, Any], kept: bool, tmp_path: Path
) -> None:
    keep_finished(tmp_path, before)
    (tmp_path / FINISHED_FOLDER / "unit-0.json").touch()
    keep_finished(tmp_path, now)
    assert (tmp_path / FINISHED_FOLDER / "unit-0.json").exists() is kept
    forget_finished(tmp_path)
    assert not any(tmp_path.iterdir())


def test_it_is_forgotten_before_anything_is_predicted(tmp_path: Path) -> None:
    run = run_of(LITTLE, tmp_path)
    assert run_stages(*run, "predict") == []
    interrupted(run, 1)
    assert run_stages(*run, "predict") == []  # there is nothing to predict
    assert finished(run)
    run.workspace.predictions.path(run.plan.units()[0]).unlink()
    assert run_stages(*run, "predict") == []
    assert not finished(run)


def test_results_are_the_same_in_json() -> None:
    rows = [ROW, replace(ROW, value=None), replace(ROW, value=math.inf)]
    again = rows_of(json.loads(json.dumps(plain_rows(rows))))
    assert repr(again) == repr(rows)
    intervals = {("a", "b", "1", "c", "", "d"): Interval(0.1, note="n")}
    estimates = Estimates(intervals, [COMPARISON], [WORTH], [replace(COMPARISON, lower=0.1)], [])
    assert repr(estimates_of(json.loads(json.dumps(plain_estimates(estimates))))) == repr(estimates)
