"""The door of the suite: ``python run_all.py``, and the installed ``uncertainty-bench``.

Here stands how a command begins and ends; the sub-commands are in `benchmarks.commands`. Little is
imported before these, so that Ctrl-C behaves the same during start-up.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

INTERRUPTED = 128 + signal.SIGINT
"""The exit status after Ctrl-C."""


def main() -> NoReturn:
    """Run the sub-command that the arguments name, and end the process with its status."""
    run_command(lambda: sub_command(sys.argv[1:]))


def sub_command(arguments: Sequence[str]) -> Any:
    """Run the sub-command that is named first, by default ``run``, with the other arguments."""
    from benchmarks.commands import app

    return app(_with_command(arguments), standalone_mode=False)


def _with_command(arguments: Sequence[str]) -> list[str]:
    return [*(["run"] if not arguments or arguments[0].startswith("-") else []), *arguments]


def run_command(command: Callable[[], Any]) -> NoReturn:
    """Run a command, and end the process with its exit status.

    Ctrl-C is one line and the status 130.
    """
    # Of a crashed worker, joblib's own traceback; of a killed one, warnings of what it had open.
    os.environ.setdefault("PYTHONFAULTHANDLER", "")
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="replace")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)  # else it is ignored, as in the background
    try:
        status = exit_status(command)
    except KeyboardInterrupt:
        status = INTERRUPTED
    if status == INTERRUPTED:
        _tell_interruption()
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError as error:  # a full disk, or a reader that has seen enough
        if not (status or isinstance(error, BrokenPipeError)):
            print(f"error: the standard output: {error.strerror}", file=sys.stderr)
        status = status or 1
    if status:
        _leave(status)
    sys.exit()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise `KeyboardInterrupt`; but end at once within an import: libraries may catch it."""
    caller = frame
    while caller is not None:
        if caller.f_code.co_filename.startswith("<frozen importlib"):
            _tell_interruption()
            _leave(INTERRUPTED)
        caller = caller.f_back
    signal.default_int_handler(number, frame)


def _tell_interruption() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    text = "interrupted"
    if _with_command(sys.argv[1:])[0] == "run":
        text += "; the same command continues the run"
        text += ", without --overwrite" if "--overwrite" in sys.argv else ""
    print(text, file=sys.stderr)


def _leave(status: int) -> NoReturn:
    """End without waiting for threads and processes that are still at work."""
    # Not imported, which may be what was interrupted: until it is, there are no processes.
    for process in getattr(sys.modules.get("multiprocessing"), "active_children", list)():
        with suppress(OSError):  # it has ended
            os.kill(process.pid, signal.SIGKILL)  # joblib's processes have no such method
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(status)


def exit_status(command: Callable[[], Any]) -> int:
    """Run a command and return its exit status; an error is one line on stderr.

    0 where all went well, 1 where the machine failed, 2 for what only the user can correct; the
    command may return another itself.
    """
    import typer

    from benchmarks.io import MachineError, UserError

    try:
        return command() or 0
    except MachineError as error:
        return _failed(str(error), 1)
    except UserError as error:
        return _failed(str(error), 2)
    except typer.TyperException as error:
        return _failed(error.format_message(), 2)
    except OSError as error:
        # Of a closed pipe there is nothing to say.
        return 1 if isinstance(error, BrokenPipeError) else _failed(*_system_fault(error))
    except Exception as error:
        # Where these are raised, they are imported.
        import torch

        from benchmarks.data.files import Unavailable
        from methods.networks.training import TrainingDivergedError

        if isinstance(error, (Unavailable, TrainingDivergedError)):
            return _failed(str(error), 2)
        if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
            return _failed(f"there is not enough memory ({_first_line(error)})", 1)
        raise


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
    from benchmarks.io import printable

    # A path may hold line breaks, and what a terminal takes for a command.
    print(f"error: {printable(message)}", file=sys.stderr)
    return status
