"""A run writes and removes only in its own folder; `--overwrite` removes all of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.io import UserError
from benchmarks.run.stages import run_stages
from tests.hostile.conftest import DIGITS, digits_run, run_command
from tests.processes import status_of
from tests.runs import run_of


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.usefixtures("quick_stages")
def test_overwriting_removes_all_that_the_folder_of_a_run_holds(
    folder: Path, finished: Path
) -> None:
    (folder / "out" / "tables").mkdir()
    for name in ("notes.txt", "tables/old.csv", ".finished"):
        (folder / "out" / name).write_text("old")
    assert run_stages(*digits_run(folder), overwrite=True) == []
    expected, found = files(finished / "out"), files(folder / "out")
    assert found.keys() == expected.keys()
    assert {name for name in expected if found[name] != expected[name]} <= {"run.json", ".lock"}


def test_overwriting_removes_a_link_and_not_what_it_stands_for(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "mine.csv").write_text("mine")
    (folder / "out" / "tables").symlink_to(elsewhere)
    (folder / "out" / "latency.csv").symlink_to(elsewhere / "mine.csv")
    assert run_stages(*digits_run(folder), "train", overwrite=True) == []
    assert not (folder / "out" / "tables").is_symlink()
    assert not (folder / "out" / "latency.csv").is_symlink()
    assert files(elsewhere) == {"mine.csv": b"mine"}


BEGUN: dict[str, Callable[[Path], object]] = {
    "all": lambda folder: run_stages(*digits_run(folder)),
    "overwriting": lambda folder: run_stages(*digits_run(folder), overwrite=True),
    "report": lambda folder: run_stages(*digits_run(folder), "report"),
    "latency": lambda folder: run_stages(*digits_run(folder), "latency", overwrite=True),
}


@pytest.mark.parametrize("begin", BEGUN)
@pytest.mark.parametrize("name", ["notes.txt", "figures/mine.png", "summary.csv", "errors/a"])
def test_folder_of_something_else_is_refused_before_anything_is_written(
    name: str, begin: str, tmp_path: Path
) -> None:
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(UserError, match=r"holds \S+ and no run\.json of a run; choose[^\n]+$"):
        BEGUN[begin](tmp_path)
    assert files(tmp_path) == {f"out/{name}": b"mine"}


@pytest.mark.parametrize("content", ['{"name": "mine"}', "[]", "{", "", '{"configuration": {}}'])
def test_run_json_of_something_else_is_refused_and_left_alone(content: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text(content)
    for begin in BEGUN.values():
        with pytest.raises(UserError, match=r"run\.json is .*choose another folder with --out"):
            begin(tmp_path)
    assert files(tmp_path) == {"out/run.json": content.encode()}


def test_run_of_another_configuration_is_refused_before_anything_is_written(folder: Path) -> None:
    (folder / "out" / ".lock").unlink()
    before = files(folder)
    with pytest.raises(UserError, match=r"another configuration \(other epochs, seed\).*--out"):
        run_stages(*run_of(replace(DIGITS, seed=1, epochs=2), folder))
    assert files(folder) == before


def test_folder_left_by_a_kill_at_the_very_start_is_taken(folder: Path) -> None:
    for path in (folder / "out").iterdir():
        if path.name not in ("run.json", ".lock"):
            path.rename(folder / path.name)
    (folder / "out" / "run.json").rename(folder / "out" / ".run.json.4711.140.part")
    assert run_stages(*digits_run(folder), "train") == []
    assert not list((folder / "out").glob("*.part"))


@pytest.mark.parametrize("option", ["--networks", "--data-dir", "--method", "--cluster"])
def test_what_overwriting_would_remove_may_not_be_named(
    option: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(folder)
    inside = folder / "out" / "inside"
    named = f"{inside}:Mine" if option == "--method" else str(inside)
    assert run_command(monkeypatch, folder, "--overwrite", option, named) == 2
    assert re.fullmatch(
        rf"error: {option} {inside}: this lies in the folder of the run, [^\n]+\n",
        capsys.readouterr().err,
    )
    assert files(folder) == before
    assert not inside.exists()


@pytest.mark.parametrize("only", ["measure", "latency", "claims", "report"])
def test_overwriting_removes_nothing_that_the_only_stage_does_not_compute(
    only: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(folder)
    assert run_command(monkeypatch, folder, "--overwrite", "--only", only) == 2
    assert f"--only {only} computes none of it" in capsys.readouterr().err
    assert files(folder) == before


def test_report_without_a_summary_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "out" / "summary.csv").unlink()
    (folder / "out" / "latency.csv").write_text("method\nsoftmax\n")
    before = files(folder)
    assert run_command(monkeypatch, folder, "--only", "report") == 2
    shown = capsys.readouterr()
    assert shown.err == (
        f"error: there are no results in {folder / 'out'} yet (no summary.csv); "
        "run without --only first\n"
    )
    assert "wrote" not in shown.out
    assert files(folder) == before


@pytest.mark.parametrize("option", ["--out", "--networks", "--data-dir"])
@pytest.mark.parametrize("name", ["", "  "])
def test_empty_name_of_a_folder_is_not_the_current_one(
    option: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "mine.png").write_text("mine")
    assert status_of("--overwrite", "--task", "digits", option, name) == 2
    shown = capsys.readouterr().err
    assert re.fullmatch(
        f"error: Invalid value for '{option}'[^\n]*: the name is empty; [^\n]+\n", shown
    )
    assert files(tmp_path) == {"figures/mine.png": b"mine"}


@pytest.mark.parametrize("name", ["tables/mine.csv", "summary.csv", "measurements.csv"])
def test_scores_do_not_go_where_others_files_are(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    np.savez(tmp_path / "mine.npz", probabilities=np.eye(3), labels=np.arange(3))
    assert status_of("score", tmp_path / "mine.npz", "--out", out) == 2
    assert "but no score.json of earlier scores" in capsys.readouterr().err
    assert files(out) == {name: b"mine"}
