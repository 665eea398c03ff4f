"""Names that are markup, formulas, commands or invisible: shown as they are, or refused."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from rich.console import Console

from benchmarks.io import (
    UserError,
    latex_text,
    markdown_text,
    objection_to,
    printable,
    terminal_text,
)
from benchmarks.report.figures import draw_figure
from benchmarks.report.results import Results
from benchmarks.run.custom_method import load_method
from benchmarks.schema import read_table
from tests.processes import status_of

INVISIBLE = {
    "line break": "one\ntwo",
    "tab": "one\ttwo",
    "escape": "\x1b[2Jone",
    "zero": "one\0",
    "right to left": "one\u202egnp.exe",
    "line separator": "one\u2028two",
    "zero width": "one\u200btwo",
    "surrogate": "one\udc80",
}

HOSTILE = (
    "[red]x[/red][/bold]:bug:",
    "<script>alert(1)</script>",
    "a|b`rm -rf`",
    "=cmd|' /C calc'!A0",
    "\\input{/etc/passwd}",
    "{{ 7*7 }}%d{0}",
    "$x^2$ ~#&",
    "**bold** _it_ ~~no~~ [link](javascript:x)",
    "Ünïcode 日本 ﷽",
    "../../up",
)


@pytest.mark.parametrize("name", INVISIBLE.values(), ids=INVISIBLE)
def test_invisible_name_is_objected_to_and_never_printed(name: str) -> None:
    assert re.fullmatch(r"holds the control character '\\[^ ]+'; expected .*", objection_to(name))
    for text in (printable(name), markdown_text(name), latex_text(name)):
        assert all(character.isprintable() for character in text)


@pytest.mark.parametrize("name", HOSTILE)
def test_name_that_can_be_seen_is_allowed_and_shown_as_it_is(name: str) -> None:
    assert objection_to(name) == ""
    console = Console(file=io.StringIO(), width=500, force_terminal=True)
    console.print(terminal_text(name))
    assert console.file.getvalue() == f"{name}\n"
    bare = re.sub(r"\\[\\`*_\[\]|~$]|&(amp|lt|gt);", "", markdown_text(name))
    assert not set(bare) & set("\\`*_[]|~$<>&")
    commands = r"\\text(backslash|asciitilde|asciicircum|less|greater|bar)\{\}|\\[&%$#_{}]"
    bare = re.sub(rf"{commands}|\{{[\[\]*]\}}", "", latex_text(name))
    assert not set(bare) & set("\\&%$#_{}~^<>|[]*")


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "is empty"), ("\u00a0", "is empty"), ("x" * 101, "has 101 characters; expected at most")],
)
def test_name_that_cannot_be_shown_is_objected_to(name: str, message: str) -> None:
    assert objection_to(name).startswith(message)


METHOD = """
from methods import UncertaintyMethod
class Mine(UncertaintyMethod):
    name = "mine"
    label = {value!r}
    def fit(self, images, labels): return self
    def predict(self, images): return None
"""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a\nb", r"holds the control character '\\n'"),
        ("x" * 400, "has 400 characters; expected at most"),
        (7, "7; expected text"),
    ],
    ids=["control", "long", "number"],
)
def test_class_field_that_cannot_be_shown_is_refused(
    value: object, message: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(METHOD.format(value=value))
    with pytest.raises(UserError, match=rf"Mine\.label:? {message}[^\n]*\Z"):
        load_method(f"{tmp_path / 'mine.py'}:Mine")


CommandLine = Callable[..., tuple[int, str, str]]

LABELS = np.random.default_rng(0).integers(3, size=60)


def probabilities(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(3), (2, 60))


@pytest.fixture
def command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")

    def call(*arguments: str) -> tuple[int, str, str]:
        status = status_of("score", *arguments, "--resamples", "100")
        return status, *capsys.readouterr()

    return call


@pytest.mark.parametrize(
    ("stem", "name"), [("a", "one\ntwo"), ("a", "\x1b[2Jone"), ("one\u202etwo", "far")]
)
def test_set_or_file_of_an_invisible_name_is_refused_before_anything_is_written(
    stem: str, name: str, command_line: CommandLine, tmp_path: Path
) -> None:
    sets = {f"ood_{name}": probabilities(1)}
    np.savez(f"{stem}.npz", probabilities=probabilities(0), labels=LABELS, **sets)
    status, shown, error = command_line(f"{stem}.npz", "--out", "out")
    assert (status, shown) == (2, "")
    assert re.fullmatch(r"error: [^\n\x1b\u202e]+ name[^\n\x1b\u202e]+\n", error)
    assert not (tmp_path / "out").exists()


def test_hostile_names_are_inert_in_all_that_is_written(
    command_line: CommandLine, tmp_path: Path
) -> None:
    files, names = ("[red]x[bold]:bug:", "a|b", "=1+1|$<i>"), (*HOSTILE, "Far", "far", "f?ar")
    sets = {f"ood_{name}": probabilities(k) for k, name in enumerate(names)}
    for name in files:
        np.savez(f"{name}.npz", probabilities=probabilities(7), labels=LABELS, **sets)
    status, shown, _ = command_line(*(f"./{name}.npz" for name in files), "--out", "out")
    assert status == 0
    for name in (*files, "=cmd|' /C calc'!A0", "$x^2$ ~#&", "Ünïcode 日本 ﷽", "Far", "far"):
        assert name in shown
    summary = read_table(tmp_path / "out", "summary.csv")
    assert set(summary["method"]) == set(files)
    conditions = set(summary["condition"])
    assert len(conditions) == 1 + len(names)
    assert {"ood-far", "ood-far-2", "ood-f-ar"} < conditions
    assert all(re.fullmatch("[a-z][a-z0-9_-]*", name) for name in conditions)
    written = {path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".npz"}
    folders = (tmp_path / "out" / name for name in ("", "curves", "figures", "tables"))
    assert {path.parent for path in written} == set(folders)
    for path in written:
        if path.suffix in (".html", ".md", ".svg"):
            text = path.read_text(encoding="utf-8")
            assert "$<i>" not in text
        if path.suffix == ".md":
            lines = [line for line in text.splitlines() if line.startswith("|")]
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, path.name


def test_hostile_label_is_text_in_a_figure() -> None:
    label = r"$\frac{$<script>|&_{%"
    loaded = Results.load(Path(__file__).parents[2] / "results" / "article").of_recipe("standard")
    methods = tuple(replace(one, label=label) for one in loaded.names.methods[:1])
    names = replace(loaded.names, methods=methods + loaded.names.methods[1:])
    results = replace(loaded, names=names)
    figure = draw_figure(results, "cost").figure
    figure.draw_without_rendering()
    texts = [text.get_text() for text in figure.findobj(Text) if not text.get_parse_math()]
    assert label in texts
