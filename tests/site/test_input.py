"""What the command refuses, in one line, and what it replaces."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from benchmarks.site import command
from benchmarks.site.output import MARK, made_whole, require_replaceable
from benchmarks.site.runs import read_runs
from tests.site.conftest import ROOT, made_run

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The command with these arguments: its status, and what it says on stderr."""

    def called(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["python -m benchmarks.site", *map(str, arguments)])
        status = command.command_line()
        return status, capsys.readouterr().err

    monkeypatch.setattr(command, "LIBRARIES", ("json",))
    return called


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return made_run(tmp_path / "runs" / "mine")


def test_folder_without_a_run(call: Call, tmp_path: Path) -> None:
    assert call(tmp_path) == (
        2,
        f"error: {tmp_path}: there is no run.json; name a folder that a run has written\n",
    )


def test_run_without_a_page(call: Call, run: Path) -> None:
    (run / "index.html").unlink()
    assert call(run) == (
        2,
        f"error: {run}: there is no results page index.html; draw it by python run_all.py --only "
        f"report --out {run}\n",
    )


def test_damaged_record(call: Call, run: Path) -> None:
    (run / "run.json").write_text("[1]", encoding="utf-8")
    status, said = call(run)
    assert status == 2
    assert said.startswith(f"error: {run / 'run.json'} is damaged")
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", ["<b>", "a b", ".hidden", 'quote"', "Größe"])
def test_name_that_would_need_escaping(call: Call, tmp_path: Path, name: str) -> None:
    status, said = call(made_run(tmp_path / name))
    assert status == 2
    assert "the folder's name becomes an address; rename it" in said


def test_two_runs_of_one_name(call: Call, run: Path, tmp_path: Path) -> None:
    other = made_run(tmp_path / "others" / "mine")
    assert call(run, other) == (
        2,
        "error: two runs are called 'mine'; rename the folder of one of them\n",
    )
    assert len(read_runs([run, run])) == 1


def test_output_that_holds_something_else(call: Call, run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").touch()
    assert call(run, "--out", tmp_path / "out") == (
        2,
        f"error: --out {tmp_path / 'out'}: the folder holds something else than a site; name "
        "another, or empty it\n",
    )


def test_output_that_is_a_file(call: Call, run: Path, tmp_path: Path) -> None:
    (out := tmp_path / "file").touch()
    assert call(run, "--out", out) == (
        2,
        f"error: --out {out}: this is a file; name a folder\n",
    )


def test_output_in_a_run(call: Call, run: Path) -> None:
    status, said = call(run, "--out", run / "site")
    assert status == 2
    assert "this is in the folder of the run mine; name another" in said
    assert not (run / "site").exists()


def test_missing_libraries(call: Call, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LIBRARIES", ("json", "no_such.library", "no_such_library"))
    assert call(run) == (
        2,
        "error: the site needs no_such.library, no_such_library, which is not installed; install "
        "it with: python -m pip install -e '.[docs]'\n",
    )


def test_no_checkout(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "CHECKOUT", tmp_path)
    status, said = call()
    assert status == 2
    assert said.startswith(f"error: there are no docs beside the package ({tmp_path});")
    assert said.count("\n") == 1


def test_libraries_are_those_of_the_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {re.split("[<>=]", one)[0] for one in project["optional-dependencies"]["docs"]}
    if command.missing_libraries():
        pytest.skip("not installed: '.[docs]'")
    for library in command.LIBRARIES:
        assert extra & {*packages_distributions()[library.split(".")[0]]}


def test_earlier_site_is_replaced_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "site"
    for name in ("first", "second"):
        require_replaceable(out, [])
        with made_whole(out) as folder:
            (folder / name).touch()
            assert not (out / name).exists()
        assert {path.name for path in out.iterdir()} == {name, MARK}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_failure_leaves_the_earlier_site(tmp_path: Path) -> None:
    out = tmp_path / "site"
    with made_whole(out) as folder:
        (folder / "first").touch()
    with pytest.raises(ZeroDivisionError), made_whole(out):
        1 / 0  # noqa: B018
    assert (out / "first").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
