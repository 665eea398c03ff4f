"""The errors that are one line: a user's mistakes, and faults of the machine."""

from __future__ import annotations

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""Shown instead of what cannot be, such as control characters."""

AGAIN = "Run the same command again: what is finished is kept"
"""What to do after a fault of the machine, at the end of its message."""


class UserError(Exception):
    """A mistake that the user can correct.

    The message names the value, what was expected and what to do; the command line prints it as
    one line and ends with status 2.
    """


class MachineError(Exception):
    """A fault of the machine, such as too little memory: no mistake of the user, nor of the suite.

    The command line prints the message as one line and ends with status 1.
    """


def one_line(error: BaseException) -> str:
    """The kind of the error and the first line of what it says, whatever a user's code says."""
    try:
        lines = str(error).splitlines()
    except Exception:
        lines = []
    text = next(filter(str.strip, lines), "")
    shown = "".join(letter if letter.isprintable() else REPLACEMENT for letter in text)
    return f"{type(error).__name__}: {shown.strip()}"
