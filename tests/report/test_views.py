"""The commands for one table, figure or pair of a run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.nouns import Contestant
from benchmarks.report.results import Results
from tests.processes import status_of

Called = Callable[..., tuple[int, str, str]]


@pytest.fixture
def called(capsys: pytest.CaptureFixture[str]) -> Called:
    """Exit status, standard output and standard error of a command."""
    return lambda *arguments: (status_of(*arguments), *capsys.readouterr())


def test_table_is_printed_or_written(made_up_run: Path, tmp_path: Path, called: Called) -> None:
    written = (made_up_run / "tables" / "main.md").read_text(encoding="utf-8")
    assert called("table", made_up_run, "main") == (0, written, "")
    out = tmp_path / "main.tex"
    status, shown, _ = called("table", made_up_run, "main", "--latex", "--out", out)
    assert (status, shown) == (0, f"wrote {out}\n")
    assert "\\label{tab:main}" in out.read_text(encoding="utf-8")


def test_folder_without_an_answer_says_so(made_up_copy: Path, called: Called) -> None:
    assert called("table", made_up_copy, "leaderboard")[2] == ""
    (made_up_copy / "answer.csv").unlink()
    for command, name, file in (("table", "leaderboard", "a.md"), ("figure", "quality", "a.pdf")):
        error = called(command, made_up_copy, name, "--out", made_up_copy / file)[2]
        assert error.startswith(f"note: {made_up_copy} has no answer.csv")


def test_unknown_table_is_one_line_before_any_is_made(
    made_up_run: Path, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.report.tables.declared.table_of", pytest.fail)
    status, _, error = called("table", made_up_run, "mine")
    assert status == 2
    assert error.startswith("error: there is no table 'mine'; choose from front, leaderboard")
    assert error.count("\n") == 1


@pytest.mark.parametrize(("command", "name"), [("table", "main"), ("figure", "roc")])
def test_file_that_cannot_be_written_is_one_line(
    command: str, name: str, made_up_run: Path, tmp_path: Path, called: Called
) -> None:
    (tmp_path / "file").touch()
    for out, message in ((tmp_path, "this is a folder"), (tmp_path / "file" / "a.pdf", "a file")):
        status, _, error = called(command, made_up_run, name, "--out", out)
        assert status == 2
        assert message in error
        assert error.count("\n") == 1
    assert called(command, made_up_run, "x", "--out", tmp_path / "b" / "a")[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("command", "file", "message"),
    [
        (("table", "main"), "a.csv", "the table is written as "),
        (("figure", "roc"), "mine", "expected a file name that ends in .pdf or .svg or .png"),
    ],
)
def test_file_name_of_another_format_is_refused(
    command: tuple[str, ...],
    file: str,
    message: str,
    made_up_run: Path,
    tmp_path: Path,
    called: Called,
) -> None:
    kind, *others = command
    status, _, error = called(kind, made_up_run, *others, "--out", tmp_path / file)
    assert (status, error.count("\n")) == (2, 1)
    assert message in error
    assert list(tmp_path.iterdir()) == []


def test_pair_is_compared_by_each_measure(
    made_up_run: Path, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    status, shown, error = called("compare", "softmax", "mc_dropout-8", "--run", made_up_run)
    assert (status, error) == (0, "")
    lines = shown.splitlines()
    assert lines[:2] == ["A: Softmax, 2 replicates", "B: MC-dropout (T = 8), 2 replicates"]
    results = Results.load(made_up_run)
    for quantity in results.headline:
        printed = results.names.printed(quantity.metric).title
        (line,) = [line for line in lines if line.startswith(f" {printed}, ")]
        assert results.label_of(quantity.condition) in line
        for one in (Contestant("softmax", "1"), Contestant("mc_dropout", "8")):
            row = results.value(one, quantity)
            assert row
            numbers = re.findall(r"(?<![\d.])[\d.]+(?![\d.])", line)
            assert any(f"{row['value']:.{len(n.partition('.')[2])}f}" == n for n in numbers)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("softmax", "mc_dropuot-8"), "there is no contestant 'mc_dropuot-8'.*mc_dropout-8"),
        (("x", "softmax"), "there is no contestant 'x' in this run; choose from .*softmax"),
        (("softmax", "softmax-1"), "both are softmax-1; name two contestants"),
    ],
)
def test_contestants_that_cannot_be_compared_are_one_line(
    pair: tuple[str, str], message: str, made_up_run: Path, called: Called
) -> None:
    status, shown, error = called("compare", *pair, "--run", made_up_run)
    assert (status, shown) == (2, "")
    assert re.fullmatch(rf"error: {message}.*\n", error)


def test_name_of_several_budgets_is_the_least_one(two_budgets_run: Path, called: Called) -> None:
    def shown(name: str) -> tuple[int, str]:
        status, output, _ = called("compare", name, "mc_dropout-8", "--run", two_budgets_run)
        return status, output

    assert shown("softmax") == shown("softmax-1")
    assert shown("softmax-1-budget-5") != shown("softmax-1")


def test_run_without_influences_is_one_line(made_up_copy: Path, called: Called) -> None:
    shutil.rmtree(made_up_copy / "influences")
    places = (made_up_copy, "there is no influences/"), (Path("x"), "no results in x")
    for folder, message in places:
        status, _, error = called("compare", "softmax", "mc_dropout", "--run", folder)
        assert (status, error.count("\n")) == (2, 1)
        assert message in error
