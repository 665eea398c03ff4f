"""An interrupted stage `measure`: what was finished is kept, and read only where it is the same."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from benchmarks.environment import environment
from benchmarks.inference.comparison.comparisons import Estimates
from benchmarks.inference.comparison.rows import Comparison, WorthRow
from benchmarks.records import Interval, Measurement
from benchmarks.run import finished_work
from benchmarks.run import stages as runner
from benchmarks.run.failure import note_failure
from benchmarks.run.finished_work import OnceOnly, as_plain, from_plain, key_of
from benchmarks.run.folder.earlier_run import forget_finished
from benchmarks.run.record import RunRecord
from benchmarks.run.stages import measure, run_stages
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import FINISHED_FOLDER
from tests.run.stages.support import LITTLE
from tests.runs import Run, make_up_predictions, run_of

ROW = Measurement("plain", "softmax", 0, "1", "clean", "", "accuracy", 0.1 + 0.2, 150)

COMPARISON = Comparison(
    family="a",
    split="b",
    recipe="plain",
    condition="clean",
    metric="nll",
    score="",
    method="softmax",
    members="1",
    other_recipe="plain",
    other_method="deep_ensemble",
    other_members="2",
    difference=1 / 3,
    p_value=1e-300,
    images=150,
)

WORTH = WorthRow(
    recipe="plain",
    method="softmax",
    members="1",
    condition="clean",
    score="",
    metric="nll",
    ensemble_recipe="plain",
    ensemble="deep_ensemble",
    worth="<1",
    worth_lower="<1",
    worth_upper="1.2",
    images=150,
)


@dataclass(frozen=True)
class Item:
    name: str


class Work:
    """Counts its calls."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def __call__(self, workspace: Workspace, item: Item) -> object:
        self.done.append(item.name)
        return item.name, [ROW, Interval(0.5)], {("a", 1): None}


def predicted(folder: Path) -> Run:
    run = run_of(LITTLE, folder)
    with RunRecord.begin(*run).timed("predict"):
        make_up_predictions(run)
    return run


@pytest.fixture
def little(tmp_path: Path) -> Run:
    """A run that has predicted."""
    return predicted(tmp_path)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "out", tmp_path / "networks", None, 1)


def tables(run: Run) -> dict[str, bytes]:
    out = run.workspace.out
    paths = [*out.glob("*.csv"), *out.glob("curves/*.csv")]
    return {path.name: path.read_bytes() for path in paths}


def test_result_is_read_where_all_is_the_same(workspace: Workspace) -> None:
    work = Work()
    first = OnceOnly(work, "units", "key")(workspace, Item("a"))
    assert OnceOnly(work, "units", "key")(workspace, Item("a")) == first
    assert work.done == ["a"]
    for other in (
        OnceOnly(work, "tasks", "key"),
        OnceOnly(work, "units", "another"),
    ):
        other(workspace, Item("a"))
    OnceOnly(work, "units", "key")(workspace, Item("b"))
    assert work.done == ["a", "a", "a", "b"]


def flipped(good: bytes) -> bytes:
    """One bit of the number 0.30000000000000004 is another."""
    at = good.index(b"0.3000") + 2
    return good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]


@pytest.mark.parametrize("spoil", [lambda good: b"", lambda good: good[:-9], flipped])
def test_damaged_file_counts_for_nothing(
    workspace: Workspace, spoil: Callable[[bytes], bytes]
) -> None:
    work = Work()
    once = OnceOnly(work, "units", "key")
    result = once(workspace, Item("a"))
    (path,) = (workspace.out / FINISHED_FOLDER).iterdir()
    path.write_bytes(spoil(path.read_bytes()))
    assert once(workspace, Item("a")) == result
    assert once(workspace, Item("a")) == result
    assert work.done == ["a", "a"]


def test_file_in_the_place_of_another_counts_for_nothing(workspace: Workspace) -> None:
    work = Work()
    once = OnceOnly(work, "units", "key")
    once(workspace, Item("a"))
    (of_a,) = (workspace.out / FINISHED_FOLDER).iterdir()
    once(workspace, Item("b"))
    (of_b,) = {*(workspace.out / FINISHED_FOLDER).iterdir()} - {of_a}
    shutil.copyfile(of_a, of_b)
    assert once(workspace, Item("b"))[0] == "b"
    assert work.done == ["a", "b", "b"]


