"""The project's site: ``python -m benchmarks.site``."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from benchmarks.command_line import exit_status, named_folder
from benchmarks.errors import UserError
from benchmarks.site.output import require_replaceable
from benchmarks.site.runs import COMMITTED, read_runs
from benchmarks.vocabulary import INDEX_HTML, LAB_HTML

LIBRARIES = ("griffe", "material", "mkdocs", "mkdocstrings_handlers.python", "nbconvert")
"""What the extra `docs` installs."""

CHECKOUT = Path(__file__).parents[2]


def main(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders of results; the first one's page is the main one.",
            metavar="[RUN…]",
            parser=named_folder,
            show_default=", ".join(COMMITTED),
        ),
    ] = None,
    lab: Annotated[
        bool,
        typer.Option(
            "--lab", help="Make the lab, too, if the first run's folder has none (in minutes)."
        ),
    ] = False,
    out: Annotated[
        Path,
        typer.Option(help="Where to write.", parser=named_folder, metavar="PATH"),
    ] = Path("site"),
) -> None:
    """Make the project's site: docs, API reference, results and lab, as pages.

    It needs a checkout, and the libraries of the extra `docs`. Its pages are read from files, or
    put on any server; they request nothing from others.
    """
    _require_checkout()
    _require_libraries()
    chosen = read_runs(runs or [CHECKOUT / run for run in COMMITTED])
    require_replaceable(out, chosen)
    from benchmarks.site.building import build  # here: the libraries may be missing

    with TemporaryDirectory() as scratch:
        if lab and chosen[0].lab is None:
            chosen = [chosen[0].with_lab(_made_lab(Path(scratch))), *chosen[1:]]
        build(CHECKOUT, chosen, out)
    if not any(run.lab for run in chosen):
        print(
            f"The site has no lab: no run has a {LAB_HTML}. python -m benchmarks.lab --out "
            f"{runs[0] if runs else COMMITTED[0]}/{LAB_HTML} makes it, and so does --lab here."
        )
    print(f"wrote {out / INDEX_HTML}")


def missing_libraries() -> list[str]:
    """Those of `LIBRARIES` that are not installed."""
    return [name for name in LIBRARIES if not _installed(name)]


def _require_checkout() -> None:
    if not (CHECKOUT / "docs").is_dir() or not (CHECKOUT / "CONTRIBUTING.md").is_file():
        raise UserError(
            f"there are no docs beside the package ({CHECKOUT}); the site is made in a checkout of "
            "the repository, where the suite is installed by: python -m pip install -e '.[docs]'"
        )


def _require_libraries() -> None:
    if missing := missing_libraries():
        raise UserError(
            f"the site needs {', '.join(missing)}, which is not installed; install it with: "
            "python -m pip install -e '.[docs]'"
        )


def _installed(name: str) -> bool:
    """Also where the package that it lies in is missing."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _made_lab(folder: Path) -> Path:
    """The lab, made by its own command, which says what is wrong if it fails."""
    page = folder / LAB_HTML
    status = subprocess.run([sys.executable, "-m", "benchmarks.lab", "--out", page]).returncode
    if status:
        raise typer.Exit(status)
    return page


def command_line() -> int:
    """Run the command line and return its exit status: 2 for a user's mistake."""
    return exit_status(main, "python -m benchmarks.site")
