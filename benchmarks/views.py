"""One table or figure of a run, as one wants it: ``uncertainty-bench table RUN NAME``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command_line import INSTALLED, exit_status, named_folder
from benchmarks.io import UserError, writable_folder, written_whole
from benchmarks.report.results import Results
from benchmarks.report.tables.declared import tables_of
from benchmarks.report.tables.table import latex as as_latex
from benchmarks.report.tables.table import markdown

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
    text = as_latex(tables[name]) if latex else markdown(tables[name])
    if out is None:
        print(text, end="")
        return
    with written_whole(_writable(out)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"wrote {out}")


def figure(
    run: RunFolder,
    name: Annotated[str, typer.Argument(help="Such as rotated or roc.", metavar="NAME")],
    methods: Annotated[
        str,
        typer.Option(
            help="Methods to show, separated by commas, of a certain size as mc_dropout-50.",
            metavar="LIST",
        ),
    ] = "",
    recipe: Annotated[
        str, typer.Option(help="How networks are trained; by default the run's main recipe.")
    ] = "",
    metrics: Annotated[str, typer.Option(help="Metrics to show.", metavar="LIST")] = "",
    conditions: Annotated[str, typer.Option(help="Conditions to show.", metavar="LIST")] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="The file: PDF, SVG or PNG.", show_default="NAME.pdf", metavar="FILE"),
    ] = None,
    title: Annotated[bool, typer.Option(help="Write the finding above the figure.")] = True,
) -> None:
    """Draw a figure of a run with what it is to show, for a paper."""
    from benchmarks.report import figures  # matplotlib is for this alone

    path = out or Path(f"{name}.pdf")
    if not (path.suffix or path.is_dir()):  # matplotlib would write to another name
        raise UserError(f"--out {path}: expected a file name that ends in .pdf, .svg or .png")
    drawn = figures.figure(
        run,
        name,
        methods=_names_in(methods),
        recipe=recipe or None,
        metrics=_names_in(metrics),
        conditions=_names_in(conditions),
        title=title,
    )
    figures.save_figure(drawn, _writable(path))
    print(f"wrote {path}")


def _names_in(text: str) -> list[str]:
    """The names that stand between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _writable(out: Path) -> Path:
    """The file that an option names, of which nothing but its content is missing.

    Raises:
        UserError: it is a folder, or its own folder cannot be written.
    """
    writable_folder("--out", out.parent)
    if out.is_dir():
        raise UserError(f"--out {out}: this is a folder; name a file")
    return out


VIEWS: Mapping[str, Callable[..., None]] = {"table": table, "figure": figure}


def command_line() -> int:
    """Run the sub-command that was called, and return its exit status: 2 for a user's mistake."""
    view = sys.argv[0].removeprefix(INSTALLED)
    return exit_status(VIEWS[view])
