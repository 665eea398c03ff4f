"""How commands begin and end: ``uncertainty-bench``, ``run_all.py`` and ``python -m benchmarks.…``.

It imports little, so that Ctrl-C in the first second is no other than later.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import NoReturn

PROGRAM = "uncertainty-bench"

INTERRUPTED = 128 + signal.SIGINT

CONTINUES = "the same command continues the run"

COMMANDS = {
    "run": "comparison.command",
    "score": "score",
    "check": "check",
    "across": "across.command",
    "lab": "lab.command",
    "table": "views",
    "figure": "views",
}
"""The sub-commands of the installed command, and their modules."""


def main() -> NoReturn:
    """Run the command that the arguments name; without a sub-command, a comparison."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in COMMANDS:
        sys.argv[:2] = [f"{PROGRAM} {name}"]
    elif name and not name.startswith("-"):
        print(
            f"error: there is no command {name!r}; choose from {', '.join(COMMANDS)}, or give "
            "options alone for a comparison",
            file=sys.stderr,
        )
        sys.exit(2)
    module = COMMANDS.get(name, COMMANDS["run"])
    run_command(f"benchmarks.{module}", CONTINUES if module == COMMANDS["run"] else "")


def run_command(module: str, again: str = "") -> NoReturn:
    """Import a module, run its ``command_line()``, and end the process with its status.

    Ctrl-C is one line and the status 130.

    Args:
        module: by its dotted name.
        again: what the same command does after an interruption.
    """
    # Of a crashed worker, joblib's own traceback; of a killed one, warnings of what it had open.
    os.environ.setdefault("PYTHONFAULTHANDLER", "")
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="replace")
    try:
        with _interrupted_at_once(again):
            command_line = import_module(module).command_line
        status = int(command_line())
    except KeyboardInterrupt:
        status = INTERRUPTED
    if status == INTERRUPTED:  # by Ctrl-C, also by that in what typer runs
        _tell_interruption(again)
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


@contextmanager
def _interrupted_at_once(again: str) -> Iterator[None]:
    """Let Ctrl-C end the process in the block, whose libraries may catch `KeyboardInterrupt`."""

    def end(*_: object) -> NoReturn:
        _tell_interruption(again)
        _leave(INTERRUPTED)

    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # else it is ignored, as in the background
        signal.signal(signal.SIGINT, end)
    yield
    signal.signal(signal.SIGINT, handler)


def _tell_interruption(again: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if again and "--overwrite" in sys.argv:
        again += ", without --overwrite"
    print(f"interrupted; {again}" if again else "interrupted", file=sys.stderr)


def _leave(status: int) -> NoReturn:
    """End without waiting for threads and processes that are still at work."""
    # Not imported, which may be what was interrupted: until it is, there are no processes.
    for process in getattr(sys.modules.get("multiprocessing"), "active_children", list)():
        with suppress(OSError):  # it has ended
            os.kill(process.pid, 9)  # joblib's processes have no such method
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
