"""Names that are markup, formulas, commands or invisible: shown as they are, or refused."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context
from rich.console import Console

from benchmarks.errors import UserError
from benchmarks.escaping.latex import latex_text
from benchmarks.escaping.markdown import markdown_text
from benchmarks.escaping.names import objection_to, printable
from benchmarks.escaping.terminal import terminal_text
from benchmarks.nouns import MethodRecord, Nouns
from benchmarks.records import Measurement, as_table, read_table, write_table
from benchmarks.report.figures.cost import cost_figures
from benchmarks.report.figures.drawing import without_formulas
from benchmarks.report.names import Names
from benchmarks.report.results import Results
from benchmarks.report.style import SETTINGS, looks
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.report.tables.text.formats import as_frame
from benchmarks.run.custom_method import load_method
from benchmarks.score import command as score

INVISIBLE = {
    "line break": "one\ntwo",
    "carriage return": "one\rtwo",
    "tab": "one\ttwo",
    "escape": "\x1b[2Jone",
    "bell": "one\a",
    "zero": "one\0",
    "right to left": "one\u202egnp.exe",
    "isolate": "one\u2066two",
    "line separator": "one\u2028two",
    "zero width": "one\u200btwo",
    "byte order mark": "\ufeffone",
    "surrogate": "one\udc80",
}

HOSTILE = (
    "[red]x[/red][/bold]",
    "<script>alert(1)</script>",
    "a|b",
    "`rm -rf`",
    "=cmd|' /C calc'!A0",
    "@SUM(1)",
    "+1+1",
    "-1+1",
    "\\input{/etc/passwd}",
    "{{ 7*7 }}",
    "$x^2$",
    ":bug:",
    "**bold** _it_ ~~no~~ [link](javascript:x)",
    "Upper Case",
    "Ünïcode 日本 ﷽",
    "Score",
    "Method",
    "notes",
    "'=quoted",
    "../../up",
    "%d %s {0}",
    "x" * 100,
)


@pytest.mark.parametrize("name", INVISIBLE.values(), ids=INVISIBLE)
def test_invisible_name_is_objected_to_and_never_printed(name: str) -> None:
    assert re.fullmatch(r"holds the control character '\\[^ ]+'; expected .*", objection_to(name))
    for text in (printable(name), markdown_text(name), latex_text(name)):
        assert all(character.isprintable() for character in text)


@pytest.mark.parametrize("name", HOSTILE)
def test_name_that_can_be_seen_is_allowed_up_to_a_length(name: str) -> None:
    assert objection_to(name) == ""
    assert objection_to(name + "x" * 100).endswith("characters; expected at most 100: shorten it")


@pytest.mark.parametrize("name", ["", " ", "\u00a0"])
def test_empty_name_is_objected_to(name: str) -> None:
    assert objection_to(name).startswith("is empty")


@pytest.mark.parametrize("name", HOSTILE)
def test_terminal_shows_the_name_itself(name: str) -> None:
    console = Console(file=io.StringIO(), width=500, force_terminal=True)
    console.print(terminal_text(name))
    assert console.file.getvalue() == f"{name}\n"


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_has_no_bare_special_character(name: str) -> None:
    bare = re.sub(r"\\[\\`*_\[\]|~$]|&(amp|lt|gt);", "", markdown_text(name))
    assert not set(bare) & set("\\`*_[]|~$<>&")


@pytest.mark.parametrize("name", HOSTILE)
def test_latex_has_no_bare_special_character(name: str) -> None:
    commands = r"\\text(backslash|asciitilde|asciicircum|less|greater|bar)\{\}|\\[&%$#_{}]"
    bare = re.sub(rf"{commands}|\{{[\[\]*]\}}", "", latex_text(name))
    assert not set(bare) & set("\\&%$#_{}~^<>|[]*")


def test_csv_is_read_back_as_it_was(tmp_path: Path) -> None:
    names = [*HOSTILE, "'=1", "-0.5", "-inf", "+5", "\t=1", "'", '"']
    rows = [
        Measurement("standard", name, 0, "1", "clean", "", "ece", -0.5, 10, reason=name)
        for name in names
    ]
    table = as_table(rows)
    write_table(table, tmp_path / "table.csv")
    pd.testing.assert_frame_equal(read_table(tmp_path / "table.csv"), table, check_dtype=False)


def test_nouns_are_read_back_as_they_were(tmp_path: Path) -> None:
    nouns = Nouns(methods=tuple(MethodRecord(name, name, citation=name) for name in HOSTILE))
    nouns.write(tmp_path)
    assert Nouns.read(tmp_path) == nouns


def test_sets_that_are_called_as_columns_keep_their_numbers() -> None:
    names = ("Score", "notes", "Images")
    cells = tuple(Cell(value, status="ok") for value in (0.25, 0.5, 0.75))
    table = Table("name", "", "Images", ("Score",), names, (Row("group", ("label",), cells),))
    frame = as_frame(table)
    assert frame.iloc[0].tolist()[:2] == ["group", "label"]
    assert frame.iloc[0].tolist()[2::3] == ["0.250", "0.500", "0.750", ""]


FIELDS = ("label", "in_text", "citation", "group", "symbol")
METHOD = """
from methods import UncertaintyMethod
class Mine(UncertaintyMethod):
    name = "mine"
    {field} = {value!r}
    def fit(self, images, labels): return self
    def predict(self, images): return None
