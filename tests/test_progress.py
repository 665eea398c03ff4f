from __future__ import annotations

import re

import pytest
from rich.console import Console

from benchmarks import progress
from benchmarks.progress import tracked


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def test_lines_are_plain_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(tracked(iter("abc"), 3, "train", "networks")) == ["a", "b", "c"]
    out, shown = capsys.readouterr()
    assert out == ""
    lines = shown.splitlines()
    assert len(lines) == 3
    for count, line in enumerate(lines, start=1):
        assert re.fullmatch(rf"train +{count} of 3 networks, \d+ s", line)


@pytest.mark.parametrize(
    ("total", "most", "shown"), [(3, 10, [1, 2, 3]), (25, 5, [5, 10, 15, 20, 25])]
)
def test_lines_are_at_most_so_many(
    total: int, most: int, shown: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(tracked(range(total), total, "score", "blocks", most_lines=most)) == [*range(total)]
    lines = capsys.readouterr().err.splitlines()
    assert [int(line.split()[1]) for line in lines] == shown


def test_bar_is_shown_on_a_terminal_with_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        progress, "Console", lambda **options: Console(**options, force_terminal=True, width=80)
    )
    assert list(tracked(iter("abc"), 3, "predict", "run units")) == ["a", "b", "c"]
    shown = capsys.readouterr().err
    assert "\x1b[" in shown
    assert "predict" in shown
    assert "3/3" in shown
    assert "left" in shown
    assert " of 3" not in shown
