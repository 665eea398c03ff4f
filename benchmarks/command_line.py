"""What the command lines share: options, the choice of device, and exit statuses."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer

from benchmarks.data.files import DATA_VARIABLE, Unavailable
from benchmarks.io import MachineError, UserError, existing_folder, printable, writable_folder
from benchmarks.run.configuration import NETWORKS as NETWORKS
from benchmarks.run.configuration import fitting_device as fitting_device
from benchmarks.run.configuration import fitting_jobs as fitting_jobs
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace, compile_once
from methods.networks.training import TrainingDivergedError

INSTALLED = "uncertainty-bench "
"""How the installed command calls itself and a sub-command, in place of a file."""


def named_folder(text: str | Path) -> Path:
    """The folder that an option names; `Path` would take an empty name for the current folder."""
    if not str(text).strip():
        raise typer.BadParameter("the name is empty; name a folder, or write . for this one")
    return Path(text)


Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option(help="Where networks are trained and evaluated.")
]
EngineChoice = Annotated[
    Literal["auto", "numba", "torch"],
    typer.Option(help="Numba kernels (on the CPU only), or PyTorch."),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        help="A folder with your data sets.",
        envvar=DATA_VARIABLE,
        parser=named_folder,
        metavar="PATH",
    ),
]
Networks = Annotated[
    Path,
    typer.Option(
        help="Where trained networks are stored.",
        show_default="the cache",
        parser=named_folder,
        metavar="PATH",
    ),
]


def workspace_for(out: Path, plan: Plan, *, networks: Path, data_dir: Path | None) -> Workspace:
    """Where a command computes that writes one file, with networks that are stored.

    The kernels are compiled if it needs them.
    """
    workspace = Workspace(
        out=writable_folder("--out", out.parent),
        networks=existing_folder("--networks", networks),
        data_dir=data_dir,
        jobs=fitting_jobs(plan.configuration.device),
    )
    if plan.configuration.engine == "numba":
        compile_once()
    return workspace


def exit_status(main: Callable[..., None], name: str | None = None) -> int:
    """Run a function as a command line and return its exit status.

    0 where all went well, 1 where the machine failed, 2 for what only the user can correct; the
    function itself may raise ``typer.Exit`` with another. An error is one line on stderr.

    Args:
        main: its parameters are the command's arguments and options.
        name: what the help calls the command, if it is not the file that was run.
    """
    name = sys.argv[0] if sys.argv[0].startswith(INSTALLED) else name
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        return app(standalone_mode=False, prog_name=name) or 0
    except MachineError as error:
        return _failed(str(error), 1)
    except (UserError, Unavailable, TrainingDivergedError) as error:
        return _failed(str(error), 2)
    except typer.TyperException as error:
        return _failed(error.format_message(), 2)
    except OSError as error:
        # Of a closed pipe there is nothing to say.
        return 1 if isinstance(error, BrokenPipeError) else _failed(*_system_fault(error))
    except (MemoryError, torch.cuda.OutOfMemoryError) as error:
        return _failed(f"there is not enough memory ({_first_line(error)})", 1)


def _system_fault(error: OSError) -> tuple[str, int]:
    """What the system refused, and the status: a name that is too long was the user's choice."""
    file = error.filename or "the standard output, or a file"
    what = f"{file}: {error.strerror or _first_line(error)}"
    if error.errno == errno.ENAMETOOLONG:
        return f"{what}; choose a shorter name", 2
    return what, 1


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _failed(message: str, status: int) -> int:
    # A path may hold line breaks, and what a terminal takes for a command.
    print(f"error: {printable(message)}", file=sys.stderr)
    return status
