"""LaTeX floats: no wider than the text, no longer than a page, and nothing lost between them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.nouns import TaskRecord
from benchmarks.report.names import UNKNOWN_TASK
from benchmarks.report.tables.table import Cell, Row, Table
from benchmarks.report.tables.text.latex import PAGE_LINES, latex

PAGE = """\\documentclass[10pt,twocolumn]{article}
\\usepackage[margin=2cm]{geometry}
\\usepackage{booktabs,graphicx}
\\begin{document}
TABLE
\\end{document}
"""


TASKS = {"mnist": "MNIST", "mine_2": "Mine & yours"}


def numbers(groups: int, rows: int, columns: int) -> Table:
    """Rows called a0, a1, …; the first has a footnote."""
    cells = (Cell(1234.5, 0.01, "failed", reason="once"), *[Cell(1234.5, 0.01, "ok")] * columns)
    return Table(
        name="long",
        caption="A long one.",
        group_heading="Group",
        label_headings=("Method",),
        headings=tuple(f"A column {number}" for number in range(columns + 1)),
        rows=tuple(
            Row(f"group {group}", (f"a{group * rows + row}",), cells)
            for group in range(groups)
            for row in range(rows)
        ),
    )


SENTENCES = Table(
    name="advice",
    caption="Advice.",
    group_heading="Situation",
    label_headings=("Use", "Why"),
    headings=(),
    rows=tuple(
        Row(f"{k}", ("That method", "It is better by a measure. " * 20), ()) for k in "abcd"
    ),
    remarks=("A remark on all of it. " * 30,),
    widths=(0.3, 0.6),
)


@pytest.mark.parametrize(
    ("groups", "rows", "floats"), [(1, 5, 1), (4, 12, 1), (5, 14, 2), (3, 40, 3), (1, 150, 3)]
)
def test_long_table_is_continued_under_its_number(groups: int, rows: int, floats: int) -> None:
    text = latex(numbers(groups, rows, columns=3))
    assert re.findall(r"^a(\d+) &", text, re.MULTILINE) == [str(k) for k in range(groups * rows)]
    found = text.split("\\begin{table*}")[1:]
    assert len(found) == floats == text.count("\\end{table*}")
    assert all(one.count(" \\\\\n") <= PAGE_LINES for one in found)
    assert all("\\emph{group" in one for one in found)
    assert text.count("\\label{tab:long}") == 1
    assert (
        text.count("\\addtocounter{table}{-1}\n\\caption[]{A long one (continued).}") == floats - 1
    )
    assert [("once" in one) for one in found] == [False] * (floats - 1) + [True]


def test_groups_are_kept_together_where_a_page_has_room() -> None:
    first, second = latex(numbers(3, 25, columns=3)).split("\\begin{table*}")[1:]
    assert ("group 1" in first, "group 2" in first, "group 2" in second) == (True, False, True)


def test_names_the_task_so_that_one_document_may_have_the_table_of_two() -> None:
    tasks = [TaskRecord(name, label, (), (), 0, 0, 0, ()) for name, label in TASKS.items()]
    first, second = (latex(numbers(3, 40, columns=3), task) for task in tasks)
    assert first.count("\\label{tab:mnist-long}") == second.count("\\label{tab:mine_2-long}") == 1
    assert "\\caption{A long one. Task: MNIST.}" in first
    assert "\\caption[]{A long one. Task: Mine \\& yours (continued).}" in second


def test_unknown_task_is_not_named() -> None:
    assert latex(SENTENCES, UNKNOWN_TASK) == latex(SENTENCES)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize(
    "table", [numbers(1, 3, 11), numbers(6, 20, 4), SENTENCES], ids=["wide", "long", "sentences"]
)
def test_prints_on_a_page(table: Table, tmp_path: Path) -> None:
    (tmp_path / "page.tex").write_text(PAGE.replace("TABLE", latex(table)))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Overfull" not in done.stdout
    assert "too large" not in done.stdout
