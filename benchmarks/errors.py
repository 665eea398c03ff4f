"""The error for a user's mistakes, distinguished from faults of the suite."""

from __future__ import annotations


class UserError(Exception):
    """A mistake that the user can correct.

    The message names the value, what was expected and what to do; the command line prints it as
    one line and ends with status 2.
    """
