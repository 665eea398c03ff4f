"""How tables are written: Markdown, LaTeX and CSV."""

from __future__ import annotations

import math
import re
from pathlib import Path

from benchmarks.report.results import Results
from benchmarks.report.tables.declared import tables_of
from benchmarks.report.tables.table import Cell, Row, Table, as_frame, latex, markdown


def table_of(*cells: Cell, label: str = "mine") -> Table:
    headings = tuple(f"column {number}" for number in range(len(cells)))
    return Table(
        name="name",
        caption="A caption",
        label_headings=("Method",),
        headings=headings,
        rows=(Row("", (label,), cells),),
    )


def test_failure_is_a_footnote_whether_or_not_there_is_a_value() -> None:
    failed = Cell(status="failed", reason="ValueError: no")
    partly = Cell(0.5, status="failed", reason="ValueError: once")
    infinite = Cell(math.inf, status="ok", reason="2 of 80 labels were given the probability 0")
    text = markdown(table_of(failed, partly, infinite, failed))
    row = "n/a <sup>a</sup> | 0.500 <sup>b</sup> | ∞ <sup>c</sup> | n/a <sup>a</sup>"
    assert f"| mine | {row} |" in text
    assert "<sup>a</sup> failed: ValueError: no" in text
    assert "<sup>c</sup> 2 of 80 labels were given the probability 0" in text
    numbers = as_frame(table_of(failed, partly)).iloc[0]
    assert numbers["column 0"] == "failed"
    assert numbers["notes"] == "ValueError: no; ValueError: once"


def test_latex_has_a_cell_a_column_and_no_character_that_it_cannot_print(made_up_run: Path) -> None:
    tables = tables_of(Results.load(made_up_run))
    assert any("& entropy (nats) &" in latex(table) for table in tables)
    for table in tables:
        text = latex(table)
        assert text.isascii(), table.name
        assert text.count("{") == text.count("}")
        assert text.count("$") % 2 == 0
        found = re.search(r"\\begin\{tabular\}\{(.+)\}", text)
        assert found is not None
        columns = found[1]
        assert re.fullmatch("l+r*", columns)
        body = text[text.index("\\toprule") : text.index("\\bottomrule")].splitlines()
        rows = [line for line in body if line.endswith("\\\\")]
        assert len(rows) >= 2
        for line in rows:
            assert len(re.findall(r"(?<!\\)&", line)) == len(columns) - 1


def test_names_are_escaped() -> None:
    hostile = table_of(Cell(1.0, status="failed", reason="a|b <c> 100% #1 {x} ~^\\"), label="a_b|c")
    assert "| a\\_b\\|c | 1.000 <sup>a</sup> |" in markdown(hostile)
    assert "a\\|b &lt;c&gt; 100%" in markdown(hostile)
    printed = latex(hostile)
    assert "a\\_b\\textbar{}c & 1.000 \\textsuperscript{a} \\\\" in printed
    assert "100\\% \\#1 \\{x\\} \\textasciitilde{}\\textasciicircum{}\\textbackslash{}" in printed


def test_marks_are_printed_with_their_meaning() -> None:
    best = Cell(0.96, 0.01, "ok", is_best=True, better=True)
    worse, other = Cell(0.95, 0.01, "ok", better=False), Cell(0.95, 0.01, "ok")
    text = markdown(table_of(best, worse, other))
    assert "| **0.960 ± 0.010** ▲ | 0.950 ± 0.010 ▾ | 0.950 ± 0.010 |" in text
    for meaning in ("Bold: in the set that contains", "▲ better than one", "▾ worse than one"):
        assert text.count(meaning) == 1
    printed = latex(table_of(best, worse))
    assert r"\textbf{0.960 $\pm$ 0.010} $\triangle$ & 0.950 $\pm$ 0.010 $\nabla$" in printed
    verdicts = as_frame(table_of(best, worse, other)).filter(like="verdict").iloc[0]
    assert list(verdicts) == ["best, better", "worse", ""]
    plain = markdown(table_of(other))
    assert re.findall("Bold|▲|▾", plain) == []


def test_value_worse_than_guessing_has_a_mark_and_a_footnote_names_the_level() -> None:
    below = Cell(2.48, 0.02, "ok", is_best=True, guessing="NLL 2.303")
    table = table_of(below, Cell(0.4, 0.01, "ok", guessing="AUROC 0.500"), below, Cell(2.3, 0.1))
    text = markdown(table)
    assert "| **2.480 ± 0.020** § | 0.400 ± 0.010 § | **2.480 ± 0.020** § | 2.30 ± 0.10 |" in text
    said = "§ worse than guessing (equal probabilities: NLL 2.303, AUROC 0.500)"
    assert f"; {said}.\n" in text
    assert r"0.400 $\pm$ 0.010 \S{} &" in latex(table)
    assert "§" not in markdown(table_of(Cell(2.3, 0.1, "ok")))