"""


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a\nb", r"holds the control character '\\n'"),
        ("a\u202eb", r"holds the control character '\\u202e'"),
        ("x" * 400, "has 400 characters; expected at most"),
        (7, "7; expected text"),
    ],
)
def test_class_field_that_cannot_be_shown_is_refused(
    field: str, value: object, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(METHOD.format(field=field, value=value))
    with pytest.raises(UserError, match=rf"Mine\.{field}:? {message}") as refused:
        load_method(f"{file}:Mine")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("field", FIELDS)
def test_class_field_of_markup_is_allowed(field: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(METHOD.format(field=field, value="<b>[red]|$"))
    assert getattr(load_method(f"{file}:Mine"), field) == "<b>[red]|$"


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
        monkeypatch.setattr(sys, "argv", ["score", *arguments, "--resamples", "100"])
        status = score.command_line()
        return status, *capsys.readouterr()

    return call


@pytest.mark.parametrize("name", [name for name in INVISIBLE.values() if name.isascii()])
def test_set_of_an_invisible_name_is_refused_before_anything_is_written(
    name: str, command_line: CommandLine, tmp_path: Path
) -> None:
    if "\0" in name:
        pytest.skip("no archive has such a name")
    sets = {f"ood_{name}": probabilities(1)}
    np.savez("a.npz", probabilities=probabilities(0), labels=LABELS, **sets)
    status, shown, error = command_line("a.npz", "--out", "out")
    assert (status, shown) == (2, "")
    assert re.fullmatch(r"error: a\.npz: the name of the array '[^\n\x1b]+\n", error)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("stem", ["one\ntwo", "one\x1b[2J", "one\u202etwo", "x" * 101])
def test_file_of_a_name_that_cannot_be_shown_is_refused(
    stem: str, command_line: CommandLine, tmp_path: Path
) -> None:
    np.savez(f"{stem}.npz", probabilities=probabilities(0), labels=LABELS)
    status, _, error = command_line(f"{stem}.npz", "--out", "out")
    assert status == 2
    assert re.fullmatch(r"error: [^\n\x1b\u202e]+\n", error)
    assert "the file's name, which names the method" in error
    assert not (tmp_path / "out").exists()


def test_hostile_names_are_inert_in_all_that_is_written(
    command_line: CommandLine, tmp_path: Path
) -> None:
    files, names = ("[red]x[bold]:bug:", "a|b", "=1+1|$<i>"), HOSTILE[::2]
    sets = {f"ood_{name}": probabilities(k) for k, name in enumerate(names)}
    for name in files:
        np.savez(f"{name}.npz", probabilities=probabilities(7), labels=LABELS, **sets)
    arguments = [f"./{name}.npz" for name in files]
    status, shown, _ = command_line(*arguments, "--out", "out")
    assert status == 0
    for name in (*files, "a|b", "=cmd|' /C calc'!A0", "$x^2$", "Ünïcode 日本 ﷽"):
        assert name in shown
    summary = read_table(tmp_path / "out" / "summary.csv")
    assert set(summary["method"]) == set(files)
    assert len(set(summary["condition"])) == 1 + len(names)
    assert all(re.fullmatch("[a-z][a-z0-9_-]*", name) for name in set(summary["condition"]))
    written = {path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".npz"}
    assert {path.parent for path in written} == {tmp_path / "out", tmp_path / "out" / "tables"}
    for path in written:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".md":
            assert "<i>" not in text
            widths = {
                len(re.findall(r"(?<!\\)\|", line))
                for line in text.splitlines()
                if line.startswith("|")
            }
            assert len(widths) == 1, path.name


def test_sets_whose_names_differ_in_case_alone_are_two(command_line: CommandLine) -> None:
    sets = {f"ood_{name}": probabilities(k) for k, name in enumerate(("Far", "far", "f?ar"))}
    np.savez("a.npz", probabilities=probabilities(0), labels=LABELS, **sets)
    status, shown, _ = command_line("a.npz", "--out", "out")
    assert status == 0
    summary = read_table(Path("out/summary.csv"))
    assert set(summary["condition"]) == {"clean", "ood-far", "ood-far-2", "ood-f-ar"}
    assert all(name in shown for name in ("Far", "far", "f?ar"))


def test_hostile_label_is_text_in_a_figure() -> None:
    label = r"$\frac{$<script>|&_{%"
    loaded = Results.load(Path(__file__).parents[2] / "results" / "article").of_recipe("standard")
    methods = tuple(replace(one, label=label) for one in loaded.names.nouns.methods[:1])
    nouns = replace(loaded.names.nouns, methods=methods + loaded.names.nouns.methods[1:])
    results = replace(loaded, names=Names(nouns))
    file = io.BytesIO()
    with rc_context(SETTINGS):
        drawing = next(iter(cost_figures(results, looks(results.names, results.shown))))
        without_formulas(drawing.figure)
        drawing.figure.savefig(file, format="svg")
    texts = [element.text for element in ElementTree.fromstring(file.getvalue()).iter()]
    assert label in texts
