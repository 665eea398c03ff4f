"""How a command ends: with its status, and never with a traceback of something foreseen."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NoReturn

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
    interruption = Interruption(f"interrupted; {again}" if again else "interrupted")
    interruption.install()
    tolerate_encodings()
    _keep_children_quiet()
    _start_watcher(f"{LAST_WORDS}; {again}" if again else LAST_WORDS, interruption)
    status = _status(module, interruption)
    if interruption.by is not None or status == 128 + signal.SIGINT:
        lost_output()  # flushes it
        interruption.leave(interruption.by or signal.SIGINT)
    status = _status_of_output(status)
    if interruption.before is not None:
        interruption.before()
    if status:
        # Threads may still be at work after a failure; see `Interruption.leave`.
        end_children()
        os._exit(status)
    interruption.ignore()
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
            sys.excepthook(*sys.exc_info())
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


def _start_watcher(words: str, interruption: Interruption) -> None:
    """Start the watcher, and have it told when the process ends by itself."""
    # Here, not above, as elsewhere in this package: these take longer than all the rest.
    import subprocess
    from tempfile import mkdtemp

    reading, writing = os.pipe()
    interruption.before = partial(_tell, writing)
    try:
        notes = mkdtemp(prefix="uncertainty-bench-")
        os.environ[FOLDER] = notes
        subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("watcher.py")), words, notes],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is not for it
        )
    except OSError:
        pass  # then without one
    finally:
        os.close(reading)


def _tell(watcher: int) -> None:
    with suppress(OSError):
        os.write(watcher, b"!")
