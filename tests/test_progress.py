"""Progress on a terminal, and where there is none."""

from __future__ import annotations

import pytest

from benchmarks.progress import progress_shown, tracked


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize(
    ("total", "shown"), [(3, [1, 2, 3]), (25, [3, 5, 8, 10, 13, 15, 18, 20, 23, 25])]
)
def test_lines_are_plain_and_few_where_there_is_no_terminal(
    total: int, shown: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(tracked(range(total), total, "score", "blocks")) == [*range(total)]
    out, error = capsys.readouterr()
    assert out == ""
    lines = error.splitlines()
    texts = [f"score    {count} of {total} blocks, 0 s" for count in shown]
    assert lines == [*(f"{text}, 0 s left" for text in texts[:-1]), texts[-1]]


def test_bar_is_shown_on_a_terminal_with_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert list(tracked(iter("abc"), 3, "predict", "predictions")) == ["a", "b", "c"]
    shown = capsys.readouterr().err
    for text in ("\x1b[", "predict", "3/3", "left"):
        assert text in shown
    assert " of 3" not in shown


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_but_what_others_print_is_shown_to_those_who_want_none(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_shown(False):
        for letter in tracked("ab", 2, "train", "networks"):
            print(letter)
    assert capsys.readouterr() == ("a\nb\n", "")
