"""5. Nothing from a data file is executed; names are text wherever they are shown.

Of files of others' predictions, `tests/external` tells the same.
"""

from __future__ import annotations

import io
import re
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
from benchmarks.predictions import PoolNetwork
from benchmarks.report.figures import draw_figure
from benchmarks.report.results import Results
from benchmarks.run.custom_method import load_method
from benchmarks.run.stages import run_stages
from benchmarks.schema import read_table
from benchmarks.vocabulary import MEASURE
from tests.processes import status_of
from tests.runs import DIGITS, run_of

INVISIBLE = (
    *("one\ntwo", "one\ttwo", "\x1b[2Jone", "zero\0", "one\u202egnp.exe", "one\u2028two"),
    *("one\u200btwo", "one\udc80"),
)

HOSTILE = (
    *("[red]x[/red][/bold]:bug:", "<script>alert(1)</script>", "a|b`rm -rf`", "../../up"),
    *("=cmd|' /C calc'!A0", "\\input{/etc/passwd}", "{{ 7*7 }}%d{0}", "$x^2$ ~#&"),
    *("**bold** _it_ ~~no~~ [link](javascript:x)", "Ünïcode 日本 ﷽"),
)


@pytest.mark.parametrize("name", INVISIBLE, ids=ascii)
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


def test_name_that_cannot_be_shown_is_objected_to(tmp_path: Path) -> None:
    for name, message in {"": "is empty", "\u00a0": "is empty", "x" * 101: "has 101 char"}.items():
        assert objection_to(name).startswith(message)
    file = tmp_path / "mine.py"
    for label in ("a\nb", "x" * 400, 7):
        head = "from methods import Softmax\nclass Mine(Softmax): name, label = 'mine', "
        file.write_text(f"{head}{label!r}")
        with pytest.raises(UserError, match=r"Mine\.label[^\n]*\Z"):
            load_method(f"{file}:Mine")


LABELS = np.random.default_rng(0).integers(3, size=60)


def probabilities(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(3), (2, 60))


@pytest.mark.parametrize(
    ("stem", "name"), [("a", "one\ntwo"), ("a", "\x1b[2Jone"), ("one\u202etwo", "far")]
)
def test_set_or_file_of_an_invisible_name_is_refused_before_anything_is_written(
    stem: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = {f"ood_{name}": probabilities(1)}
    np.savez(tmp_path / stem, probabilities=probabilities(0), labels=LABELS, **sets)
    assert status_of("score", tmp_path / f"{stem}.npz", "--out", tmp_path / "out") == 2
    shown, error = capsys.readouterr()
    assert shown == ""
    assert re.fullmatch(r"error: [^\n\x1b\u202e]+ name[^\n\x1b\u202e]+\n", error)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("one_figure")
def test_hostile_names_are_inert_in_all_that_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files, names = ("[red]x[bold]:bug:", "a|b", "=1+1|$<i>"), (*HOSTILE, "Far", "far", "f?ar")
    sets = {f"ood_{name}": probabilities(k) for k, name in enumerate(names)}
    for name in files:
        np.savez(tmp_path / name, probabilities=probabilities(7), labels=LABELS, **sets)
    monkeypatch.setenv("COLUMNS", "400")
    paths = [tmp_path / f"{name}.npz" for name in files]
    assert status_of("score", *paths, "--out", tmp_path / "out", "--resamples", "100") == 0
    shown = capsys.readouterr().out
    for name in (*files, "=cmd|' /C calc'!A0", "$x^2$ ~#&", "Ünïcode 日本 ﷽", "Far", "far"):
        assert name in shown
    summary = read_table(tmp_path / "out", "summary.csv")
    assert set(summary["method"]) == set(files)
    conditions = set(summary["condition"])
    assert len(conditions) == 1 + len(names) + 1  # with the mean over these
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


def test_hostile_label_is_text_in_a_figure(made_up_run: Path) -> None:
    label = r"$\frac{$<script>|&_{%"
    loaded = Results.load(made_up_run)
    first, *others = loaded.names.methods
    names = replace(loaded.names, methods=(replace(first, label=label), *others))
    figure = draw_figure(replace(loaded, names=names), "cost").figure
    figure.draw_without_rendering()
    texts = [text.get_text() for text in figure.findobj(Text) if not text.get_parse_math()]
    assert label in texts


class Code:
    """Writes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (self.path, "run")


def test_code_in_a_prediction_file_is_not_run(digits_copy: Path) -> None:
    run, ran = run_of(DIGITS, digits_copy), digits_copy / "ran"
    path = run.workspace.predictions.path(PoolNetwork("well-trained", 0), "clean")
    np.savez(path, about=np.array([Code(ran)], dtype=object))
    with pytest.raises(UserError, match="cannot be used"):
        run_stages(*run, MEASURE)
    assert not ran.exists()