@pytest.mark.parametrize(
    "value",
    [
        [ROW, replace(ROW, value=None), replace(ROW, value=math.inf)],
        ("name", Estimates({("a", "b", "1", "c", "", "d"): Interval(0.1)}, [], [], [], [])),
        Estimates({}, [COMPARISON], [WORTH], [COMPARISON], [WORTH]),
        {"dict": {"tuple": (1, 2.0, True, None)}, "Interval": []},
    ],
)
def test_value_is_the_same_in_json(value: object) -> None:
    again = from_plain(json.loads(json.dumps(as_plain(value))))
    assert again == value
    assert repr(again) == repr(value)


def test_code_that_measures_imports_none_of_later_stages() -> None:
    """So results do not depend on it."""
    package = Path(finished_work.__file__).parents[1]
    later = re.compile(rf"^from benchmarks\.({'|'.join(finished_work.LATER)})\b", re.MULTILINE)
    measuring = [
        path
        for name in ("run", "inference", "metrics", "tasks", "stored")
        for path in (package / name).rglob("*.py")
        if path != Path(runner.__file__)
    ]
    assert len(measuring) > 100
    assert [path for path in measuring if later.search(path.read_text(encoding="utf-8"))] == []


def test_key_is_of_all_that_decides_a_result(little: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, workspace = little
    key = key_of(plan, workspace, ())
    assert key_of(plan, workspace, ()) == key
    others = [
        key_of(plan, workspace, ("ood-uniform_noise",)),
        key_of(run_of(replace(LITTLE, seed=1), workspace.out.parent).plan, workspace, ()),
    ]
    note_failure(workspace, plan.units()[1], MemoryError("no memory"))
    others.append(key_of(plan, workspace, ()))
    note_failure(workspace, plan.units()[1], MemoryError("no memory"))  # as before
    assert key_of(plan, workspace, ()) == others[-1]
    path = workspace.predictions.path(plan.units()[0], "clean")
    path.write_bytes(path.read_bytes()[:-1])
    others.append(key_of(plan, workspace, ()))
    path.unlink()
    others.append(key_of(plan, workspace, ()))
    monkeypatch.setitem(environment.__globals__, "LIBRARIES", ("scipy",))
    others.append(key_of(plan, workspace, ()))
    assert len({key, *others}) == 7


def test_interrupted_measuring_goes_on(
    little: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = predicted(tmp_path / "undisturbed")
    without_calibration = run_stages(*undisturbed, "measure")
    begun: list[str] = []
    compare = measure.compare

    def interrupted(task: measure.ResamplingTask, *rest: object) -> measure.Estimates:
        begun.append(task.name)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return compare(task, *rest)

    monkeypatch.setattr(measure, "compare", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_stages(*little, "measure")
    assert run_stages(*little, "measure") == without_calibration
    assert len(begun) > 6
    assert begun[3] == begun[2]
    assert len(set(begun)) == len(begun) - 1
    assert tables(little) == tables(undisturbed)
    assert not (little.workspace.out / FINISHED_FOLDER).exists()


def test_interrupted_report_costs_no_measuring(
    little: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stage in ("train", "predict", "latency", "claims"):
        monkeypatch.setitem(runner.STAGES, stage, lambda *_: [])

    def interrupted(out: Path, jobs: int) -> None:
        raise KeyboardInterrupt

    def not_again(*_: object) -> None:
        raise AssertionError("this was computed before")

    monkeypatch.setattr(runner, "write_report", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_stages(*little)
    before = tables(little)
    monkeypatch.setattr(runner, "write_report", lambda *_: None)
    for name in ("compare", "measure", "resample"):
        monkeypatch.setattr(measure, name, not_again)
    run_stages(*little)
    assert tables(little) == before
    assert not (little.workspace.out / FINISHED_FOLDER).exists()


def test_files_of_others_stay(workspace: Workspace, tmp_path: Path) -> None:
    OnceOnly(Work(), "units", "key")(workspace, Item("a"))
    folder = workspace.out / FINISHED_FOLDER
    (finished,) = folder.iterdir()
    (folder / f".{finished.name}.12.34").touch()
    (folder / "thesis.tex").touch()
    forget_finished(workspace.out)
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]
    folder.rename(tmp_path / "mine")
    folder.symlink_to(tmp_path / "mine")
    (tmp_path / "mine" / finished.name).touch()
    forget_finished(workspace.out)
    assert (tmp_path / "mine" / finished.name).exists()
