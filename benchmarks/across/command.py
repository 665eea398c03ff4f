"""Compare runs of several tasks and networks: ``python -m benchmarks.across RUN…``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.across.writing import write_across
from benchmarks.command_line import exit_status, named_folder
from benchmarks.io import UserError, writable_folder
from benchmarks.vocabulary import ACROSS_MD, RUN_JSON


def main(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Folders of runs.", metavar="RUN…", parser=named_folder),
    ],
    out: Annotated[
        Path,
        typer.Option(help="Where to write.", parser=named_folder, metavar="PATH"),
    ] = Path("results/across"),
) -> None:
    """Tell which decisions hold in several runs, for example of several tasks or networks.

    The folder gets a table of the decisions, a column a run, and of rank correlations of methods,
    as Markdown and as CSV.
    """
    if (out / RUN_JSON).exists():
        raise UserError(f"--out {out}: this folder holds a run; name another folder")
    folder = writable_folder("--out", out)
    print(write_across(runs, folder))
    print(f"tables: {folder / ACROSS_MD}")


def command_line() -> int:
    """Run the command line and return its exit status: 2 for a user's mistake."""
    return exit_status(main, "python -m benchmarks.across")
