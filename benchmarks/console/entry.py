"""The installed command: ``uncertainty-bench`` runs a comparison, with a sub-command another.

``uncertainty-bench score mine.npz`` is ``python -m benchmarks.score mine.npz``; without a
sub-command it is ``python run_all.py``.
"""

from __future__ import annotations

import sys
from typing import NamedTuple, NoReturn

from benchmarks.process.ending import run_command

PROGRAM = "uncertainty-bench"


class Command(NamedTuple):
    """What a sub-command runs.

    Attributes:
        module: with a function ``command_line``.
        again: what the same command does after an interruption.
    """

    module: str
    again: str = ""


COMPARISON = Command("benchmarks.comparison.command", "the same command continues the run")

COMMANDS = {
    "run": COMPARISON,
    "score": Command("benchmarks.score.command"),
    "check": Command("benchmarks.epistemic_check.command"),
    "across": Command("benchmarks.across.command"),
    "lab": Command("benchmarks.lab.command"),
}


def main() -> NoReturn:
    """Run the command that the arguments name, and end the process with its status."""
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
    else:
        sys.argv[0] = PROGRAM
    command = COMMANDS.get(name, COMPARISON)
    run_command(command.module, command.again)
