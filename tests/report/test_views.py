"""The commands for one table or figure of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes import status_of


def called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object
) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    return status_of(*arguments), *capsys.readouterr()


def test_table_is_printed_or_written(
    reported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    written = (reported / "tables" / "main.md").read_text(encoding="utf-8")
    assert called(monkeypatch, capsys, "table", reported, "main") == (0, written, "")
    out = tmp_path / "main.tex"
    status, shown, _ = called(
        monkeypatch, capsys, "table", reported, "main", "--latex", "--out", out
    )
    assert (status, shown) == (0, f"wrote {out}\n")
    assert "\\label{tab:main}" in out.read_text(encoding="utf-8")


def test_unknown_table_is_one_line(
    reported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, error = called(monkeypatch, capsys, "table", reported, "mine")
    assert status == 2
    assert error.startswith("error: there is no table 'mine'; choose from decision, kinds, ranking")
    assert error.count("\n") == 1


@pytest.mark.parametrize("view", [("table", "main"), ("figure", "roc")])
def test_file_that_cannot_be_written_is_one_line(
    view: tuple[str, str],
    reported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").touch()
    for out, message in ((tmp_path, "this is a folder"), (tmp_path / "file" / "a.pdf", "a file")):
        command, name = view
        status, _, error = called(monkeypatch, capsys, command, reported, name, "--out", out)
        assert status == 2
        assert message in error
        assert error.count("\n") == 1
    assert (
        called(monkeypatch, capsys, command, reported, "x", "--out", tmp_path / "b" / "a")[0] == 2
    )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_figure_needs_a_name_with_an_ending(
    reported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "mine"
    status, _, error = called(monkeypatch, capsys, "figure", reported, "roc", "--out", out)
    assert status == 2
    assert error == f"error: --out {out}: expected a file name that ends in .pdf, .svg or .png\n"
    assert list(tmp_path.iterdir()) == []
