"""What the command refuses, in one line, and what it replaces."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import pytest

from benchmarks.site import command
from benchmarks.site.output import MARK, made_whole, require_replaceable
from benchmarks.site.runs import Run, read_runs
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


@dataclass
class FakeProcess:
    """Stands for the command of the lab, and makes a page."""

    returncode: int

    def __call__(self, arguments: list[str | Path]) -> FakeProcess:
        assert arguments[1:-1] == ["-m", "benchmarks.lab", "--out"]
        Path(arguments[-1]).write_text("a lab", encoding="utf-8")
        return self


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """For each site that would be made, the labs of its runs."""
    if command.missing_libraries():
        pytest.skip("not installed: '.[docs]'")
    from benchmarks.site import building

    sites: list[list[str]] = []

    def build(checkout: Path, runs: list[Run], out: Path) -> None:
        sites.append([run.lab.read_text("utf-8") if run.lab else "" for run in runs])

    monkeypatch.setattr(building, "build", build)
    return sites


def test_lab_is_made_for_the_first_run_if_asked(
    call: Call, built: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command.subprocess, "run", FakeProcess(0))
    monkeypatch.chdir(tmp_path)
    with_lab, without = made_run(tmp_path / "a", lab=True), made_run(tmp_path / "b")
    for arguments in ([without, with_lab], ["--lab", without, with_lab], ["--lab", with_lab]):
        assert call(*arguments) == (0, "")
    assert built == [["", "<p>The lab</p>"], ["a lab", "<p>The lab</p>"], ["<p>The lab</p>"]]
    assert not (without / "lab.html").exists()


def test_lab_that_cannot_be_made_ends_it(
    call: Call, built: list[list[str]], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command.subprocess, "run", FakeProcess(2))
    assert call("--lab", run) == (2, "")
    assert built == []


def test_libraries_are_those_of_the_extra() -> None:
    if command.missing_libraries():
        pytest.skip("not installed: '.[docs]'")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = [re.split("[<>=]", one)[0] for one in project["optional-dependencies"]["docs"]]
    files = [file for package in extra for file in distribution(package).files or ()]
    assert {library.split(".")[0] for library in command.LIBRARIES} <= {f.parts[0] for f in files}


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
