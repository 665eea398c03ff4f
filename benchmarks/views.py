"""One table of a run, as one wants it: ``uncertainty-bench table RUN NAME``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command_line import INSTALLED, exit_status, named_folder
from benchmarks.errors import UserError
from benchmarks.files import written_whole
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import tables_of
from benchmarks.report.tables.formats import markdown
from benchmarks.report.tables.latex import latex as as_latex

RunFolder = Annotated[
    Path, typer.Argument(help="The folder of a run.", parser=named_folder, metavar="RUN")
]


def table(
    run: RunFolder,
    name: Annotated[str, typer.Argument(help="As its file in tables/ is called.", metavar="NAME")],
    latex: Annotated[
        bool, typer.Option("--latex", help="For LaTeX with booktabs, instead of Markdown.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; else it is printed.", metavar="FILE")
    ] = None,
) -> None:
    """Print a table of a run, or write it to a file."""
    results = Results.load(run)
    tables = {one.name: one for one in tables_of(results)}
    if name not in tables:
        raise UserError(f"there is no table {name!r}; choose from {', '.join(tables)}")
    text = as_latex(tables[name], results.names.task) if latex else markdown(tables[name])
    if out is None:
        print(text, end="")
        return
    with written_whole(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"wrote {out}")


VIEWS = {"table": table}


def command_line() -> int:
    """Run the sub-command that was called, and return its exit status: 2 for a user's mistake."""
    view = sys.argv[0].removeprefix(INSTALLED)
    return exit_status(VIEWS[view])
