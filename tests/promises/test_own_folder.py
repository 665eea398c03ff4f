"""3. A run writes and removes only in its own folder; `--overwrite` removes all of it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.io import UserError
from benchmarks.run.record import held
from benchmarks.run.stages import run_stages
from tests.processes import Start, status_of
from tests.runs import DIGITS, command_words, run_of


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_overwriting_removes_all_that_the_folder_of_a_run_holds_but_not_what_links_stand_for(
    digits_copy: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out, elsewhere = digits_copy / "out", tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "mine.csv").write_text("mine")
    for name in ("notes.txt", "tables/old.csv", ".old"):
        (out / name).write_text("old")
    (out / "claims").symlink_to(elsewhere)
    (out / "claims.csv").symlink_to(elsewhere / "mine.csv")
    assert run_stages(*run_of(DIGITS, digits_copy), "train", overwrite=True) == []
    assert files(out).keys() == {"run.json", ".lock", "nouns.json", "training.csv"}
    assert files(elsewhere) == {"mine.csv": b"mine"}


BEGUN: dict[str, Callable[[Path], object]] = {
    "all": lambda folder: run_stages(*run_of(DIGITS, folder)),
    "overwriting": lambda folder: run_stages(*run_of(DIGITS, folder), overwrite=True),
    "report": lambda folder: run_stages(*run_of(DIGITS, folder), "report"),
    "latency": lambda folder: run_stages(*run_of(DIGITS, folder), "latency", overwrite=True),
}


@pytest.mark.parametrize("begin", BEGUN)
@pytest.mark.parametrize("name", ["notes.txt", "figures/mine.png", "summary.csv"])
def test_folder_of_something_else_is_refused_before_anything_is_written(
    name: str, begin: str, tmp_path: Path
) -> None:
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(UserError, match=r"holds \S+ and no run\.json of a run; choose[^\n]+$"):
        BEGUN[begin](tmp_path)
    assert files(tmp_path) == {f"out/{name}": b"mine"}


@pytest.mark.parametrize(
    "content",
    ['{"name": "mine"}', "[]", "{", "", '{"configuration": {"budgets": ["mine", []]}}'],
)
def test_run_json_of_something_else_is_refused_and_left_alone(content: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text(content)
    for begin in BEGUN.values():
        with pytest.raises(UserError, match=r"run\.json is .*choose another folder with --out"):
            begin(tmp_path)
    assert files(tmp_path) == {"out/run.json": content.encode()}


def test_a_later_version_continues_a_run_whose_predictions_mean_the_same(digits_copy: Path) -> None:
    record = digits_copy / "out" / "run.json"
    content = json.loads(record.read_text())
    record.write_text(json.dumps(content | {"version": "0.0.1"}))
    assert run_stages(*run_of(DIGITS, digits_copy), "train") == []
    assert json.loads(record.read_text())["version"] == content["version"]
    record.write_text(json.dumps(content | {"predictions": content["predictions"] - 1}))
    with pytest.raises(UserError, match=r"another configuration \(other meaning of predictions\)"):
        run_stages(*run_of(DIGITS, digits_copy), "train")
    old = content["configuration"] | {"recipes": [content["configuration"]["recipe"]]}
    for part in ("recipe", "budgets"):  # which version 0.3 does not have
        del old[part]
    record.write_text(json.dumps(content | {"version": "0.3.0", "configuration": old}))
    before = files(digits_copy)
    for stage in ("train", "measure"):
        with pytest.raises(UserError, match=r"\A[^\n]* of version 0\.3 or earlier; [^\n]+\Z"):
            run_stages(*run_of(DIGITS, digits_copy), stage)
    assert files(digits_copy) == before


def test_folder_left_by_a_kill_at_the_very_start_is_taken(digits_copy: Path) -> None:
    for path in (digits_copy / "out").iterdir():
        if path.name not in ("run.json", ".lock"):
            path.rename(digits_copy / path.name)
    (digits_copy / "out" / "run.json").rename(digits_copy / "out" / ".run.json.4711.140.part")
    assert run_stages(*run_of(DIGITS, digits_copy), "train") == []
    assert not list((digits_copy / "out").glob("*.part"))


REFUSED = {
    **dict.fromkeys(
        (
            *("--overwrite --networks out/inside", "--overwrite --data-dir out/inside"),
            *("--overwrite --method out/inside:Mine", "--overwrite --cluster out/inside"),
        ),
        "/inside: this lies in the folder of the run, ",
    ),
    "--overwrite --only measure": "--only measure computes none of it",
    "--overwrite --only report": "--only report computes none of it",
    **{
        f"--overwrite {option} {name}": f"'{option}'.*: the name is empty; "
        for option in ("--out", "--networks", "--data-dir")
        for name in ("''", "'  '")
    },
    **{
        f"{option} circle": f"{option} .*circle: "
        for option in ("--out", "--networks", "--data-dir")
    },
}


@pytest.mark.parametrize("options", REFUSED)
def test_what_may_not_be_written_or_removed_is_refused_in_one_line(
    options: str,
    digits_copy: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(digits_copy)
    Path("circle").symlink_to("circle")
    before = files(digits_copy)
    assert status_of(*command_words(digits_copy), *shlex.split(options)) == 2
    assert re.fullmatch(rf"error: .*{REFUSED[options]}.*\n", capsys.readouterr().err)
    assert files(digits_copy) == before


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    """A file of predictions with out-of-distribution images."""
    arrays = {"probabilities": np.eye(3), "labels": np.arange(3), "ood_far": np.eye(3)}
    np.savez(tmp_path / "mine.npz", **arrays)
    return tmp_path / "mine.npz"


@pytest.mark.parametrize("name", ["tables/mine.csv", "summary.csv"])
def test_scores_do_not_go_where_others_files_are(
    name: str, scored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = scored.with_name("out")
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    assert status_of("score", scored, "--out", out) == 2
    assert "which is not of earlier scores by this version" in capsys.readouterr().err
    assert files(out) == {name: b"mine"}


@pytest.mark.usefixtures("one_figure")
def test_scores_replace_earlier_ones_and_nobodys_files(scored: Path) -> None:
    out = scored.with_name("out")
    assert status_of("score", scored, "--out", out) == 0
    assert (out / "figures" / "roc.png").is_file()
    own = {f"{folder}/notes.txt": b"mine" for folder in ("tables", "figures", "curves")}
    for name, content in own.items():
        (out / name).write_bytes(content)
    (out / ".venv").mkdir()
    (out / ".venv" / "lib64").symlink_to("lib")  # a link of the user's own
    np.savez(scored, probabilities=np.eye(3), labels=np.arange(3))
    for _ in range(2):
        assert status_of("score", scored, "--out", out) == 0
        assert own.items() <= files(out).items()
        assert not (out / "figures" / "roc.png").exists()
    hostile = {"written": ["../mine.npz", "notes.txt", {}]}  # what scores never write stays
    (out / "notes.txt").write_bytes(b"mine")
    (out / "score.json").write_text(json.dumps(hostile))
    assert status_of("score", scored, "--out", out) == 0
    assert scored.is_file()
    assert (out / "notes.txt").is_file()
    (out / "score.json").write_text('{"resamples": 200}')  # of a version that names no files
    assert status_of("score", scored, "--out", out) == 2


@pytest.mark.parametrize("name", ["tables", "figures/inner"])
@pytest.mark.parametrize("command", ["score", "report"])
def test_links_to_other_folders_are_refused(
    name: str, command: str, digits_copy: Path, scored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = digits_copy / "elsewhere"
    elsewhere.mkdir()
    link = digits_copy / ("scored" if command == "score" else "out") / name
    shutil.rmtree(link, ignore_errors=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere)
    words = [*command_words(digits_copy), "--only", "report"]
    if command == "score":
        words = ["score", str(scored), "--out", str(digits_copy / "scored")]
    before = files(digits_copy)
    assert status_of(*words) == 2
    shown = capsys.readouterr().err
    assert re.fullmatch(rf"error: {link} is a link, and a run writes only in [^\n]+\n", shown)
    assert files(digits_copy) == before


HOLDING = """
import os
import sys
import time
from pathlib import Path

from benchmarks.run.record import held

with held(Path(sys.argv[1])):
    forked = os.fork()
    if not forked:
        os.closerange(1, 3)
        time.sleep(600)
        os._exit(0)
    print(forked, flush=True)
    time.sleep(600)
"""
"""A process that holds a folder, and has forked another, which outlives it if it is killed."""


def test_second_run_in_a_folder_is_refused_in_one_line_and_goes_on_after_a_kill(
    digits_copy: Path, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    out, before = digits_copy / "out", files(digits_copy)
    first = start(str(out), script=HOLDING)
    assert first.stdout is not None
    forked = int(first.stdout.readline())
    try:
        for options in ([], ["--only", "report"], ["--overwrite"]):
            assert status_of(*command_words(digits_copy), *options) == 2
            shown = capsys.readouterr().err
            assert re.fullmatch(rf"error: another run is writing to {out}; [^\n]+\n", shown)
        assert files(digits_copy) == before
        first.kill()
        first.wait()
        assert run_stages(*run_of(DIGITS, digits_copy), "train") == []
    finally:
        os.kill(forked, signal.SIGKILL)


def test_folder_is_released_by_an_error(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="mine"), held(tmp_path / "out"):
            raise ValueError("mine")
