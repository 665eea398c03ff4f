"""How a command ends: with its status, and never with a traceback of something foreseen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import NoReturn

from benchmarks.process import watcher
from benchmarks.process.children import end_children
from benchmarks.process.interruption import Interruption
from benchmarks.process.notes import FOLDER
from benchmarks.process.streams import give_up_output, lost_output, tolerate_encodings

LAST_WORDS = (
    "error: the process ended before its work was done{doing}: it crashed, was killed, perhaps for "
    "want of memory, or a custom method has ended it"
)


def run_command(module: str, again: str = "") -> NoReturn:
    """Import a module, run its ``command_line()``, and end the process with its status.

    The imports are a part of it: Ctrl-C in their first second is no other than later.

    Args:
        module: by its dotted name.
        again: what the same command does after an interruption.
    """
    tolerate_encodings()
    _keep_children_quiet()
    say_goodbye = _watched(f"{LAST_WORDS}; {again}" if again else LAST_WORDS)
    interruption = Interruption(f"interrupted; {again}" if again else "interrupted", say_goodbye)
    interruption.install()
    status = _status(module, interruption)
    if interruption.by is not None or status == 128 + signal.SIGINT:
        interruption.leave(interruption.by or signal.SIGINT)
    status = _status_of_output(status)
    say_goodbye()
    if status:
        # Threads may still be at work after a failure; see `Interruption.leave`.
        end_children()
        os._exit(status)
    sys.exit()


def _status(module: str, interruption: Interruption) -> int:
    try:
        command = import_module(module)
        with interruption.raised():
            status: int = command.command_line()
            return status
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:
        if interruption.by is None:  # else it comes of the interruption
            traceback.print_exc()
        return 1


def _status_of_output(status: int) -> int:
    """The status, or 1 where the output was lost; a reader that has seen enough needs no words."""
    if (error := lost_output()) is not None:
        give_up_output()
        if not isinstance(error, BrokenPipeError):
            print(f"error: the standard output: {error.strerror}", file=sys.stderr)
        return status or 1
    with suppress(OSError):
        sys.stderr.flush()
    return status


def _keep_children_quiet() -> None:
    """One line says that a worker has crashed; what a killed process has left goes without words.

    Whoever sets these variables keeps what they chose.
    """
    os.environ.setdefault("PYTHONFAULTHANDLER", "")  # joblib's workers show a trace without it
    chosen = os.environ.get("PYTHONWARNINGS")
    ours = "ignore:resource_tracker"
    os.environ["PYTHONWARNINGS"] = f"{chosen},{ours}" if chosen else ours


def _watched(words: str) -> Callable[[], None]:
    """Start the watcher; what is returned tells it that the process ends by itself."""
    reading, writing = os.pipe()
    try:
        notes = mkdtemp(prefix="uncertainty-bench-")
        subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(watcher.__file__)), words, notes],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is not for it
        )
    except OSError:  # then without one
        return lambda: None
    finally:
        os.close(reading)
    os.environ[FOLDER] = notes

    def say_goodbye() -> None:
        with suppress(OSError):
            os.write(writing, b"!")

    return say_goodbye
